import { Random } from './random.ts';

/** The first rule that a history broke. */
export interface Violation {
  /** The guarantee or rule: `G1`, `R51`. */
  rule: string;
  message: string;
  atMs: number;
}

export interface Scheduled {
  readonly atMs: number;
  /** Decides between those that are due in the same millisecond. */
  readonly tie: number;
  action: (() => void) | undefined;
}

/**
 * Virtual time and its due actions. The earliest runs first, the seed decides between equal times; before the next one
 * runs, every promise that can settle has settled. So a seed determines a history, and a history takes no real time.
 */
export class World {
  readonly random: Random;
  /** Until then there may be faults. */
  faultsEndMs = Number.POSITIVE_INFINITY;
  nowMs = 0;
  steps = 0;
  violation: Violation | undefined;
  readonly counts = new Map<string, number>();
  /** A trace for people; undefined if it is not needed. */
  readonly lines: string[] | undefined;
  readonly #queue: Scheduled[] = [];

  constructor(seed: number, options: { traced: boolean }) {
    this.random = new Random(seed);
    this.lines = options.traced ? [] : undefined;
  }

  get mayFail(): boolean {
    return this.nowMs < this.faultsEndMs;
  }

  /** Whether the fault happens now. Counts it if so. */
  strikes(fault: string, probability: number): boolean {
    if (!this.mayFail || !this.random.chance(probability)) return false;
    this.count(fault);
    return true;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  trace(line: () => string): void {
    this.lines?.push(`${this.nowMs.toFixed(0).padStart(7)} ms  ${line()}`);
  }

  fail(rule: string, message: string): void {
    this.trace(() => `VIOLATION ${rule}: ${message}`);
    this.violation ??= { rule, message, atMs: this.nowMs };
  }

  /** The delay of a message without faults. */
  latencyMs(): number {
    return this.random.chance(0.1) ? this.random.int(4, 12) : this.random.int(0, 3);
  }

  /** A fault's length, which ends with the faults. */
  faultMs(leastMs: number, mostMs: number): number {
    return Math.max(0, Math.min(this.random.int(leastMs, mostMs), this.faultsEndMs - this.nowMs));
  }

  after(delayMs: number, action: () => void): Scheduled {
    return this.at(this.nowMs + delayMs, action);
  }

  at(atMs: number, action: () => void): Scheduled {
    const scheduled = { atMs: Math.max(this.nowMs, atMs), tie: this.random.next(), action };
    this.#push(scheduled);
    return scheduled;
  }

  /** Ends early on a violation. */
  runUntil(endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = () => {
        const next = this.#queue[0];
        if (!next || next.atMs > endMs || this.violation) {
          if (!this.violation) this.nowMs = endMs;
          resolve();
          return;
        }
        this.#pop();
        if (next.action) {
          this.nowMs = next.atMs;
          this.steps++;
          try {
            next.action();
          } catch (error) {
            reject(error as Error);
            return;
          }
        }
        // A tick that a microtask requests runs when no microtask is left: cheaper than a turn of the event loop.
        queueMicrotask(() => process.nextTick(step));
      };
      queueMicrotask(() => process.nextTick(step));
    });
  }

  #push(scheduled: Scheduled): void {
    const queue = this.#queue;
    let i = queue.push(scheduled) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(scheduled, queue[parent] as Scheduled)) break;
      queue[i] = queue[parent] as Scheduled;
      i = parent;
    }
    queue[i] = scheduled;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop() as Scheduled;
    if (queue.length === 0) return;
    let i = 0;
    for (let child = 1; child < queue.length; child = 2 * i + 1) {
      const right = queue[child + 1];
      if (right && isBefore(right, queue[child] as Scheduled)) child++;
      if (!isBefore(queue[child] as Scheduled, last)) break;
      queue[i] = queue[child] as Scheduled;
      i = child;
    }
    queue[i] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie);
}
