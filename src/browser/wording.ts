import type { CommandAction } from '../protocol/command-routes.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { type ConnectionPhase, nextTry, sessionReason } from './connection-status.ts';
import { keepKey } from './keep-offer.ts';
import { replyTimeoutMs } from './pending-requests.ts';
import type { SessionRefusal } from './session.ts';

/** A command that was refused. */
export interface Refused {
  code: ErrorCode;
  action: CommandAction;
  /** Seats that are the reason. */
  reasonIds: readonly string[];
  /** The other seats of the command: with them alone it can succeed. */
  restIds: readonly string[];
  /** Whether the seats that are the reason are the user's. */
  areOwn: boolean;
  /** The server's sentence, for codes that a user should never see. */
  serverText: string;
}

/** Names the seats that are the reason of a refusal, the part that was not done, and the user's next step. */
export function refusalText(refused: Refused): string {
  const { action, restIds } = refused;
  const { reason, advice } = reasonOf(refused);
  const { seats, are } = inWords(restIds);
  const rest = restIds.length > 0 ? `, so ${seats} ${are} not ${participles[action]} either` : '';
  return `${reason}${rest}.${advice ? ` ${advice}` : ''}`;
}

function reasonOf({ code, reasonIds, areOwn, serverText }: Refused): { reason: string; advice?: string } {
  const { seats, are, they } = inWords(reasonIds);
  switch (code) {
    case 'SEAT_HELD':
      return { reason: `${seats} ${are} held by someone else` };
    case 'SEATS_TAKEN':
      return { reason: `${seats} ${are} taken by someone else` };
    case 'SEAT_BOOKED':
      return { reason: areOwn ? `${seats} ${are} booked, and ${they} ${are} yours` : `${seats} ${are} already booked` };
    case 'NOT_HOLDER':
      return { reason: `You no longer hold ${seats}` };
    case 'HOLD_LIMIT':
      return reasonIds.length === 1
        ? { reason: 'You already hold the maximum number of seats', advice: 'Book or release one first.' }
        : {
            reason: `With ${seats} you would hold too many seats, so none of them is held`,
            advice: 'Book or release some first.',
          };
    case 'EXTENSION_LIMIT':
      return { reason: `The time for ${seats} cannot be extended any more`, advice: `Book ${seats} before it is up.` };
    case 'COOLDOWN':
      return { reason: `Your hold of ${seats} has just expired, and others come first for a moment` };
    case 'RATE_LIMITED':
      return { reason: 'Too many requests', advice: 'Wait a moment, then try again.' };
    case 'BUSY':
      return { reason: `Many people want ${seats} right now`, advice: 'Try again.' };
    case 'STORE_UNAVAILABLE':
      return { reason: 'Bookings are interrupted for a moment', advice: 'Try again shortly.' };
    case 'TIMEOUT':
      return { reason: `There was no decision on ${seats} in time`, advice: 'Try again.' };
    case 'SALE_CLOSED':
      return { reason: 'Seats are not on sale now' };
    case 'SINGLE_SEAT':
      return { reason: `${seats} would leave a single free seat, which this show does not allow` };
    case 'PAYMENT_REQUIRED':
      return { reason: `${seats} ${reasonIds.length === 1 ? 'has' : 'have'} to be paid`, advice: 'Check out instead.' };
    case 'UNKNOWN_SHOW':
      return { reason: 'This show is not on sale here any more', advice: 'Reload the page.' };
    default:
      return { reason: `${seats}: ${serverText.replace(/\.$/, '')}` };
  }
}

/** The reason why no seat can be chosen now; undefined if seats can be chosen. */
export function unavailableText(
  phase: ConnectionPhase,
  session: { isReady: boolean; refusal: SessionRefusal | undefined },
  { wasLive, retrySeconds, origin }: { wasLive: boolean; retrySeconds: number; origin: string },
): string | undefined {
  const isLive = phase === 'live' || phase === 'polling';
  if (!isLive) {
    if (wasLive) return 'Not connected. You can choose seats again once the page has reconnected.';
    return 'Not connected yet. You can choose seats once the page is connected.';
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
  const reason = wasWebSocketLive ? 'WebSockets do not work now.' : 'A proxy blocks WebSockets.';
  return `${reason} The seats are updated every second instead; booking works.`;
}

export const cookiesBlockedText =
  'Cookies are blocked. Your seats are yours only while this page is open. Allow cookies to keep them after that.';

export const newUserText =
  'Your session has ended, and a new one has started. Seats that you held before are released when their time is up.';

export function confirmationText(action: CommandAction, seatIds: readonly string[], secondsLeft: number): string {
  const { seats, are, they } = inWords(seatIds);
  switch (action) {
    case 'select':
      return `${seats} ${are} held for you for ${secondsLeft} s.`;
    case 'extend':
      return `${seats} ${are} kept for you for ${secondsLeft} s more.`;
    case 'book':
      return `${seats} ${are} booked. ${upperFirst(they)} ${are} yours.`;
    case 'release':
      return `${seats} ${are} released.`;
  }
}

/** Beside the names of the seats. */
export function bookedText(count: number): string {
  return count === 1 ? 'Booked. The seat is yours.' : `Booked. The ${count} seats are yours.`;
}

type Verbs = Record<CommandAction, string>;
const imperatives: Verbs = { select: 'Take', extend: 'Keep', book: 'Book', release: 'Release' };
const gerunds: Verbs = { select: 'selecting', extend: 'keeping', book: 'booking', release: 'releasing' };
const participles: Verbs = { select: 'held', extend: 'kept', book: 'booked', release: 'released' };

export function unansweredText(action: CommandAction, seatIds: readonly string[]): string {
  return `No reply to ${gerunds[action]} ${listed(seatIds)} within ${replyTimeoutMs / 1000} s. ${checkText(seatIds)} and try again.`;
}

export function abandonedText(action: CommandAction, seatIds: readonly string[]): string {
  return `The connection broke while ${gerunds[action]} ${listed(seatIds)}. ${checkText(seatIds)} once connected.`;
}

export function timeUpText(seatIds: readonly string[]): string {
  return `Time is up: you no longer hold ${listed(seatIds)}.`;
}

export function tryAgainLabel(seatIds: readonly string[]): string {
  return seatIds.length === 1 ? `Try ${seatIds[0]} again` : 'Try the same seats again';
}

/** Longer lists of seats do not fit into a button. */
const namedAtMost = 3;

/** The same command again without the seats for which it was refused. */
export function withoutLabel(action: CommandAction, restIds: readonly string[], reasonIds: readonly string[]): string {
  const isLong = restIds.length + reasonIds.length > namedAtMost;
  const rest = isLong && restIds.length > 1 ? `the other ${restIds.length}` : listed(restIds);
  return `${imperatives[action]} ${rest}${isLong ? '' : ` without ${listed(reasonIds)}`}`;
}

/** The button that extends `count` of the `held` seats. */
export function keepLabel(count: number, held: number): string {
  if (held === 1) return 'Keep seat';
  return count === held ? `Keep ${count} seats` : `Keep ${count} of ${held} seats`;
}

/** `endingIds`: the offered seats that end first. The button may extend more seats. */
export function keepOfferText(
  endingIds: readonly string[],
  secondsLeft: number,
  { button, holdSeconds }: { button: string; holdSeconds: number },
): string {
  return `${secondsLeft} s left for ${listed(endingIds)}. Press ${keepKey}, or the button ${button}, to restart the ${holdSeconds} s.`;
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
  return { seats: listed(seatIds), are: isOne ? 'is' : 'are', they: isOne ? 'it' : 'they' };
}

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
