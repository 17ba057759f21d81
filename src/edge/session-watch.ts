import type { Logger } from 'pino';
import { type Clock, hostClock } from '../process/clock.ts';
import type { SessionChecks } from './session-checks.ts';

/** Connections that came together must not ask together for ever. */
const maxJitterMs = 5_000;

interface SessionWatchOptions {
  checks: Pick<SessionChecks, 'remainingMs' | 'forget'>;
  /** The booking service says that the session is over, or none of ours. */
  onOver: () => void;
  /** How long to wait after a check that could not be made. */
  retryMs: number;
  logger: Logger;
  clock?: Clock;
}

/** Watches the session of one connection, one check at a time. Only the booking service decides that a session is over. */
export class SessionWatch {
  readonly #options: SessionWatchOptions;
  readonly #clock: Clock;
  #token: string | undefined;
  #timer: unknown;
  #isChecking = false;
  #isClosed = false;

  constructor(options: SessionWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  /** From now on the connection has this session. */
  follow(token: string | undefined): void {
    if (token === undefined || token === this.#token) return;
    this.#token = token;
    void this.#check(token);
  }

  /** A command with this session was refused as UNAUTHENTICATED. */
  doubt(): void {
    if (this.#token === undefined) return;
    this.#options.checks.forget(this.#token);
    void this.#check(this.#token);
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#timer);
  }

  async #check(token: string): Promise<void> {
    if (this.#isChecking || this.#isClosed) return; // the check under way goes on with the newest token
    this.#isChecking = true;
    this.#clock.clearTimeout(this.#timer);
    const remainingMs = await this.#remainingMs(token);
    this.#isChecking = false;
    if (this.#isClosed) return;
    if (token !== this.#token) void this.#check(this.#token as string);
    else if (remainingMs === undefined) this.#options.onOver();
    else this.#checkLater(token, remainingMs);
  }

  async #remainingMs(token: string): Promise<number | undefined> {
    const { checks, retryMs, logger } = this.#options;
    try {
      return await checks.remainingMs(token);
    } catch (error) {
      logger.debug({ error: (error as Error).message }, 'A session cannot be checked now');
      return retryMs;
    }
  }

  #checkLater(token: string, delayMs: number): void {
    const jitterMs = Math.random() * Math.min(delayMs, maxJitterMs);
    this.#timer = this.#clock.setTimeout(() => void this.#check(token), delayMs + jitterMs);
  }
}
