import type { Logger } from 'pino';
import type { EventBus } from '../events/event-bus.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import type { SeatStore } from '../store/seat-store.ts';

const repairedPerTurn = 512;
/** Beyond this many unacknowledged events the log alone remembers them. */
const maxInFlight = 4096;

/**
 * Sees to it that every committed event is published. What this process commits it publishes at once. The store's log
 * tells what was committed and never published (its process died in between, or NATS was away): whoever notices does it.
 */
export class Relay {
  readonly #store: SeatStore;
  readonly #bus: EventBus;
  readonly #logger: Logger;
  /** Every event of the epoch up to `seq` is known to be published, and those in `#publishedAhead`. */
  #position: Position = { epoch: '', seq: 0 };
  #markedSeq = 0;
  /** The venue's newest when `repair` was called last: what is older and unpublished has been on its way for too long. */
  #seqLastTime = 0;
  readonly #publishedAhead = new Set<number>();
  readonly #inFlight = new Set<number>();

  constructor({ store, bus, logger }: { store: SeatStore; bus: EventBus; logger: Logger }) {
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
  }

  get position(): Position {
    return this.#position;
  }

  /** Starts from what is known to be published, in the epoch that begins or goes on with `opened`. */
  async reset(opened: Position): Promise<void> {
    const relayed = await this.#store.relayedPosition();
    this.#position = relayed?.epoch === opened.epoch ? relayed : { epoch: opened.epoch, seq: opened.seq };
    this.#markedSeq = this.#position.seq;
    this.#seqLastTime = this.#position.seq;
    this.#publishedAhead.clear();
    this.#inFlight.clear();
  }

  /** Publishes what was just committed here. What fails is left to `repair`. */
  publish(event: SeatEvent): void {
    if (!this.#bus.connected || this.#inFlight.size >= maxInFlight || this.#inFlight.has(event.seq)) return;
    this.#inFlight.add(event.seq);
    this.#bus
      .publish(event)
      .then(
        () => this.published(event),
        (error: Error) => this.#logger.debug({ seq: event.seq, error: error.message }, 'Not published yet'),
      )
      .finally(() => this.#inFlight.delete(event.seq));
  }

  /** The event is out: acknowledged to this process, or heard from another. */
  published({ epoch, seq }: Position): void {
    if (epoch !== this.#position.epoch || seq <= this.#position.seq) return;
    this.#publishedAhead.add(seq);
    this.#advance(this.#position.seq);
  }

  /**
   * To be called twice a second or so. Publishes what the log had the last time and nobody has published since, then
   * notes in the store how far all is published.
   */
  async repair(newest: Position): Promise<void> {
    if (newest.epoch !== this.#position.epoch) return;
    const overdueSeq = this.#seqLastTime;
    this.#seqLastTime = newest.seq;
    if (!this.#bus.connected) return;
    if (overdueSeq > this.#position.seq) {
      const { epoch, events } = await this.#store.eventsAfter(this.#position, repairedPerTurn);
      if (epoch !== this.#position.epoch) return;
      // The log is trimmed only where it was relayed: others are further than we have heard.
      if (!events) await this.#goOnFromOthers();
      for (const event of events ?? []) {
        if (event.seq <= overdueSeq && !this.#publishedAhead.has(event.seq)) this.publish(event);
      }
    }
    if (this.#position.seq > this.#markedSeq) {
      const reached = this.#position;
      await this.#store.markRelayed(reached);
      this.#markedSeq = reached.seq;
    }
  }

  async #goOnFromOthers(): Promise<void> {
    const relayed = await this.#store.relayedPosition();
    if (relayed?.epoch !== this.#position.epoch || relayed.seq <= this.#position.seq) return;
    for (const ahead of this.#publishedAhead) if (ahead <= relayed.seq) this.#publishedAhead.delete(ahead);
    this.#advance(relayed.seq);
  }

  /** To `seq`, and over what is published right after it. */
  #advance(seq: number): void {
    let upTo = seq;
    while (this.#publishedAhead.delete(upTo + 1)) upTo++;
    this.#position = { epoch: this.#position.epoch, seq: upTo };
  }
}
