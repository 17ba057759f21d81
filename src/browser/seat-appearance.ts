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

export function isOwnHold({ status, held_by }: Seat, userId: string): boolean {
  return status === SeatStatus.held && held_by === userId;
}

export function seatAppearance(seat: Seat, userId: string): SeatAppearance {
  const number = String(seat.col + 1);
  const place = `Row ${rowLabel(seat.row)}, seat ${number}`;
  const isMine = seat.status !== SeatStatus.available && seat.held_by === userId;
  switch (seat.status) {
    case SeatStatus.available:
      return { status: 'available', isMine, text: number, label: `${place}, available` };
    case SeatStatus.held:
      return {
        status: 'held',
        isMine,
        text: isMine ? number : 'h',
        label: `${place}, held by ${isMine ? 'you' : 'someone else'}`,
      };
    case SeatStatus.booked:
      return {
        status: 'booked',
        isMine,
        text: isMine ? number : 'x',
        label: `${place}, booked${isMine ? ' by you' : ''}`,
      };
  }
}
