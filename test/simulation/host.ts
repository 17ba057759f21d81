import type { Clock } from '../../src/process/clock.ts';
import type { Scheduled, World } from './world.ts';

/**
 * A process as its environment sees it: all input goes through `run`. A killed process accepts and sends
 * nothing more; a stopped one (SIGSTOP) accepts its input when it resumes.
 */
export class Host {
  readonly name: string;
  /** The product's clock. It starts anywhere and runs a little fast or slow. */
  readonly clock: Clock;
  /** For the timers of its client libraries, which do not use the product's clock. */
  readonly libraryClock: Clock;
  readonly #world: World;
  readonly #originMs: number;
  readonly #rate: number;
  readonly #deathWatchers = new Set<() => void>();
  readonly #backlog: (() => void)[] = [];
  #state: 'running' | 'paused' | 'resuming' | 'dead' = 'running';
  #openTimers = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#originMs = world.random.int(0, 10_000_000);
    this.#rate = 1 + (world.random.next() - 0.5) / 2_000;
    this.clock = this.#createClock((change) => {
      this.#openTimers += change;
    });
    this.libraryClock = this.#createClock(() => {});
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  get paused(): boolean {
    return this.#state === 'paused';
  }

  /** Timers of the product that have neither fired nor been cleared. */
  get openTimers(): number {
    return this.#openTimers;
  }

  run(action: () => void): void {
    if (this.#state === 'running') action();
    else if (this.#state !== 'dead') this.#backlog.push(action);
  }

  kill(): void {
    if (!this.alive) return;
    this.#state = 'dead';
    this.#backlog.length = 0;
    for (const tell of [...this.#deathWatchers]) tell();
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'resuming';
    this.#workOff();
  }

  /** Returns a function that ends watching. */
  onDeath(tell: () => void): () => void {
    this.#deathWatchers.add(tell);
    return () => this.#deathWatchers.delete(tell);
  }

  #workOff(): void {
    if (this.#state !== 'resuming') return;
    const action = this.#backlog.shift();
    if (!action) {
      this.#state = 'running';
      return;
    }
    action();
    this.#world.after(0, () => this.#workOff());
  }

  #createClock(countTimer: (change: 1 | -1) => void): Clock {
    const world = this.#world;
    return {
      nowMs: () => this.#originMs + world.nowMs * this.#rate,
      setTimeout: (fn, timeoutMs) => {
        const latenessMs = world.random.chance(0.2) ? world.random.int(1, 3) : 0;
        const scheduled = world.after(Math.max(1, Math.trunc(timeoutMs)) / this.#rate + latenessMs, () => {
          this.run(() => {
            if (!scheduled.action) return; // cleared while the process was stopped
            scheduled.action = undefined;
            countTimer(-1);
            fn();
          });
        });
        countTimer(1);
        return scheduled;
      },
      clearTimeout: (timer) => {
        const scheduled = timer as Scheduled | undefined;
        if (!scheduled?.action) return;
        scheduled.action = undefined;
        countTimer(-1);
      },
      endOfTurn: (action) => queueMicrotask(() => this.run(action)),
    };
  }
}
