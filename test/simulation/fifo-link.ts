import type { World } from './world.ts';

/** One direction of a connection: what is sent arrives in order, as on TCP. A slow message holds up those behind it. */
export class FifoLink {
  readonly #world: World;
  readonly #arrivals: (() => void)[] = [];
  #lastAtMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  send(delayMs: number, arrive: () => void): void {
    this.#lastAtMs = Math.max(this.#lastAtMs, this.#world.nowMs + delayMs);
    this.#arrivals.push(arrive);
    this.#world.at(this.#lastAtMs, () => this.#arrivals.shift()?.());
  }
}
