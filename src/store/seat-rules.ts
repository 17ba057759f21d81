import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { seatEvent } from './seat-event.ts';
import type { SeatCommand } from './seat-store.ts';

/** What `lua/decide.lua` decides, as a pure function: the rules of the memory store, and the model that Redis is tested against. */

/** Who holds or has booked a seat. `expiresAtMs`, Unix milliseconds, is absent once booked. */
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
  /** Of seats that are held, not of those that are booked. */
  maxHoldsPerUser: number;
  /** How long a user must wait before holding the same seat again after a hold lapsed or was released late; absent: not at all. */
  reholdCooldownMs?: number;
}

export type Transition = Pick<SeatEvent, 'type' | 'reason'> & { userId: string };

/** The event of a transition that is committed at `nowMs`. */
export function eventOf(
  seat: Seat,
  { type, reason, userId }: Transition,
  { nowMs, holdTtlMs, epoch, seq }: { nowMs: number; holdTtlMs: number; epoch: string; seq: number },
): SeatEvent {
  const expires_at = type === 'held' ? (nowMs + holdTtlMs) / 1000 : undefined;
  return seatEvent({ type, seat_id: seat.id, user_id: userId, epoch, seq, atMs: nowMs, expires_at, reason });
}

/**
 * Whether the user of an ended hold must wait before holding the seat again: the hold lapsed, or was released in its
 * second half. Otherwise a user could keep a seat by releasing and selecting it again just before each end.
 */
export function startsCooldown(
  { type, reason }: Transition,
  lock: Lock | undefined,
  nowMs: number,
  holdTtlMs: number,
): boolean {
  if (type !== 'released') return false;
  return reason === 'expired' || ((lock?.expiresAtMs ?? 0) - nowMs) * 2 < holdTtlMs;
}

/** The lock after a transition; undefined: none. */
export function lockAfter({ type, userId }: Transition, nowMs: number, holdTtlMs: number): Lock | undefined {
  if (type === 'released') return undefined;
  return type === 'held' ? { userId, expiresAtMs: nowMs + holdTtlMs } : { userId };
}

/** A hold whose lock is gone has ended: this comes before any command. */
export function overdue(seat: Seat, lock: Lock | undefined, nowMs: number): Transition | undefined {
  if (seat.status !== SeatStatus.held || isLocked(lock, nowMs)) return undefined;
  return { type: 'released', reason: 'expired', userId: seat.held_by ?? '' };
}

/**
 * Expects a seat that is not overdue. Neither a refusal nor a transition: it is already as asked. `holdRefusal`: why this user
 * may not hold this seat, though it is available.
 */
export function decide(
  seat: Seat,
  lock: Lock | undefined,
  command: SeatCommand,
  nowMs: number,
  holdRefusal: (userId: string) => Refusal | undefined,
): { refusal?: Refusal; transition?: Transition } {
  if (command.action === 'expire') return {};
  const { action, userId } = command;
  const isHolder = seat.held_by === userId && isLocked(lock, nowMs) && lock.userId === userId;
  let refusal: Refusal | undefined;
  switch (seat.status) {
    case SeatStatus.booked:
      return action === 'book' && seat.held_by === userId ? {} : { refusal: 'SEAT_BOOKED' };
    case SeatStatus.held:
      if (action === 'select') return seat.held_by === userId ? {} : { refusal: 'SEAT_HELD' };
      if (!isHolder) return { refusal: 'NOT_HOLDER' };
      if (action === 'book') return { transition: { type: 'booked', userId } };
      return { transition: { type: 'released', reason: 'user', userId } };
    case SeatStatus.available:
      if (action !== 'select') return { refusal: 'NOT_HOLDER' };
      refusal = holdRefusal(userId) ?? (isLocked(lock, nowMs) ? 'SEAT_HELD' : undefined);
      return refusal ? { refusal } : { transition: { type: 'held', userId } };
  }
}
