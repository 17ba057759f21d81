import type { Seat } from '../protocol/seat.ts';
import { rowLabel } from '../protocol/seat-id.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

export interface SeatAppearance {
  status: 'available' | 'held' | 'booked';
  isMine: boolean;
  /** Text for browsers without styles: the number of a free or own seat, else a letter that the legend explains. */
  text: string;
  /** Name for screen readers. */
  label: string;
}

/** The fixed part of a seat, in words. */
export interface SeatPlace {
  number: string;
  place: string;
  /** Such as its price. */
  details?: string | undefined;
}

export function isOwnHold({ status, held_by }: Seat, userId: string): boolean {
  return status === SeatStatus.held && held_by === userId;
}

/** Without a `place`: as in a grid whose rows are lettered. */
export function seatAppearance(seat: Seat, userId: string, place: SeatPlace = placeInGrid(seat)): SeatAppearance {
  const { status, mark, words } = statusOf(seat, seat.held_by === userId);
  const isMine = status !== 'available' && seat.held_by === userId;
  return {
    status,
    isMine,
    text: isMine ? place.number : (mark ?? place.number),
    label: [place.place, words, place.details].filter(Boolean).join(', '),
  };
}

function statusOf(
  { status }: Seat,
  isMine: boolean,
): { status: SeatAppearance['status']; mark?: string; words: string } {
  switch (status) {
    case SeatStatus.available:
      return { status: 'available', words: 'available' };
    case SeatStatus.held:
      return { status: 'held', mark: 'h', words: `held by ${isMine ? 'you' : 'someone else'}` };
    case SeatStatus.booked:
      return { status: 'booked', mark: 'x', words: `booked${isMine ? ' by you' : ''}` };
  }
}

function placeInGrid({ row, col }: Seat): SeatPlace {
  const number = String(col + 1);
  return { number, place: `Row ${rowLabel(row)}, seat ${number}` };
}
