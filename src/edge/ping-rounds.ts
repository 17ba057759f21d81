import { type Clock, hostClock } from '../process/clock.ts';

/** Clients share this many slots of a round: 20,000 pings at once would hold up everything else. */
const slotsPerRound = 60;

interface Pingable {
  ping(): void;
}

interface PingRoundsOptions {
  /** From one ping of a client to its next. */
  intervalMs: number;
  clock?: Clock;
}

/** Pings each client once per interval. Each has a slot of the interval as long as it stays, so others that come or leave do not change its time to reply. */
export class PingRounds {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #slots = Array.from({ length: slotsPerRound }, () => new Set<Pingable>());
  readonly #slotOf = new Map<Pingable, Set<Pingable>>();
  /** The slot of the client that joins next. */
  #joining = 0;
  /** The slot that is pinged next. */
  #next = 0;
  #timer: unknown;

  constructor({ intervalMs, clock = hostClock }: PingRoundsOptions) {
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#stepLater();
  }

  add(client: Pingable): void {
    const slot = this.#slots[this.#joining] as Set<Pingable>;
    this.#joining = (this.#joining + 1) % slotsPerRound;
    slot.add(client);
    this.#slotOf.set(client, slot);
  }

  remove(client: Pingable): void {
    this.#slotOf.get(client)?.delete(client);
    this.#slotOf.delete(client);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #stepLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      const slot = this.#slots[this.#next] as Set<Pingable>;
      this.#next = (this.#next + 1) % slotsPerRound;
      this.#stepLater(); // before the pings: one of them may end the last client, which closes the rounds
      for (const client of slot) client.ping();
    }, this.#intervalMs / slotsPerRound);
  }
}
