import type { UserAction } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { type ConnectionPhase, nextTry, sessionReason } from './connection-status.ts';
import { answerTimeoutMs } from './pending-requests.ts';
import type { SessionRefusal } from './session.ts';

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
      return 'You already hold the maximum number of seats. Book or release one first.';
    case 'COOLDOWN':
      return `Your hold of ${seatId} has just run out. For a moment others come first.`;
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

/** Why no seat can be chosen now; undefined if one can. */
export function unavailableText(
  phase: ConnectionPhase,
  session: { isReady: boolean; refusal: SessionRefusal | undefined },
  { wasLive, retrySeconds, origin }: { wasLive: boolean; retrySeconds: number; origin: string },
): string | undefined {
  const isLive = phase === 'live' || phase === 'polling';
  if (!isLive) {
    if (wasLive) return 'Not connected. Seats can be chosen again once the connection is back.';
    return 'Not connected yet. Seats can be chosen once the page is connected.';
  }
  if (session.isReady) return undefined;
  if (!session.refusal) return 'Your session is being started. Try again in a moment.';
  if (session.refusal.status === 403) return forbiddenText(origin);
  return `${sessionReason(session.refusal.status)} ${nextTry(retrySeconds)}`;
}

export function forbiddenText(origin: string): string {
  return `This address is not allowed: the server accepts no bookings from ${origin}. Its operator can add it to ALLOWED_ORIGINS.`;
}

export function pollingText(wasWebSocketLive: boolean): string {
  const reason = wasWebSocketLive ? 'WebSockets do not work now.' : 'A proxy does not let WebSockets through.';
  return `${reason} The seats are updated every second instead; booking works.`;
}

export const cookiesBlockedText =
  'Cookies are blocked. Your seats are yours only while this page is open. Allow cookies to keep them longer.';

export const newUserText =
  'Your session has ended, and you have a new one. Seats that you held before are released when their time is up.';

export function confirmationText(action: UserAction, seatIds: readonly string[], secondsLeft: number): string {
  const { seats, are, they } = inWords(seatIds);
  switch (action) {
    case 'select':
      return `${seats} ${are} held for you for ${secondsLeft} s.`;
    case 'book':
      return `${seats} ${are} booked. ${they} ${are} yours.`;
    case 'release':
      return `${seats} ${are} released.`;
  }
}

const verbs = { select: 'selecting', book: 'booking', release: 'releasing' } as const satisfies Record<
  UserAction,
  string
>;

export function unansweredText(action: UserAction, seatIds: readonly string[]): string {
  return `No answer to ${verbs[action]} ${listed(seatIds)} within ${answerTimeoutMs / 1000} s. ${checkText(seatIds)} and try again.`;
}

export function abandonedText(action: UserAction, seatIds: readonly string[]): string {
  return `The connection broke while ${verbs[action]} ${listed(seatIds)}. ${checkText(seatIds)} once connected.`;
}

export function timeUpText(seatIds: readonly string[]): string {
  return `Time is up: you no longer hold ${listed(seatIds)}.`;
}

export function tryAgainLabel(seatIds: readonly string[]): string {
  return seatIds.length === 1 ? `Try ${seatIds[0]} again` : 'Try the same seats again';
}

export function nearEndText(seatIds: readonly string[], secondsLeft: number): string {
  return `${secondsLeft} s left to book ${listed(seatIds)}.`;
}

export function othersText(taken: number, freed: number, available: number): string {
  const took = taken > 0 ? `Others took ${seatCount(taken)}` : 'Others';
  const freedToo = freed > 0 ? `${taken > 0 ? ' and' : ''} freed ${taken > 0 ? freed : seatCount(freed)}` : '';
  return `${took}${freedToo}. ${available} ${available === 1 ? 'is' : 'are'} available.`;
}

/** "A1", "A1 and A2", "A1, A2 and A3". */
export function listed(seatIds: readonly string[]): string {
  if (seatIds.length < 2) return seatIds.join();
  return `${seatIds.slice(0, -1).join(', ')} and ${seatIds.at(-1)}`;
}

function seatCount(count: number): string {
  return `${count} ${count === 1 ? 'seat' : 'seats'}`;
}

function checkText(seatIds: readonly string[]): string {
  return seatIds.length === 1 ? 'Check the seat' : 'Check the seats';
}

function inWords(seatIds: readonly string[]) {
  const isOne = seatIds.length === 1;
  return { seats: listed(seatIds), are: isOne ? 'is' : 'are', they: isOne ? 'It' : 'They' };
}
