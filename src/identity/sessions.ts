import { randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { sessionUserPrefix } from '../protocol/session.ts';
import type { SessionKeys } from './session-keys.ts';

const algorithm = 'HS256';
const issuer = 'concert-booking';
const audience = 'concert-booking';
const maxVerified = 10_000;
/** 16 bytes are not to be guessed. */
const userIdBytes = 16;

export interface Session {
  userId: string;
  /** Unix milliseconds on this host's clock. */
  expiresAtMs: number;
}

export interface IssuedSession extends Session {
  token: string;
}

/** Guest sessions: a token says, signed, which random user its bearer is. Nothing of them is stored. */
export class Sessions {
  readonly #keys: SessionKeys;
  readonly #ttlMs: number;
  /** By token. A signature costs more to check than all else that a request needs. */
  readonly #verified = new LRUCache<string, Session>({ max: maxVerified });

  constructor({ keys, ttlMs }: { keys: SessionKeys; ttlMs: number }) {
    this.#keys = keys;
    this.#ttlMs = ttlMs;
  }

  /** For a new user, or for one whose session goes on. */
  async issue(userId = newUserId()): Promise<IssuedSession> {
    const { id, secret } = this.#keys.signing;
    const issuedAtS = Math.floor(Date.now() / 1000);
    const expiresAtS = issuedAtS + Math.floor(this.#ttlMs / 1000);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: algorithm, kid: id })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAtS)
      .setExpirationTime(expiresAtS)
      .sign(secret);
    return { userId, token, expiresAtMs: expiresAtS * 1000 };
  }

  /** The session of a token that was verified before; undefined: `verify` has to check its signature. */
  known(token: string): Session | undefined {
    const session = this.#verified.get(token);
    return session && session.expiresAtMs > Date.now() ? session : undefined;
  }

  /** Rejects with an `InvalidSessionError`, of whose reason the bearer is told nothing but that it is over or wrong. */
  async verify(token: string): Promise<Session> {
    const session = this.#verified.get(token) ?? (await this.#verifySignature(token));
    if (session.expiresAtMs <= Date.now()) throw new InvalidSessionError('The session is over');
    return session;
  }

  async #verifySignature(token: string): Promise<Session> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#secret(kid), {
        algorithms: [algorithm],
        issuer,
        audience,
        requiredClaims: ['sub', 'exp'],
      });
      const { sub: userId = '', exp = 0 } = payload;
      if (!userId.startsWith(sessionUserPrefix)) throw new InvalidSessionError('The session is of nobody');
      const session = { userId, expiresAtMs: exp * 1000 };
      this.#verified.set(token, session);
      return session;
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) throw new InvalidSessionError('The session is over', { cause });
      throw new InvalidSessionError('The session token is not one of ours', { cause });
    }
  }

  #secret(id: string | undefined): Uint8Array {
    const secret = this.#keys.known.get(id ?? '');
    if (!secret) throw new InvalidSessionError('The key is not known');
    return secret;
  }
}

function newUserId(): string {
  return sessionUserPrefix + randomBytes(userIdBytes).toString('base64url');
}

export class InvalidSessionError extends Error {
  override name = 'InvalidSessionError';
}
