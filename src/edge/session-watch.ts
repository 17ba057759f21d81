import type { Logger } from 'pino';
import { type Clock, hostClock } from '../process/clock.ts';
import { messageOf } from '../process/error-facts.ts';
import type { SessionChecks } from './session-checks.ts';

/** Spreads the checks of connections that were opened at the same time. */
const maxJitterMs = 5_000;

interface SessionWatchOptions {
  checks: Pick<SessionChecks, 'remainingMs' | 'forget'>;
  /** Called when the booking service reports that the session has ended or is unknown. */
  onEnded: () => void;
  /** Delay after a failed check. */
  retryMs: number;
  logger: Logger;
  clock?: Clock;
}

/** Watches the session of one connection, one check at a time. Only the booking service decides that a session has ended. */
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

  /** Watches this session from now on. */
  follow(token: string): void {
    if (token === this.#token) return;
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
    if (this.#isChecking || this.#isClosed) return; // the running check continues with the newest token
    this.#isChecking = true;
    this.#clock.clearTimeout(this.#timer);
    const remainingMs = await this.#remainingMs(token);
    this.#isChecking = false;
    if (this.#isClosed) return;
    if (this.#token !== undefined && token !== this.#token) void this.#check(this.#token);
    else if (remainingMs === undefined) this.#options.onEnded();
    else this.#checkLater(token, remainingMs);
  }

  async #remainingMs(token: string): Promise<number | undefined> {
    const { checks, retryMs, logger } = this.#options;
    try {
      return await checks.remainingMs(token);
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'A session cannot be checked');
      return retryMs;
    }
  }

  #checkLater(token: string, delayMs: number): void {
    const jitterMs = Math.random() * Math.min(delayMs, maxJitterMs);
    this.#timer = this.#clock.setTimeout(() => void this.#check(token), delayMs + jitterMs);
  }
}
