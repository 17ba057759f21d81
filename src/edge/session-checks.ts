import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Batcher } from '../process/batcher.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import { maxSessionsPerBatch, type SessionInfo } from '../protocol/session.ts';
import type { BookingApi } from './booking-client.ts';

const maxVerified = 20_000;
/** Tokens that arrive within this time share a request. A check only ends connections, so it may be late. */
const gatherMs = 25;

interface Verified {
  userId: string;
  /** On the injected clock. */
  goodUntilMs: number;
}

interface SessionChecksOptions {
  booking: Pick<BookingApi, 'sessions'>;
  /** A session counts as valid for at least this long after it was verified. */
  minIntervalMs: number;
  clock?: Clock;
}

/**
 * Verifies session tokens at the booking service: once for all connections with a token, and again only when it expires. One
 * request at a time, for all tokens that wait: in a storm of reconnects the booking processes keep their capacity for commands.
 */
export class SessionChecks {
  readonly #requests: Batcher<string, SessionInfo | undefined>;
  readonly #minIntervalMs: number;
  readonly #clock: Clock;
  /** Keyed by hash of the token: all keys have the same size, and a memory dump shows no tokens. */
  readonly #verified = new LRUCache<string, Verified>({ max: maxVerified });
  readonly #running = new Map<string, Promise<number | undefined>>();

  constructor({ booking, minIntervalMs, clock = hostClock }: SessionChecksOptions) {
    this.#requests = new Batcher({
      call: (tokens) => booking.sessions(tokens),
      begin: (work) => void clock.setTimeout(work, gatherMs),
      fits: ({ length }) => Math.min(length, maxSessionsPerBatch),
    });
    this.#minIntervalMs = minIntervalMs;
    this.#clock = clock;
  }

  /** Remaining lifetime; undefined if the session has ended. Rejects if the booking service is unavailable. */
  async remainingMs(token: string): Promise<number | undefined> {
    const key = keyOf(token);
    const verified = this.#known(key);
    if (verified) return verified.goodUntilMs - this.#clock.nowMs();
    let running = this.#running.get(key);
    if (!running) {
      running = this.#verify(token, key).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return running;
  }

  /** The user of a session that this edge has verified and that is still valid. Sends no request. */
  knownUserOf(token: string | undefined): string | undefined {
    return token === undefined ? undefined : this.#known(keyOf(token))?.userId;
  }

  /** Makes the next check request the booking service. */
  forget(token: string): void {
    this.#verified.delete(keyOf(token));
  }

  #known(key: string): Verified | undefined {
    const verified = this.#verified.get(key);
    return verified && verified.goodUntilMs > this.#clock.nowMs() ? verified : undefined;
  }

  async #verify(token: string, key: string): Promise<number | undefined> {
    const session = await this.#requests.request(token);
    if (!session) {
      this.#verified.delete(key);
      return undefined;
    }
    // The clocks of the two hosts may differ: a session near its end must not be checked in a loop.
    const remainingMs = Math.max(lifetimeMs(session), this.#minIntervalMs);
    this.#verified.set(key, { userId: session.user_id, goodUntilMs: this.#clock.nowMs() + remainingMs });
    return remainingMs;
  }
}

const keyOf = (token: string): string => hash('sha256', token, 'base64url');

/** Prefers `expires_in`, which does not depend on this host's clock. */
function lifetimeMs({ expires_in, expires_at }: SessionInfo): number {
  return expires_in === undefined ? expires_at * 1000 - Date.now() : expires_in * 1000;
}
