import { LRUCache } from 'lru-cache';
import { type Clock, hostClock } from '../clock.ts';
import type { SessionInfo } from '../protocol/session.ts';
import type { Booking } from './booking-client.ts';

const maxVerified = 20_000;
/** A reconnect storm must leave the booking processes, and our connections to them, to the commands. */
const maxRequests = 32;

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
  /** By token: until when it is good, on the clock. */
  readonly #goodUntilMs = new LRUCache<string, number>({ max: maxVerified });
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
    const remainingMs = (this.#goodUntilMs.get(token) ?? Number.NEGATIVE_INFINITY) - this.#clock.nowMs();
    if (remainingMs > 0) return remainingMs;
    let running = this.#running.get(token);
    if (!running) {
      running = this.#verify(token).finally(() => this.#running.delete(token));
      this.#running.set(token, running);
    }
    return running;
  }

  /** The next check asks the booking service. */
  forget(token: string): void {
    this.#goodUntilMs.delete(token);
  }

  async #verify(token: string): Promise<number | undefined> {
    await this.#turn();
    try {
      const session = await this.#booking.session(token);
      if (!session) {
        this.forget(token);
        return undefined;
      }
      // The two hosts' clocks may differ: near its end a session must not be asked about in a loop.
      const remainingMs = Math.max(lifetimeMs(session), this.#minIntervalMs);
      this.#goodUntilMs.set(token, this.#clock.nowMs() + remainingMs);
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

/** `expires_in` needs no clock of ours. */
function lifetimeMs({ expires_in, expires_at }: SessionInfo): number {
  return expires_in === undefined ? expires_at * 1000 - Date.now() : expires_in * 1000;
}
