import { type Clock, hostClock } from '../process/clock.ts';

/** From one whole state of a client to its next, at least. */
export const stateIntervalMs = 1_000;

/** Sends each client at most one whole state per second, however often its show starts over and whatever it requests. */
export class StatePace {
  readonly #clock: Clock;
  /** Of the clients that got a state within the interval, oldest first. */
  readonly #sentAtMs = new Map<object, number>();
  /** Clients with a state to come, and what sends it. */
  readonly #waiting = new Map<object, { timer: unknown; sends: (() => void)[] }>();

  constructor(clock: Clock = hostClock) {
    this.#clock = clock;
  }

  isWaiting(client: object): boolean {
    return this.#waiting.has(client);
  }

  /** Calls `send` now or, in order, once it is the client's time. The caller bounds how many wait. */
  send(client: object, send: () => void): void {
    const waiting = this.#waiting.get(client);
    if (waiting) {
      waiting.sends.push(send);
      return;
    }
    const waitMs = this.#waitMs(client);
    if (waitMs <= 0) this.#sendNow(client, send);
    else this.#waiting.set(client, { timer: this.#timer(client, waitMs), sends: [send] });
  }

  /** The client has left. */
  forget(client: object): void {
    this.#clock.clearTimeout(this.#waiting.get(client)?.timer);
    this.#waiting.delete(client);
    this.#sentAtMs.delete(client);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) this.#clock.clearTimeout(timer);
    this.#waiting.clear();
  }

  #waitMs(client: object): number {
    const nowMs = this.#clock.nowMs();
    for (const [sent, atMs] of this.#sentAtMs) {
      if (nowMs - atMs < stateIntervalMs) break;
      this.#sentAtMs.delete(sent);
    }
    return (this.#sentAtMs.get(client) ?? Number.NEGATIVE_INFINITY) + stateIntervalMs - nowMs;
  }

  #sendNow(client: object, send: () => void): void {
    this.#sentAtMs.delete(client);
    this.#sentAtMs.set(client, this.#clock.nowMs());
    send();
  }

  #timer(client: object, waitMs: number): unknown {
    return this.#clock.setTimeout(() => this.#due(client), waitMs);
  }

  #due(client: object): void {
    const waiting = this.#waiting.get(client);
    const send = waiting?.sends.shift();
    if (!waiting || !send) return;
    if (waiting.sends.length === 0) this.#waiting.delete(client);
    else waiting.timer = this.#timer(client, stateIntervalMs);
    this.#sendNow(client, send);
  }
}
