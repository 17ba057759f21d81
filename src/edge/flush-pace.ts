import { type Clock, hostClock } from '../process/clock.ts';

/** Between two flushes of a busy show, in the long run. */
const minIntervalMs = 50;
const maxIntervalMs = 100;
/** A show may use this share of the time for flushes, until `maxIntervalMs` is reached. */
const shareOfTime = 1 / 2;
/** Beyond `maxIntervalMs` the rest of the time is left for the other work of an edge. */
const maxShareOfTime = 4 / 5;
/** Flushes that come at once after a quiet time. */
const burst = 8;
/** Weight of the newest cost in the average. */
const newestWeight = 1 / 4;

interface FlushPaceOptions {
  /** Must not throw. */
  flush: () => void;
  clock?: Clock;
}

/**
 * Decides when changes are sent. In a quiet show at the end of the turn in which they happen; in a busy one every 50 to 100 ms,
 * the less often the more a flush costs.
 */
export class FlushPace {
  readonly #flush: () => void;
  readonly #clock: Clock;
  #isPlanned = false;
  #timer: unknown;
  #costMs = 0;
  /** When the next flush is due if all flushes keep the interval. It may be `burst` intervals ahead of the time. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor({ flush, clock = hostClock }: FlushPaceOptions) {
    this.#flush = flush;
    this.#clock = clock;
  }

  /** Between two flushes while changes keep coming. */
  get intervalMs(): number {
    const pacedMs = Math.min(maxIntervalMs, Math.max(minIntervalMs, this.#costMs / shareOfTime));
    return Math.max(pacedMs, this.#costMs / maxShareOfTime);
  }

  /** There is something to flush. */
  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const waitMs = this.#dueMs - (burst - 1) * this.intervalMs - this.#clock.nowMs();
    if (waitMs <= 0) this.#clock.endOfTurn(() => this.#run());
    else this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #run(): void {
    this.#isPlanned = false;
    const startMs = this.#clock.nowMs();
    this.#flush();
    this.#costMs += (this.#clock.nowMs() - startMs - this.#costMs) * newestWeight;
    this.#dueMs = Math.max(this.#dueMs, startMs) + this.intervalMs;
  }
}
