import type { Logger } from 'pino';
import type { EventBus } from '../events/event-bus.ts';
import { StateLog } from '../process/state-log.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import { logStart } from '../store/log-start.ts';
import type { SeatStore } from '../store/seat-store.ts';
import { traceOf, withTrace } from '../tracing/event-trace.ts';
import { tracing } from '../tracing/tracing.ts';

const repairedPerRead = 512;
/** Maximum number of unacknowledged events in memory; further ones are only in the log. */
const maxInFlight = 4096;
/**
 * Number of events that wait in the log while the bus stores nothing. Older ones count as relayed, because the log must stay bounded:
 * subscribers have received them, and a subscriber that missed one reads it from the booking service.
 */
const maxUnstored = 100_000;

/**
 * Ensures that every committed event is published. Own events are published at once. `repair` publishes the rest from the store's log,
 * whichever process committed them: that process died before publishing, or NATS was unavailable.
 */
export class Relay {
  readonly #store: SeatStore;
  readonly #bus: EventBus;
  readonly #logger: Logger;
  readonly #publishLog: StateLog;
  /** Every event of the epoch up to `seq` is known to be published, and those in `#publishedAhead`. */
  #position: Position = { epoch: '', seq: 0 };
  /** Published with each event, so that other systems on the same NATS can ignore it. */
  #system = '';
  #markedSeq = 0;
  /** The newest seq at the previous `repair`: events up to it that are not published yet are overdue. */
  #seqLastTime = 0;
  readonly #publishedAhead = new Set<number>();
  /** By seq. */
  readonly #inFlight = new Map<number, Promise<void>>();
  #overdueSeq = 0;
  #isRepairing = false;
  /** Number of events that the bus's log will never get, since the bus stopped storing. */
  #neverStored = 0;

  constructor({ store, bus, logger }: { store: SeatStore; bus: EventBus; logger: Logger }) {
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
    this.#publishLog = new StateLog(logger);
  }

  get position(): Position {
    return this.#position;
  }

  /** Starts from the position up to which everything is published, in the epoch of `opened`. */
  async reset(opened: Position & { system: string }): Promise<void> {
    const relayed = await this.#store.relayedPosition();
    this.#position = relayed?.epoch === opened.epoch ? relayed : { epoch: opened.epoch, seq: opened.seq };
    this.#system = opened.system;
    this.#markedSeq = this.#position.seq;
    this.#seqLastTime = this.#position.seq;
    this.#publishedAhead.clear();
    this.#inFlight.clear();
    this.#overdueSeq = 0;
  }

