import type { HistoryEvent } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { stateAfter } from '../protocol/state-after.ts';
import { seatWith } from '../venue/seat-with.ts';

export interface SaleStart {
  epoch: string;
  /** The seq before the first event. */
  from: number;
  to: number;
  /** The seats at `to`. */
  seats: Seat[];
}

interface SeatEventAt {
  event: HistoryEvent;
  /** The moment right after it. */
  moment: number;
}

interface SeatHistory {
  /** Before the first event. */
  before: Seat;
  /** Oldest first. */
  events: SeatEventAt[];
}

/** The venue at any moment since the start of the log. A moment is a number of events; 0 is before the first. */
export class SaleHistory {
  readonly start: SaleStart;
  readonly events: readonly HistoryEvent[];
  readonly #seats: ReadonlyMap<string, SeatHistory>;

  constructor(start: SaleStart, events: readonly HistoryEvent[]) {
    this.start = start;
    this.events = events;
    this.#seats = new Map(start.seats.map((seat) => [seat.id, { before: seat, events: [] }]));
    for (const [index, event] of events.entries()) {
      const seat = this.#seats.get(event.seat_id);
      if (!seat) continue;
      if (seat.events.length === 0) seat.before = seatBefore(seat.before, event);
      seat.events.push({ event, moment: index + 1 });
    }
  }

  get length(): number {
    return this.events.length;
  }

  seatAt(seatId: string, moment: number): Seat | undefined {
    const seat = this.#seats.get(seatId);
    return seat && stateAt(seat, moment);
  }

  seatsAt(moment: number): ReadonlyMap<string, Seat> {
    return new Map([...this.#seats].map(([id, seat]) => [id, stateAt(seat, moment)]));
  }

  /** The seats that changed last before a moment. */
  latestAt(moment: number, max: number): Seat[] {
    const changed = [...this.#seats.values()].flatMap((seat) => {
      const last = lastUpTo(seat.events, moment);
      return last ? [{ seat, at: last.moment }] : [];
    });
    if (changed.length > max) changed.sort((a, b) => b.at - a.at).splice(max);
    return changed.map(({ seat }) => stateAt(seat, moment));
  }

  /** The events of a seat up to a moment, oldest first. */
  eventsOf(seatId: string, upTo = this.length): SeatEventAt[] {
    return (this.#seats.get(seatId)?.events ?? []).filter(({ moment }) => moment <= upTo);
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
}

/** A trimmed log lacks the initial states: the first event of a seat implies its state before. */
function seatBefore({ id, row, col }: Seat, { type, user_id }: HistoryEvent): Seat {
  const place = { id, row, col, seq: 0 };
  return type === 'held'
    ? { ...place, status: SeatStatus.available }
    : { ...place, status: SeatStatus.held, held_by: user_id };
}

function stateAt({ before, events }: SeatHistory, moment: number): Seat {
  const last = lastUpTo(events, moment);
  return last ? seatWith(before, stateAfter(last.event)) : before;
}

/** By bisection: a long sale has many events. */
function lastUpTo(events: readonly SeatEventAt[], moment: number): SeatEventAt | undefined {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.moment ?? 0) <= moment) low = middle + 1;
    else high = middle;
  }
  return events[low - 1];
}

/** Reads `/inspect/history`. Rejects if the server does not send it. */
export async function loadSaleHistory(show: string | undefined): Promise<SaleHistory> {
  const response = await fetch(inspectPath('history', { show }));
  if (!response.ok) throw new Error(`The history is not available (HTTP ${response.status})`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  const [start, ...events] = lines.map((line) => JSON.parse(line));
  return new SaleHistory(start as SaleStart, events as HistoryEvent[]);
}
