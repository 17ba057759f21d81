import type { HoldAction, UserAction } from '../../src/protocol/commands.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';

/**
 * The rules of a seat, for every audit: of a load run, of a fault and of a simulated history. Independent of the
 * product, which they check: nothing here may import a decision of `src`.
 */

export interface SeatRules {
  /** If given, each hold must have this length. */
  holdTtlMs?: number;
  holdTtlToleranceMs?: number;
  /** If given, the most seats that one user may hold at once. */
  maxHoldsPerUser?: number;
  /** If given, how often a hold of a seat may be extended. */
  maxExtensions?: number;
  /** Redis reads TIME a moment after it has decided whether a lock has expired. */
  clockErrorMs?: number;
}

export interface BrokenRule {
  /** The guarantee of DESIGN.md or the rule of test/SPEC.md. */
  rule: 'G1' | 'G3' | 'R30' | 'R35' | 'R395';
  message: string;
}

export type CommandAction = UserAction | HoldAction;

const eventTypes = { select: 'held', extend: 'held', book: 'booked', release: 'released' } as const;

/** Checkout made the event, not a command of a user. A booking of an order looks like any other. */
export const isOfCheckout = ({ reason }: Pick<SeatEvent, 'reason'>): boolean =>
  reason === 'checkout' || reason === 'closed';

/** The command of a user that makes the event; of an expiry and of checkout none. */
export function actionOf(event: Pick<SeatEvent, 'type' | 'reason'>): CommandAction | undefined {
  const { type, reason } = event;
  if (isOfCheckout(event)) return undefined;
  if (type === 'held') return reason === 'extended' ? 'extend' : 'select';
  if (type === 'booked') return 'book';
  return reason === 'expired' ? undefined : 'release';
}

const statusOf = { held: SeatStatus.held, booked: SeatStatus.booked, released: SeatStatus.available } as const;

/** The rule that forbids this event as the next one of this seat. `atMs`: when it was committed, on the clock of the store. */
export function brokenRule(seat: Seat, event: SeatEvent, rules: SeatRules, atMs: number): BrokenRule | undefined {
  const { holdTtlMs, holdTtlToleranceMs = 0 } = rules;
  if (event.status !== statusOf[event.type]) return g1(`a ${event.type} event has the status ${event.status}`);
  if (event.type === 'held') {
    const broken = brokenByHold(seat, event, rules, atMs);
    if (broken) return broken;
    const lengthMs = endOfHoldMs(event) - atMs;
    if (lengthMs <= 0) return g3('the hold ends before it begins');
    if (seat.status === SeatStatus.held && endOfHoldMs(event) < endOfHoldMs(seat)) return g3('the hold was shortened');
    if (holdTtlMs === undefined || event.reason === 'checkout') return undefined;
    // The hold of an order that is being paid ends later than an extension would.
    const dueMs = Math.max(holdTtlMs, seat.status === SeatStatus.held ? endOfHoldMs(seat) - atMs : 0);
    const isWrongLength = Math.abs(lengthMs - dueMs) > holdTtlToleranceMs;
    return isWrongLength ? g3(`the hold lasts ${lengthMs} ms instead of ${dueMs}`) : undefined;
  }
  if (event.reason === 'closed') {
    const isOwn = seat.status !== SeatStatus.available && seat.held_by === event.user_id;
    return isOwn ? undefined : g1(`the user had not the seat: ${show(seat)}`);
  }
  if (event.reason !== 'expired') return brokenByHolder(seat, event, rules, atMs);
  if (!isHolder(seat, event)) return g1(`the user did not hold the seat: ${show(seat)}`);
  return atMs <= endOfHoldMs(seat) ? g3('the hold ended early') : undefined;
}

const isHolder = (seat: Seat, { user_id }: SeatEvent) => seat.status === SeatStatus.held && seat.held_by === user_id;

function brokenByHold(seat: Seat, event: SeatEvent, rules: SeatRules, atMs: number): BrokenRule | undefined {
  const isFree = seat.status === SeatStatus.available;
  // Checkout extends the hold of its user, or holds a free seat again.
  const isByHolder = event.reason === 'extended' || (event.reason === 'checkout' && !isFree);
  return isByHolder ? brokenByHolder(seat, event, rules, atMs) : brokenByTaker(seat);
}

function brokenByTaker(seat: Seat): BrokenRule | undefined {
  return seat.status === SeatStatus.available ? undefined : g1(`the seat was not available: ${show(seat)}`);
}

/** Extends, books or releases: only the holder, and only before the hold ends. */
function brokenByHolder(
  seat: Seat,
  event: SeatEvent,
  { clockErrorMs = 0 }: SeatRules,
  atMs: number,
): BrokenRule | undefined {
  if (!isHolder(seat, event)) return g1(`the user did not hold the seat: ${show(seat)}`);
  return atMs > endOfHoldMs(seat) + clockErrorMs ? g3('the hold had ended before') : undefined;
}

const g1 = (message: string): BrokenRule => ({ rule: 'G1', message });
const g3 = (message: string): BrokenRule => ({ rule: 'G3', message });

export function seatAfter({ id, row, col }: Seat, event: SeatEvent): Seat {
  return {
    id,
    row,
    col,
    status: event.status,
    seq: event.seq,
    ...(event.status !== SeatStatus.available && { held_by: event.user_id }),
    ...(event.status === SeatStatus.held && event.expires_at !== undefined && { expires_at: event.expires_at }),
  };
}

/** Unix milliseconds: the wire has seconds, whose multiple is off by a fraction of a microsecond. */
export const endOfHoldMs = ({ expires_at = 0 }: Pick<Seat, 'expires_at'>): number => Math.round(expires_at * 1000);

