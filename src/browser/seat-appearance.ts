import type { Seat } from '../protocol/seat.ts';
import { rowLabel } from '../protocol/seat-id.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

export interface SeatAppearance {
  status: 'available' | 'held' | 'booked';
  isMine: boolean;
  /** What a screen reader says. */
  label: string;
}

export function isOwnHold({ status, held_by }: Seat, userId: string): boolean {
  return status === SeatStatus.held && held_by === userId;
}

export function seatAppearance(seat: Seat, userId: string): SeatAppearance {
  const place = `Row ${rowLabel(seat.row)}, seat ${seat.col + 1}`;
  const isMine = seat.status !== SeatStatus.available && seat.held_by === userId;
  switch (seat.status) {
    case SeatStatus.available:
      return { status: 'available', isMine, label: `${place}, available` };
    case SeatStatus.held:
      return { status: 'held', isMine, label: `${place}, held by ${isMine ? 'you' : 'someone else'}` };
    case SeatStatus.booked:
      return { status: 'booked', isMine, label: `${place}, booked${isMine ? ' by you' : ''}` };
  }
}
