import { randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { Compile } from 'typebox/compile';
import { UserId } from '../protocol/seat.ts';
import { sessionUserPrefix } from '../protocol/session.ts';
import type { SessionKeys } from './session-keys.ts';

const algorithm = 'HS256';
const issuer = 'concert-booking';
const audience = 'concert-booking';
const maxVerified = 10_000;
/** 16 bytes cannot be guessed. */
const userIdBytes = 16;
const userIds = Compile(UserId);

/** The first token of a session. Renewals keep it, so that a session outlives neither its first key nor its maximum age. */
interface SessionOrigin {
  keyId: string;
  /** Unix seconds on this host's clock. */
  issuedAtS: number;
}

export interface Session {
  userId: string;
  /** Unix milliseconds on this host's clock. */
  expiresAtMs: number;
  origin: SessionOrigin;
}

export interface IssuedSession extends Session {
  token: string;
}

/** Guest sessions: a signed token names a random user. The server stores nothing. */
export class Sessions {
  readonly #keys: SessionKeys;
  readonly #ttlS: number;
  readonly #maxAgeS: number;
  /** Keyed by token: verifying a signature is the costliest part of a request. */
  readonly #verified = new LRUCache<string, Session>({ max: maxVerified });

  /** `ttlMs` is the lifetime of one token, `maxAgeMs` that of a session with all its renewals. */
  constructor({ keys, ttlMs, maxAgeMs }: { keys: SessionKeys; ttlMs: number; maxAgeMs: number }) {
    this.#keys = keys;
    this.#ttlS = Math.floor(ttlMs / 1000);
    this.#maxAgeS = Math.floor(maxAgeMs / 1000);
  }

  /** Creates a session with a new user, or renews a verified one. */
  async issue(renewed?: Session): Promise<IssuedSession> {
    const { id, secret } = this.#keys.signing;
    const issuedAtS = Math.floor(Date.now() / 1000);
    const { userId, origin } = renewed ?? { userId: newUserId(), origin: { keyId: id, issuedAtS } };
    const expiresAtS = Math.min(issuedAtS + this.#ttlS, origin.issuedAtS + this.#maxAgeS);
    const token = await new SignJWT({ auth_time: origin.issuedAtS, first_kid: origin.keyId })
      .setProtectedHeader({ alg: algorithm, kid: id })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAtS)
      .setExpirationTime(expiresAtS)
      .sign(secret);
    return { userId, token, expiresAtMs: expiresAtS * 1000, origin };
  }

  /** The session of a token that was verified before; undefined if `verify` has to check its signature. */
  known(token: string): Session | undefined {
    const session = this.#verified.get(token);
    return session && session.expiresAtMs > Date.now() ? session : undefined;
  }

  /** Rejects with an `InvalidSessionError`. Its message reveals only that the session has ended or is invalid. */
  async verify(token: string): Promise<Session> {
    const session = this.#verified.get(token) ?? (await this.#verifySignature(token));
    if (session.expiresAtMs <= Date.now()) throw new InvalidSessionError('The session has ended');
    return session;
  }

  async #verifySignature(token: string): Promise<Session> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => this.#secret(kid), {
        algorithms: [algorithm],
        issuer,
        audience,
        requiredClaims: ['sub', 'iat', 'exp'],
      });
      const { sub: userId, iat = 0, exp = 0, auth_time = iat, first_kid = protectedHeader.kid } = payload;
      if (!userIds.Check(userId) || !userId.startsWith(sessionUserPrefix)) {
        throw new InvalidSessionError('The session has no valid user');
      }
      if (typeof auth_time !== 'number' || typeof first_kid !== 'string') {
        throw new InvalidSessionError('The session has no origin');
      }
      this.#secret(first_kid);
      const expiresAtMs = Math.min(exp, auth_time + this.#maxAgeS) * 1000;
      const session = { userId, expiresAtMs, origin: { keyId: first_kid, issuedAtS: auth_time } };
      this.#verified.set(token, session);
      return session;
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) throw new InvalidSessionError('The session has ended', { cause });
      throw new InvalidSessionError('The session token is invalid', { cause });
    }
  }

  #secret(id: string | undefined): Uint8Array {
    const secret = this.#keys.known.get(id ?? '');
    if (!secret) throw new InvalidSessionError('The key is unknown');
    return secret;
  }
}

function newUserId(): string {
  return sessionUserPrefix + randomBytes(userIdBytes).toString('base64url');
}

export class InvalidSessionError extends Error {
  override name = 'InvalidSessionError';
}
