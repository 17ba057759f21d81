import { type Clock, hostClock } from '../process/clock.ts';

/** A round is spread over this many steps: 20,000 pings at once would hold up everything else. */
const stepsPerRound = 60;

interface PingRoundsOptions {
  clients: ReadonlySet<{ ping(): void }>;
  /** From one ping of a client to its next, at least. */
  intervalMs: number;
  clock?: Clock;
}

/** Pings each client once per round, evenly spread over the round. */
export class PingRounds {
  readonly #clients: PingRoundsOptions['clients'];
  readonly #intervalMs: number;
  readonly #clock: Clock;
  /** Clients that come during a round belong to it. */
  #waiting: Iterator<{ ping(): void }>;
  #startedAtMs: number;
  #timer: unknown;

  constructor({ clients, intervalMs, clock = hostClock }: PingRoundsOptions) {
    this.#clients = clients;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#waiting = clients.values();
    this.#startedAtMs = clock.nowMs();
    this.#stepLater();
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #stepLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#step();
      this.#stepLater();
    }, this.#intervalMs / stepsPerRound);
  }

  #step(): void {
    for (let left = Math.ceil(this.#clients.size / stepsPerRound); left > 0; left--) {
      const next = this.#waiting.next();
      if (next.done) {
        this.#beginRound();
        return;
      }
      next.value.ping();
    }
  }

  /** A round that has become short because clients left must not ping the others sooner: they need the time to reply. */
  #beginRound(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#startedAtMs < this.#intervalMs) return;
    this.#startedAtMs = nowMs;
    this.#waiting = this.#clients.values();
  }
}