export function isSameSeat(a: Seat | undefined, b: Seat | undefined): boolean {
  if (!a || !b || a.id !== b.id || a.status !== b.status || a.seq !== b.seq) return false;
  return (a.held_by ?? '') === (b.held_by ?? '') && endOfHoldMs(a) === endOfHoldMs(b);
}

/** The refusal that a seat requires; undefined: it grants the request, or has granted it already. */
export function refusalOf(
  { status, held_by }: Pick<Seat, 'status' | 'held_by'>,
  action: CommandAction,
  userId: string,
): Refusal | undefined {
  const isOwn = status !== SeatStatus.available && held_by === userId;
  if (status === SeatStatus.booked) return action === 'book' && isOwn ? undefined : 'SEAT_BOOKED';
  if (action === 'select') return status === SeatStatus.held && !isOwn ? 'SEAT_HELD' : undefined;
  return isOwn ? undefined : 'NOT_HOLDER';
}

/** The required result of a command on several seats, if no limit forbids it. */
export type Due<S> = { refusal: Refusal; refused: S[] } | { changing: S[] };

/** All or none: the seats as they are at one moment, in the order of the command. */
export function dueOf<S extends Pick<Seat, 'status' | 'held_by'>>(
  action: CommandAction,
  userId: string,
  seats: readonly S[],
): Due<S> {
  const refused = seats.filter((seat) => refusalOf(seat, action, userId) !== undefined);
  if (refused[0]) {
    const isTakenGroup = action === 'select' && seats.length > 1;
    return { refusal: isTakenGroup ? 'SEATS_TAKEN' : (refusalOf(refused[0], action, userId) as Refusal), refused };
  }
  const isDone = ({ status }: S) =>
    (action === 'select' && status === SeatStatus.held) || (action === 'book' && status === SeatStatus.booked);
  return { changing: seats.filter((seat) => !isDone(seat)) };
}

/** Whether a refusal that depends on more than the seat's state is possible with this state. */
export function isPossibleLimit(
  code: string,
  { status, held_by }: Pick<Seat, 'status' | 'held_by'>,
  action: CommandAction,
  userId: string,
): boolean {
  switch (code as Refusal) {
    case 'HOLD_LIMIT':
    case 'COOLDOWN':
      return action === 'select' && status === SeatStatus.available;
    case 'EXTENSION_LIMIT':
      return action === 'extend' && status === SeatStatus.held && held_by === userId;
    default:
      return false;
  }
}

export function isTrueRefusal(
  code: string,
  seat: Pick<Seat, 'status' | 'held_by'>,
  action: CommandAction,
  userId: string,
): boolean {
  return isPossibleLimit(code, seat, action, userId) || refusalOf(seat, action, userId) === code;
}

/** A command on several seats is refused with one code: returns the reason that this seat gives. */
export function reasonOf(
  code: Refusal,
  seat: Pick<Seat, 'status' | 'held_by'>,
  { action, userId, isGroup }: { action: CommandAction; userId: string; isGroup: boolean },
): Refusal {
  if (!isGroup || isPossibleLimit(code, seat, action, userId)) return code;
  return refusalOf(seat, action, userId) ?? code;
}

/** A request about one seat, and the seat in its reply. */
export interface SeatReply {
  action: CommandAction | 'read';
  seatId: string;
  userId: string;
  /** The error code of a refusal. */
  refusal?: string | undefined;
  seat: Seat;
}

/** A seat as the log made it. No event: the seat is older than the log. */
export interface LoggedSeat {
  seat: Seat;
  event?: SeatEvent | undefined;
}

/** Returns the contradiction between a reply and the logged seats at its seq, one for each epoch that the request may belong to; undefined: there is none. */
export function falsehoodOf(reply: SeatReply, logged: readonly LoggedSeat[]): string | undefined {
  const { action, seatId, userId, refusal, seat } = reply;
  if (seat.id !== seatId) return `the reply shows ${seat.id} instead of ${seatId}`;
  const same = logged.filter((one) => isSameSeat(one.seat, seat));
  if (same.length === 0) return `the log has ${show(logged.map((one) => one.event ?? one.seat))}`;
  if (action === 'read') return undefined;
  if (refusal !== undefined) {
    return isTrueRefusal(refusal, seat, action, userId) ? undefined : `the seat gives no reason for ${refusal}`;
  }
  return same.some(({ event }) => isGranted(action, userId, seat, event)) ? undefined : 'the seat is not as requested';
}

function isGranted(action: CommandAction, userId: string, seat: Seat, event: SeatEvent | undefined): boolean {
  if (seat.status !== statusOf[eventTypes[action]]) return false;
  if (action === 'extend' && event?.reason !== 'extended') return false;
  if (action !== 'release') return seat.held_by === userId;
  return event?.user_id === userId && event.reason !== 'expired';
}

export const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

/**
 * Whether the transitions that one command makes have one end. A hold is never shortened: one that would have ended later, e.g.
 * because the clock jumped, keeps its end. `before`: the seats as they were.
 */
export function haveOneEnd(
  made: readonly Pick<SeatEvent, 'seat_id' | 'expires_at'>[],
  before: readonly Seat[],
): boolean {
  const endsBefore = new Map(before.map((seat) => [seat.id, endOfHoldMs(seat)]));
  const isKept = (event: (typeof made)[number]) => endOfHoldMs(event) === endsBefore.get(event.seat_id);
  const [end = 0, ...others] = new Set(made.filter((event) => !isKept(event)).map(endOfHoldMs));
  return others.length === 0 && made.every((event) => endOfHoldMs(event) >= end);
}
