import { type Clock, hostClock } from '../process/clock.ts';

/** Between two flushes of a busy show, in the long run. */
const minIntervalMs = 50;
const maxIntervalMs = 100;
/** A show may use this share of the time for flushes, until `maxIntervalMs` is reached. */
const shareOfTime = 1 / 2;
/** Beyond `maxIntervalMs` the rest of the time is left for the other work of an edge. */
const maxShareOfTime = 4 / 5;
/** Clients that arrive faster are a crowd; they are counted since the last flush, for a second at most. Each takes about 1 ms. */
const crowdPerMs = 1 / 10;
const leastCrowd = 5;
const arrivalsCountForMs = 1_000;
/** The share while a crowd arrives: a client without a map comes before one whose map is a moment old. */
const crowdShareOfTime = 1 / 8;
const maxCrowdIntervalMs = 500;
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
 * the less often the more a flush costs; while a crowd of clients arrives, up to 500 ms pass between two.
 */
export class FlushPace {
  readonly #flush: () => void;
  readonly #clock: Clock;
  #isPlanned = false;
  #timer: unknown;
  #costMs = 0;
  #arrivals = 0;
  /** They are counted since then. */
  #arrivalsFromMs = Number.NEGATIVE_INFINITY;
  #isCrowd = false;
  /** When the next flush is due if all flushes keep the interval. It may be `burst` intervals ahead of the time. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor({ flush, clock = hostClock }: FlushPaceOptions) {
    this.#flush = flush;
    this.#clock = clock;
  }

  /** Between two flushes while changes keep coming. */
  get intervalMs(): number {
    const [share, maxMs] = this.#isCrowd ? [crowdShareOfTime, maxCrowdIntervalMs] : [shareOfTime, maxIntervalMs];
    const pacedMs = Math.min(maxMs, Math.max(minIntervalMs, this.#costMs / share));
    return Math.max(pacedMs, this.#costMs / maxShareOfTime);
  }

  /** A client was given its state, or what it had missed. */
  arrived(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#arrivalsFromMs > arrivalsCountForMs) this.#countArrivals(nowMs);
    this.#arrivals++;
  }

  /** There is something to flush. */
  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const { intervalMs } = this;
    const aheadMs = this.#isCrowd ? 0 : (burst - 1) * intervalMs;
    const waitMs = Math.min(intervalMs, this.#dueMs - aheadMs - this.#clock.nowMs());
    if (waitMs <= 0) this.#clock.endOfTurn(() => this.#run());
    else this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #run(): void {
    this.#isPlanned = false;
    const startMs = this.#clock.nowMs();
    const countedMs = startMs - this.#arrivalsFromMs;
    this.#isCrowd = countedMs <= arrivalsCountForMs && this.#arrivals > Math.max(leastCrowd, countedMs * crowdPerMs);
    this.#countArrivals(startMs);
    this.#flush();
    this.#costMs += (this.#clock.nowMs() - startMs - this.#costMs) * newestWeight;
    this.#dueMs = Math.max(this.#dueMs, startMs) + this.intervalMs;
  }

  #countArrivals(fromMs: number): void {
    this.#arrivals = 0;
    this.#arrivalsFromMs = fromMs;
  }
}
