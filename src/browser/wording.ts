import type { UserAction } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { answerTimeoutMs } from './pending-requests.ts';

/** Why a command was refused, in plain words. `fallback`: what the server said, for codes a user should never see. */
export function refusalText(code: ErrorCode, action: UserAction, seatId: string, fallback: string): string {
  switch (code) {
    case 'SEAT_HELD':
      return `${seatId} is held by someone else.`;
    case 'SEAT_BOOKED':
      return action === 'release' ? `${seatId} is booked, so it stays yours.` : `${seatId} is already booked.`;
    case 'NOT_HOLDER':
      return `You no longer hold ${seatId}.`;
    case 'HOLD_LIMIT':
      return 'You hold as many seats as one person may. Book or release one first.';
    case 'RATE_LIMITED':
      return 'That was a bit fast. Wait a moment, then try again.';
    case 'BUSY':
      return `Many people want ${seatId} right now. Try again.`;
    case 'STORE_UNAVAILABLE':
      return 'Bookings are interrupted for a moment. Try again shortly.';
    case 'TIMEOUT':
      return `No decision on ${seatId} in time. Try again.`;
    default:
      return `${seatId}: ${fallback}`;
  }
}

export function confirmationText(action: UserAction, seatId: string, secondsLeft: number): string {
  switch (action) {
    case 'select':
      return `${seatId} is held for you for ${secondsLeft} s.`;
    case 'book':
      return `${seatId} is booked. It is yours.`;
    case 'release':
      return `${seatId} is released.`;
  }
}

const verbs = { select: 'selecting', book: 'booking', release: 'releasing' } as const satisfies Record<
  UserAction,
  string
>;

export function unansweredText(action: UserAction, seatId: string): string {
  return `No answer to ${verbs[action]} ${seatId} within ${answerTimeoutMs / 1000} s. Check the seat and try again.`;
}

export function abandonedText(action: UserAction, seatId: string): string {
  return `The connection broke while ${verbs[action]} ${seatId}. Check the seat once connected.`;
}
