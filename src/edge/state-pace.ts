import { type Clock, hostClock } from '../process/clock.ts';
import type { RequestId } from './client-message.ts';

/** From one whole state of a client to its next, at least. */
export const stateIntervalMs = 1_000;

interface Waiting {
  timer: unknown;
  requestId: RequestId | undefined;
  sent: (() => void)[];
}

interface StatePaceOptions<Client> {
  send: (client: Client, requestId: RequestId | undefined) => void;
  clock?: Clock;
}

/**
 * Sends each client at most one whole state per second, however often its show starts over and whatever it requests. Requests
 * that wait share one state, with the id of the last of them.
 */
export class StatePace<Client extends object> {
  readonly #send: StatePaceOptions<Client>['send'];
  readonly #clock: Clock;
  /** Weak: it outlasts the visit of a client, which may return within the interval. */
  readonly #sentAtMs = new WeakMap<Client, number>();
  /** Clients with a state to come. */
  readonly #waiting = new Map<Client, Waiting>();

  constructor({ send, clock = hostClock }: StatePaceOptions<Client>) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Sends the state, now or once it is the client's time, and calls `sent` then. */
  send(client: Client, requestId?: RequestId, sent?: () => void): void {
    const waitMs = this.#waitMs(client);
    const waiting = this.#waiting.get(client);
    if (waiting) {
      waiting.requestId = requestId ?? waiting.requestId;
      if (sent) waiting.sent.push(sent);
    } else if (waitMs > 0) {
      const timer = this.#clock.setTimeout(() => this.#due(client), waitMs);
      this.#waiting.set(client, { timer, requestId, sent: sent ? [sent] : [] });
    } else {
      this.#sendNow(client, requestId);
      sent?.();
    }
  }

  /** The client has left: the requests that wait are settled without a state. */
  left(client: Client): void {
    const waiting = this.#waiting.get(client);
    if (!waiting) return;
    this.#clock.clearTimeout(waiting.timer);
    this.#waiting.delete(client);
    for (const sent of waiting.sent) sent();
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) this.#clock.clearTimeout(timer);
    this.#waiting.clear();
  }

  #waitMs(client: Client): number {
    return (this.#sentAtMs.get(client) ?? Number.NEGATIVE_INFINITY) + stateIntervalMs - this.#clock.nowMs();
  }

  #sendNow(client: Client, requestId: RequestId | undefined): void {
    this.#sentAtMs.set(client, this.#clock.nowMs());
    this.#send(client, requestId);
  }

  #due(client: Client): void {
    const waiting = this.#waiting.get(client);
    if (!waiting) return;
    this.#waiting.delete(client);
    this.#sendNow(client, waiting.requestId);
    for (const sent of waiting.sent) sent();
  }
}
