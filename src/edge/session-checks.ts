import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Clock, hostClock } from '../process/clock.ts';
import type { SessionInfo } from '../protocol/session.ts';
import type { Booking } from './booking-client.ts';

const maxVerified = 20_000;
/** A reconnect storm must leave the booking processes, and our connections to them, to the commands. */
const maxRequests = 8;

interface Verified {
  userId: string;
  /** On the clock. */
  goodUntilMs: number;
}

interface SessionChecksOptions {
  booking: Pick<Booking, 'session'>;
  /** A session counts as good for at least this long after it was verified. */
  minIntervalMs: number;
  clock?: Clock;
}

/** Verifies session tokens at the booking service: once for all connections with that token, and again only after its end. */
export class SessionChecks {
  readonly #booking: Pick<Booking, 'session'>;
  readonly #minIntervalMs: number;
  readonly #clock: Clock;
  /** By hash of the token: all keys have one size, and a dump of the memory has no tokens. */
  readonly #verified = new LRUCache<string, Verified>({ max: maxVerified });
  readonly #running = new Map<string, Promise<number | undefined>>();
  readonly #waiting: (() => void)[] = [];
  #requests = 0;

  constructor({ booking, minIntervalMs, clock = hostClock }: SessionChecksOptions) {
    this.#booking = booking;
    this.#minIntervalMs = minIntervalMs;
    this.#clock = clock;
  }

  /** How long the session is good; undefined if the booking service says that it is over. Rejects if it cannot be asked. */
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

  /** The user of a session that was verified here and is still good. Asks nobody. */
  knownUserOf(token: string | undefined): string | undefined {
    return token === undefined ? undefined : this.#known(keyOf(token))?.userId;
  }

  /** The next check asks the booking service. */
  forget(token: string): void {
    this.#verified.delete(keyOf(token));
  }

  #known(key: string): Verified | undefined {
    const verified = this.#verified.get(key);
    return verified && verified.goodUntilMs > this.#clock.nowMs() ? verified : undefined;
  }

  async #verify(token: string, key: string): Promise<number | undefined> {
    await this.#turn();
    try {
      const session = await this.#booking.session(token);
      if (!session) {
        this.#verified.delete(key);
        return undefined;
      }
      // The two hosts' clocks may differ: near its end a session must not be asked about in a loop.
      const remainingMs = Math.max(lifetimeMs(session), this.#minIntervalMs);
      this.#verified.set(key, { userId: session.user_id, goodUntilMs: this.#clock.nowMs() + remainingMs });
      return remainingMs;
    } finally {
      this.#requests--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#requests >= maxRequests) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#requests++;
  }
}

const keyOf = (token: string): string => hash('sha256', token, 'base64url');

/** `expires_in` needs no clock of ours. */
function lifetimeMs({ expires_in, expires_at }: SessionInfo): number {
  return expires_in === undefined ? expires_at * 1000 - Date.now() : expires_in * 1000;
}
