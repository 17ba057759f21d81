import type { MessageFaults } from './faults.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** Requests between processes: refused by one that is dead, cut off when it dies, without a reply while it is stopped. */
export class SimulatedHttp {
  readonly #world: World;
  readonly #faults: MessageFaults;

  constructor(world: World, faults: MessageFaults) {
    this.#world = world;
    this.#faults = faults;
  }

  /** Rejects with a `ConnectionError`, a `RequestTimeoutError`, or as `handle` does. */
  request<T>(from: Host, to: Host, timeoutMs: number, handle: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOpen = true;
      const settle = (answer: () => void) => {
        if (!isOpen) return;
        isOpen = false;
        from.libraryClock.clearTimeout(timer);
        unwatch();
        from.run(answer);
      };
      const timer = from.libraryClock.setTimeout(
        () => settle(() => reject(new RequestTimeoutError('no answer in time'))),
        timeoutMs,
      );
      const unwatch = to.onDeath(() =>
        this.#world.after(this.#world.latencyMs(), () => settle(() => reject(new ConnectionError('reset')))),
      );
      if (this.#world.strikes('http request lost', this.#faults.httpLost)) return;
      this.#world.after(this.#delayMs(), () => {
        if (!to.alive) return settle(() => reject(new ConnectionError('refused')));
        to.run(() => {
          const sendBack = (answer: () => void) => {
            if (!to.alive || this.#world.strikes('http reply lost', this.#faults.httpLost)) return;
            this.#world.after(this.#delayMs(), () => settle(answer));
          };
          handle().then(
            (value) => sendBack(() => resolve(value)),
            (error) => sendBack(() => reject(error)),
          );
        });
      });
    });
  }

  #delayMs(): number {
    const isSlow = this.#world.strikes('http slow', this.#faults.httpSlow);
    return isSlow ? this.#world.faultMs(20, 1_500) : this.#world.latencyMs();
  }
}

export class ConnectionError extends Error {
  override name = 'ConnectionError';
}

export class RequestTimeoutError extends Error {
  override name = 'RequestTimeoutError';
}
