import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';

/** The size of two replies, so that a reader that fetches in pages finds its next page here too. */
const defaultCapacity = 2_048;

/** An event that is serialised at its first read, once for all readers. */
export class RecentEvent {
  readonly event: SeatEvent;
  #json: string | undefined;

  constructor(event: SeatEvent) {
    this.event = event;
  }

  get json(): string {
    this.#json ??= JSON.stringify({ ...this.event, system: undefined }); // the log does not have it
    return this.#json;
  }
}

/** The newest events of a venue in the order of seq, without a gap. Most readers need no older ones. */
export class RecentEvents {
  readonly #capacity: number;
  #epoch = '';
  #events: RecentEvent[] = [];

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity;
  }

  /** The next event of the venue. After a gap, earlier events are of no use. */
  add(event: SeatEvent): void {
    if (event.epoch !== this.#epoch || event.seq !== this.#lastSeq + 1) this.#events = [];
    this.#epoch = event.epoch;
    this.#events.push(new RecentEvent(event));
    if (this.#events.length >= 2 * this.#capacity) this.#events = this.#events.slice(-this.#capacity);
  }

  /** Adds events from the log, which are in order and without a gap, before and after the known ones. */
  fill(events: readonly SeatEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    const isAdjacent = first.seq <= this.#lastSeq + 1 && last.seq >= this.#firstSeq - 1;
    if (first.epoch !== this.#epoch || this.#events.length === 0 || (!isAdjacent && last.seq > this.#lastSeq)) {
      this.#events = [];
      for (const event of events) this.add(event);
    } else if (isAdjacent) {
      const [firstSeq, lastSeq] = [this.#firstSeq, this.#lastSeq];
      const earlier = events.filter(({ seq }) => seq < firstSeq).map((event) => new RecentEvent(event));
      this.#events = [...earlier, ...this.#events];
      for (const event of events) if (event.seq > lastSeq) this.add(event);
    }
  }

  /** All events after a position up to the newest; undefined if they are not all here. */
  between(after: Position, newest: Position): RecentEvent[] | undefined {
    if (after.epoch !== newest.epoch || after.seq > newest.seq) return undefined;
    if (after.seq === newest.seq) return [];
    const isKnown = newest.epoch === this.#epoch && after.seq + 1 >= this.#firstSeq && newest.seq <= this.#lastSeq;
    if (this.#events.length === 0 || !isKnown) return undefined;
    return this.#events.slice(after.seq + 1 - this.#firstSeq, newest.seq + 1 - this.#firstSeq);
  }

  get #firstSeq(): number {
    return this.#events[0]?.event.seq ?? 0;
  }

  get #lastSeq(): number {
    return this.#events.at(-1)?.event.seq ?? 0;
  }
}
