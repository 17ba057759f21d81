import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { OrderFaults } from './faults.ts';

interface Failures {
  timeoutMs: number;
  /** The server cannot be reached: the request had no effect. */
  refused: () => Error;
  /** No reply: the request may have had an effect. */
  unknown: () => Error;
}

/** A server that processes call: requests and replies take time, and may be lost, or late by more than the time-out. */
export class Server {
  readonly name: string;
  readonly #world: World;
  readonly #faults: OrderFaults;
  readonly #failures: Failures;
  isDown = false;

  constructor(name: string, world: World, faults: OrderFaults, failures: Failures) {
    this.name = name;
    this.#world = world;
    this.#faults = faults;
    this.#failures = failures;
  }

  call<T>(host: Host, what: string, execute: () => Promise<T>): Promise<T> {
    const world = this.#world;
    const { timeoutMs, refused, unknown } = this.#failures;
    const { requestLost, replyLost, crash } = this.#faults;
    return new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        if (!timer.action) return;
        timer.action = undefined;
        if (world.strikes('crash between two steps', crash)) host.kill();
        host.run(answer);
      };
      const fail = (error: Error) =>
        settle(() => {
          world.trace(() => `${host.name}: ${this.name} ${what} failed: ${error.name} ${error.message}`);
          reject(error);
        });
      const timer = world.after(timeoutMs, () => fail(unknown()));
      if (world.strikes(`${this.name} request lost`, requestLost)) return;
      world.after(this.#delayMs(), () => {
        if (this.isDown) return fail(refused());
        execute().then(
          (value) => {
            world.trace(() => `${host.name}: ${this.name} ${what}`);
            if (this.isDown || world.strikes(`${this.name} reply lost`, replyLost)) return;
            world.after(this.#delayMs(), () => settle(() => resolve(value)));
          },
          (error: Error) => world.after(this.#delayMs(), () => fail(error)),
        );
      });
    });
  }

  #delayMs(): number {
    if (!this.#world.strikes(`${this.name} slow`, this.#faults.slow)) return this.#world.latencyMs();
    return this.#world.random.int(500, 40_000);
  }
}
