import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { seatEvent } from './seat-event.ts';
import { endsOrder, type OrderCommand, type UserCommand } from './seat-store.ts';

/** The decision of `lua/decide.lua` as a pure function: the rules of the memory store, and the model against which Redis is tested. */

/** The user who holds or has booked a seat. `expiresAtMs` (Unix milliseconds) is absent for a booking. */
export interface Lock {
  userId: string;
  expiresAtMs?: number;
}

/** As in Redis: a key is still there in the millisecond in which it expires. */
export function isLocked(lock: Lock | undefined, nowMs: number): lock is Lock {
  return lock !== undefined && (lock.expiresAtMs === undefined || nowMs <= lock.expiresAtMs);
}

export interface HoldRules {
  holdTtlMs: number;
  /** Counts held seats, not booked ones. */
  maxHoldsPerUser: number;
  /** How often a hold of a seat may be extended; absent: never. */
  maxExtensions?: number;
  /** How long a user must wait before holding the same seat again after a hold expired or was released late; absent: no wait. */
  reholdCooldownMs?: number;
}

export interface Transition extends Pick<SeatEvent, 'type' | 'reason'> {
  userId: string;
  /** End of the hold in Unix ms; present only for `held`. */
  expiresAtMs?: number;
}

/** The event of a transition that is committed at `nowMs`. */
export function eventOf(
  seat: Seat,
  { type, reason, userId, expiresAtMs }: Transition,
  { nowMs, epoch, seq }: { nowMs: number; epoch: string; seq: number },
): SeatEvent {
  const expires_at = expiresAtMs === undefined ? undefined : expiresAtMs / 1000;
  return seatEvent({ type, seat_id: seat.id, user_id: userId, epoch, seq, atMs: nowMs, expires_at, reason });
}

/**
 * True if the user of an ended hold must wait before holding the seat again: the hold expired, or was released in its
 * second half. Otherwise a user could keep a seat by releasing and selecting it again just before each end.
 */
export function startsCooldown(
  { type, reason }: Transition,
  lock: Lock | undefined,
  nowMs: number,
  holdTtlMs: number,
): boolean {
  if (type !== 'released' || reason === 'closed') return false;
  return reason === 'expired' || ((lock?.expiresAtMs ?? 0) - nowMs) * 2 < holdTtlMs;
}

/** The lock after a transition; undefined: none. */
export function lockAfter({ type, userId, expiresAtMs }: Transition): Lock | undefined {
  if (type === 'released') return undefined;
  return expiresAtMs === undefined ? { userId } : { userId, expiresAtMs };
}

/** The release of a hold whose lock has expired. It precedes any command. */
export function overdue(seat: Seat, lock: Lock | undefined, nowMs: number): Transition | undefined {
  if (seat.status !== SeatStatus.held || isLocked(lock, nowMs)) return undefined;
  return { type: 'released', reason: 'expired', userId: seat.held_by ?? '' };
}

/** A seat that a command names. Its hold is not overdue. */
export interface NamedSeat {
  seat: Seat;
  lock: Lock | undefined;
  /** Number of extensions of its hold. */
  extensions: number;
  /** True if the user of the command must wait before holding this seat again. */
  isCooling: boolean;
}

export type Verdict = { refusal: Refusal; refused: string[] } | { transitions: Map<string, Transition> };

/**
 * Decides a command on all its seats or on none. `transitions`: by seat id, in the order of the command; a seat that is
 * already in the wanted state has none. `otherHolds`: the number of seats that the user holds now.
 */
export function decide(
  { action, userId }: UserCommand,
  named: readonly NamedSeat[],
  {
    nowMs,
    otherHolds,
    holdTtlMs,
    maxHoldsPerUser,
    maxExtensions = 0,
  }: HoldRules & { nowMs: number; otherHolds: number },
): Verdict {
  const verdicts = named.map((each) => [each, verdictOn(action, userId, each, nowMs)] as const);
  const refusals = verdicts.flatMap(([{ seat }, verdict]) =>
    typeof verdict === 'string' ? [{ id: seat.id, refusal: verdict }] : [],
  );
  if (refusals[0]) {
    const isTakenGroup = action === 'select' && named.length > 1;
    return { refusal: isTakenGroup ? 'SEATS_TAKEN' : refusals[0].refusal, refused: refusals.map(({ id }) => id) };
  }
  const changing = verdicts.flatMap(([each, verdict]) => (verdict ? [each] : []));
  const refuse = (refusal: Refusal, isReason: (each: NamedSeat) => boolean): Verdict | undefined => {
    const refused = changing.filter(isReason).map(({ seat }) => seat.id);
    return refused.length > 0 ? { refusal, refused } : undefined;
  };
  const isLimited = action === 'select' && otherHolds + changing.length > maxHoldsPerUser;
  return (
    refuse('HOLD_LIMIT', () => isLimited) ??
    refuse('COOLDOWN', ({ isCooling }) => action === 'select' && isCooling) ??
    refuse(
      named.length > 1 ? 'SEATS_TAKEN' : 'SEAT_HELD',
      ({ lock }) => action === 'select' && isLocked(lock, nowMs),
    ) ??
    refuse('EXTENSION_LIMIT', ({ extensions }) => action === 'extend' && extensions >= maxExtensions) ?? {
      transitions: new Map(
        changing.map(({ seat, lock }) => [seat.id, transitionOf[action](userId, laterEndMs(lock, nowMs + holdTtlMs))]),
      ),
    }
  );
}

