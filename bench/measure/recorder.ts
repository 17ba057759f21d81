import { build, type Histogram } from 'hdr-histogram-js';

export interface Second {
  ok: number;
  refused: number;
  error: number;
  /** Of the answers of this second. */
  p50Ms: number;
  p99Ms: number;
}

const oneMinuteUs = 60_000_000;

/** Microseconds, up to a minute, with three significant digits. */
export const latencyHistogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: oneMinuteUs, numberOfSignificantValueDigits: 3 });

export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(oneMinuteUs, Math.max(1, Math.round(ms * 1000))));
}

/** Counts replies and their latencies: in total, by kind of request, and per second. */
export class Recorder {
  readonly latency = latencyHistogram();
  readonly byKind = new Map<string, Histogram>();
  readonly totals = { ok: 0, refused: 0, error: 0 };
  readonly errors = new Map<string, number>();
  readonly seconds: Second[] = [];
  readonly #thisSecond = latencyHistogram();
  #counts = { ok: 0, refused: 0, error: 0 };
  #startedAtMs = performance.now();
  #endedAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#startedAtMs = performance.now();
    this.#timer = setInterval(() => this.#closeSecond(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#endedAtMs = performance.now();
  }

  get elapsedS(): number {
    return ((this.#endedAtMs ?? performance.now()) - this.#startedAtMs) / 1000;
  }

  get answers(): number {
    return this.totals.ok + this.totals.refused;
  }

  record(kind: string, outcome: 'ok' | 'refused', latencyMs: number): void {
    this.totals[outcome]++;
    this.#counts[outcome]++;
    recordMs(this.latency, latencyMs);
    recordMs(this.#thisSecond, latencyMs);
    let histogram = this.byKind.get(kind);
    if (!histogram) {
      histogram = latencyHistogram();
      this.byKind.set(kind, histogram);
    }
    recordMs(histogram, latencyMs);
  }

  /** `name`: a status code, `timeout`, `connection lost` … */
  error(name: string): void {
    this.totals.error++;
    this.#counts.error++;
    this.errors.set(name, (this.errors.get(name) ?? 0) + 1);
  }

  #closeSecond(): void {
    this.seconds.push({
      ...this.#counts,
      p50Ms: percentileMs(this.#thisSecond, 50),
      p99Ms: percentileMs(this.#thisSecond, 99),
    });
    this.#counts = { ok: 0, refused: 0, error: 0 };
    this.#thisSecond.reset();
  }
}

export const percentileMs = (histogram: Histogram, percentile: number): number =>
  histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000;
