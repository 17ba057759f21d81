import { newEvents } from './history-rules.ts';
import type { EventBatch, HistoryPosition } from './ledger.ts';
import type { Booking, LedgerEvent } from './seat-history.ts';

interface Epoch {
  epoch: string;
  projectedSeq: number;
  events: LedgerEvent[];
}

interface KnownBooking extends Booking {
  isRecovered: boolean;
}

/** At most twice as many are kept of a show. The bookings are kept for ever. */
const keptEvents = 100_000;

/** The history of one show in memory. */
export class MemoryHistory {
  readonly #epochs: Epoch[] = [];
  readonly #bookings = new Map<string, KnownBooking>();

  append({ events, recovered }: EventBatch): void {
    const { events: missing } = newEvents(events, this.#epochs, recovered !== undefined);
    for (const { seatId, userId } of recovered ?? []) {
      if (!this.#bookings.has(seatId)) this.#bookings.set(seatId, { seatId, userId, isRecovered: true });
    }
    for (const event of missing) {
      let epoch = this.#epochs.find((each) => each.epoch === event.epoch);
      if (!epoch) {
        epoch = { epoch: event.epoch, projectedSeq: 0, events: [] };
        this.#epochs.push(epoch);
      }
      epoch.events.push(event);
      if (epoch.events.length > 2 * keptEvents) epoch.events.splice(0, keptEvents);
      epoch.projectedSeq = event.seq;
      const { type, seat_id: seatId, user_id: userId } = event;
      if (type === 'booked') this.#bookings.set(seatId, { seatId, userId, isRecovered: false });
      if (type === 'released' && this.#bookings.get(seatId)?.userId === userId) this.#bookings.delete(seatId);
    }
  }

  projectedSeq(epoch: string): number | undefined {
    return this.#epochs.find((each) => each.epoch === epoch)?.projectedSeq;
  }

  eventsAfter({ epochNo, seq }: HistoryPosition = { epochNo: 1, seq: 0 }, limit: number): LedgerEvent[] {
    return this.#epochs
      .slice(epochNo - 1)
      .flatMap(({ events }, i) => (i === 0 ? events.filter((event) => event.seq > seq) : events))
      .slice(0, limit);
  }

  bookings(): KnownBooking[] {
    return [...this.#bookings.values()];
  }
}