/**
 * Decides a command of checkout, to which the limits of users do not apply. `isClosed`: the order was closed before.
 */
export function decideForOrder(
  command: OrderCommand,
  named: readonly NamedSeat[],
  { nowMs, isClosed, epoch }: { nowMs: number; isClosed: boolean; epoch: string },
): Verdict {
  const { userId } = command;
  if (endsOrder(command)) {
    const at = command.action === 'revoke' ? command.ifBookedAt : undefined;
    const isAsBooked = ({ status, seq }: Seat) => status === SeatStatus.booked && seq === at?.seq && epoch === at.epoch;
    const own = named
      .map(({ seat }) => seat)
      .filter((seat) => seat.held_by === userId && (at ? isAsBooked(seat) : !isClosed));
    const booked = own.filter(({ status }) => status === SeatStatus.booked);
    if (command.action === 'close' && booked.length > 0)
      return { refusal: 'SEAT_BOOKED', refused: booked.map(({ id }) => id) };
    return { transitions: new Map(own.map(({ id }) => [id, { type: 'released', reason: 'closed', userId }])) };
  }
  if (isClosed) return { refusal: 'ORDER_CLOSED', refused: named.map(({ seat }) => seat.id) };
  const verdicts = named.map((each) => [each, orderVerdictOn(command.action, userId, each, nowMs)] as const);
  const refusals = verdicts.flatMap(([{ seat }, verdict]) =>
    typeof verdict === 'string' ? [{ id: seat.id, refusal: verdict }] : [],
  );
  if (refusals[0]) return { refusal: refusals[0].refusal, refused: refusals.map(({ id }) => id) };
  const changing = verdicts.flatMap(([each, verdict]) => (verdict ? [each] : []));
  const transitionOn = ({ lock }: NamedSeat): Transition =>
    command.action === 'sell'
      ? { type: 'booked', userId }
      : { type: 'held', reason: 'checkout', userId, expiresAtMs: laterEndMs(lock, nowMs + command.ttlMs) };
  return { transitions: new Map(changing.map((each) => [each.seat.id, transitionOn(each)])) };
}

/** A hold is never shortened: while it is being paid for, it ends later than an extension would. */
const laterEndMs = (lock: Lock | undefined, endMs: number): number => Math.max(lock?.expiresAtMs ?? 0, endMs);

const transitionOf: Record<UserCommand['action'], (userId: string, endMs: number) => Transition> = {
  select: (userId, expiresAtMs) => ({ type: 'held', userId, expiresAtMs }),
  extend: (userId, expiresAtMs) => ({ type: 'held', reason: 'extended', userId, expiresAtMs }),
  book: (userId) => ({ type: 'booked', userId }),
  release: (userId) => ({ type: 'released', reason: 'user', userId }),
};

function orderVerdictOn(
  action: 'checkout' | 'rehold' | 'sell',
  userId: string,
  named: NamedSeat,
  nowMs: number,
): Refusal | boolean {
  switch (action) {
    case 'checkout':
      return verdictOn('extend', userId, named, nowMs);
    case 'sell':
      return verdictOn('book', userId, named, nowMs);
    case 'rehold': {
      const { status, held_by } = named.seat;
      if (status === SeatStatus.booked) return held_by === userId ? false : 'SEAT_BOOKED';
      const isAnothers = status === SeatStatus.held ? held_by !== userId : isLocked(named.lock, nowMs);
      return isAnothers ? 'SEAT_HELD' : true;
    }
  }
}

/** A refusal; true: the seat changes; false: it is already in the wanted state. */
function verdictOn(
  action: UserCommand['action'],
  userId: string,
  { seat, lock }: NamedSeat,
  nowMs: number,
): Refusal | boolean {
  switch (seat.status) {
    case SeatStatus.booked:
      return action === 'book' && seat.held_by === userId ? false : 'SEAT_BOOKED';
    case SeatStatus.held:
      if (action === 'select') return seat.held_by === userId ? false : 'SEAT_HELD';
      return seat.held_by === userId && isLocked(lock, nowMs) && lock.userId === userId ? true : 'NOT_HOLDER';
    case SeatStatus.available:
      return action === 'select' ? true : 'NOT_HOLDER';
  }
}
