import type { HistoryEvent } from '../inspect/feed.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { stateAfter } from '../protocol/state-after.ts';
import { seatWith } from '../venue/seat-with.ts';

const eventsPerCheckpoint = 512;

export interface SaleStart {
  epoch: string;
  /** The seq before the first event. */
  from: number;
  to: number;
  /** The seats at `to`. */
  seats: Seat[];
}

/** The venue at any moment since the start of the log. A moment is a number of events; 0 is before the first. */
export class SaleHistory {
  readonly start: SaleStart;
  readonly events: readonly HistoryEvent[];
  readonly #checkpoints: Map<string, Seat>[] = [];
  readonly #eventsOfSeat = new Map<string, { event: HistoryEvent; moment: number }[]>();

  constructor(start: SaleStart, events: readonly HistoryEvent[]) {
    this.start = start;
    this.events = events;
    const seats = this.#seatsBefore();
    this.#checkpoints.push(new Map(seats));
    for (const [index, event] of events.entries()) {
      this.#apply(seats, event);
      if ((index + 1) % eventsPerCheckpoint === 0) this.#checkpoints.push(new Map(seats));
      const ofSeat = this.#eventsOfSeat.get(event.seat_id);
      if (ofSeat) ofSeat.push({ event, moment: index + 1 });
      else this.#eventsOfSeat.set(event.seat_id, [{ event, moment: index + 1 }]);
    }
  }

  get length(): number {
    return this.events.length;
  }

  seatsAt(moment: number): ReadonlyMap<string, Seat> {
    const checkpoint = Math.floor(moment / eventsPerCheckpoint);
    const seats = new Map(this.#checkpoints[checkpoint]);
    for (const event of this.events.slice(checkpoint * eventsPerCheckpoint, moment)) this.#apply(seats, event);
    return seats;
  }

  /** The events of a seat up to a moment, oldest first, each with the moment right after it. */
  eventsOf(seatId: string, upTo = this.length): { event: HistoryEvent; moment: number }[] {
    return (this.#eventsOfSeat.get(seatId) ?? []).filter(({ moment }) => moment <= upTo);
  }

  /** The moment right after a transition, or the nearest moment in the log. */
  momentOf(seq: number): number {
    return Math.max(0, Math.min(this.length, seq - this.start.from));
  }

  /** Unix milliseconds. */
  atMs(moment: number): number {
    const event = this.events[Math.max(0, moment - 1)];
    return event ? Date.parse(event.timestamp) : 0;
  }

  #apply(seats: Map<string, Seat>, event: HistoryEvent): void {
    const before = seats.get(event.seat_id);
    if (before) seats.set(before.id, seatWith(before, stateAfter(event)));
  }

  /** A trimmed log lacks the initial states: the first event of each seat implies its state before. */
  #seatsBefore(): Map<string, Seat> {
    const seats = new Map(this.start.seats.map((seat) => [seat.id, seat]));
    const seen = new Set<string>();
    for (const event of this.events) {
      const seat = seats.get(event.seat_id);
      if (!seat || seen.has(event.seat_id)) continue;
      seen.add(event.seat_id);
      const place = { id: seat.id, row: seat.row, col: seat.col, seq: 0 };
      seats.set(
        seat.id,
        event.type === 'held'
          ? { ...place, status: SeatStatus.available }
          : { ...place, status: SeatStatus.held, held_by: event.user_id },
      );
    }
    return seats;
  }
}

/** Reads `/inspect/history`. Rejects if the server does not send it. */
export async function loadSaleHistory(): Promise<SaleHistory> {
  const response = await fetch('/inspect/history');
  if (!response.ok) throw new Error(`The history is not available (HTTP ${response.status})`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  const [start, ...events] = lines.map((line) => JSON.parse(line));
  return new SaleHistory(start as SaleStart, events as HistoryEvent[]);
}