  /** Publishes an event that was just committed here. `repair` retries if this fails. */
  publish(event: SeatEvent): void {
    if (this.#bus.connected && this.#inFlight.size < maxInFlight) void this.#publish(event);
  }

  /** The event was received from another process, which publishes it until the bus has stored it. */
  storedElsewhere(position: Position): void {
    if (this.#bus.storesEvents) this.#stored(position);
  }

  /**
   * Call it about twice a second. Publishes the events that the log had at the previous call and that are still unpublished,
   * without waiting for them, and notes in the store up to which event everything is published.
   */
  async repair(newest: Position): Promise<void> {
    if (newest.epoch !== this.#position.epoch) return;
    const overdueSeq = this.#seqLastTime;
    this.#seqLastTime = newest.seq;
    if (!this.#bus.connected) return;
    if (this.#bus.storesEvents) {
      this.#logNeverStored();
      this.#overdueSeq = overdueSeq;
      if (!this.#isRepairing) void this.#repairAll();
    } else {
      this.#giveUpOldest(newest.seq);
    }
    if (this.#position.seq > this.#markedSeq) {
      const reached = this.#position;
      await this.#store.markRelayed(reached);
      this.#markedSeq = reached.seq;
    }
  }

  /** Never rejects. Its result is the same for a second publication of an event that is still in flight. */
  #publish(event: SeatEvent): Promise<void> {
    const { seq } = event;
    const inFlight = this.#inFlight.get(seq);
    if (inFlight) return inFlight;
    const settled = () => {
      if (this.#inFlight.get(seq) === publishing) this.#inFlight.delete(seq);
    };
    const message = { ...event, system: this.#system };
    const publishing = this.#bus.publish(tracing ? withTrace(message, traceOf(event)) : message).then(
      (delivery) => {
        settled();
        if (delivery === 'stored') this.#stored(event);
        this.#publishLog.recovered('Events are published again');
      },
      (error: Error) => {
        settled();
        const { message } = error.cause instanceof Error ? error.cause : error;
        this.#publishLog.warn('Events cannot be published, retrying', { error: message });
      },
    );
    this.#inFlight.set(seq, publishing);
    return publishing;
  }

  #stored({ epoch, seq }: Position): void {
    if (epoch !== this.#position.epoch || seq <= this.#position.seq) return;
    this.#publishedAhead.add(seq);
    this.#advance(this.#position.seq);
  }

  /** Never rejects. */
  async #repairAll(): Promise<void> {
    this.#isRepairing = true;
    try {
      while (this.#overdueSeq > this.#position.seq && this.#bus.connected && this.#bus.storesEvents) {
        const before = this.#position;
        await this.#repairPage(before);
        if (this.#position.epoch !== before.epoch || this.#position.seq === before.seq) break; // until the next call
      }
    } catch {
      // The store is unavailable, which the heartbeat also detects and logs. The next call retries.
    }
    this.#isRepairing = false;
  }

  /** Waits until its events are published, so that at most one page is in flight beside new events. */
  async #repairPage(from: Position): Promise<void> {
    const { epoch, seq, events } = await this.#store.eventsAfter(from, repairedPerRead);
    if (epoch !== this.#position.epoch) return;
    if (!events) return this.#goOnBehindGap(from, seq);
    const missing = events.filter((event) => event.seq <= this.#overdueSeq && !this.#publishedAhead.has(event.seq));
    await Promise.all(missing.map((event) => this.#publish(event)));
  }

  /** The log starts later: other processes have relayed more events and trimmed it, or it exceeded its maximum length. */
  async #goOnBehindGap(from: Position, newestSeq: number): Promise<void> {
    const relayed = await this.#store.relayedPosition();
    if (this.#position.epoch !== from.epoch) return;
    if (relayed?.epoch === from.epoch && relayed.seq > this.#position.seq) return this.#skipTo(relayed.seq);
    const startSeq = await logStart(from.seq, newestSeq, async (seq) => {
      const { events } = await this.#store.eventsAfter({ epoch: from.epoch, seq }, 1);
      return events !== undefined;
    });
    if (this.#position.epoch !== from.epoch || startSeq <= this.#position.seq) return;
    const events = this.#countUnpublished(startSeq);
    this.#logger.warn(
      { events, seq: startSeq },
      'The log has lost unpublished events: JetStream will never store them',
    );
    this.#skipTo(startSeq);
  }

  #giveUpOldest(newestSeq: number): void {
    const seq = newestSeq - maxUnstored;
    if (seq <= this.#position.seq) return;
    if (this.#neverStored === 0) {
      this.#logger.warn(
        { newest: maxUnstored },
        'JetStream has been unavailable for a long time: only the newest events will be stored when it returns',
      );
    }
    this.#neverStored += this.#countUnpublished(seq);
    this.#skipTo(seq);
  }

  #logNeverStored(): void {
    if (this.#neverStored > 0)
      this.#logger.warn({ events: this.#neverStored }, 'JetStream will never store the oldest events that it missed');
    this.#neverStored = 0;
  }

  #countUnpublished(upToSeq: number): number {
    let count = upToSeq - this.#position.seq;
    for (const ahead of this.#publishedAhead) if (ahead <= upToSeq) count--;
    return count;
  }

  #skipTo(seq: number): void {
    for (const ahead of this.#publishedAhead) if (ahead <= seq) this.#publishedAhead.delete(ahead);
    this.#advance(seq);
  }

  /** Advances to `seq`, and past the published events right after it. */
  #advance(seq: number): void {
    let upTo = seq;
    while (this.#publishedAhead.delete(upTo + 1)) upTo++;
    this.#position = { epoch: this.#position.epoch, seq: upTo };
  }
}
