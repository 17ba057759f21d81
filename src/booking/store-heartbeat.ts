import type { Logger } from 'pino';
import type { Clock } from '../process/clock.ts';
import { StateLog } from '../process/state-log.ts';

const intervalMs = 500;
/** At the start, failures are expected until the connection to the store is made. */
const unloggedFailures = 2;

/** The heartbeats of all shows of a process beat in the same turn of the event loop, so that they share calls and writes. */
function untilNextBeatMs(nowMs: number): number {
  const remainingMs = intervalMs - (nowMs % intervalMs);
  return remainingMs < intervalMs / 2 ? remainingMs + intervalMs : remainingMs;
}

/** Checks the store twice a second and on request, one run at a time. Logs when the store is unavailable. */
export class StoreHeartbeat {
  readonly #clock: Clock;
  readonly #check: () => Promise<void>;
  readonly #storeLog: StateLog;
  #running: Promise<void> | undefined;
  #failures = 0;
  #timer: unknown;
  #tickAtMs = 0;

  constructor({ clock, logger, check }: { clock: Clock; logger: Logger; check: () => Promise<void> }) {
    this.#clock = clock;
    this.#check = check;
    this.#storeLog = new StateLog(logger);
  }

  start(): void {
    this.#tickAtMs = this.#clock.nowMs();
    this.beat();
    this.#timer = this.#clock.setTimeout(() => this.start(), untilNextBeatMs(this.#tickAtMs));
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** Time since the last timer tick: much more than the interval means that the process was suspended. */
  get sinceTickMs(): number {
    return this.#clock.nowMs() - this.#tickAtMs;
  }

  /** Starts a run unless one is under way. */
  beat(): void {
    this.#running ??= this.#check()
      .then(
        () => {
          this.#failures = unloggedFailures;
          this.#storeLog.recovered('The store is available again');
        },
        (error: Error) => {
          if (++this.#failures <= unloggedFailures) return;
          this.#storeLog.warn('The store is unavailable: nothing can be sold', { error: error.message });
        },
      )
      .finally(() => {
        this.#running = undefined;
      });
  }
}
