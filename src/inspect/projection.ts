import type { AnyEventObject } from 'xstate';
import type { Seat } from '../protocol/seat.ts';

/** The visible part of a machine: only the named fields leave the process. */
export interface Projection {
  context(context: unknown): object;
  event(event: AnyEventObject): AnyEventObject;
}

const shownStart = 5;
const shownEnd = 3;

/** `user_0123456789ab` → `user_…9ab`: enough to distinguish users, not enough to act as one. */
function shortUserId(userId: string): string {
  return userId.length <= shownStart + shownEnd + 1
    ? userId
    : `${userId.slice(0, shownStart)}…${userId.slice(-shownEnd)}`;
}

/** The named fields that have plain values, in this order. */
function pick(from: unknown, ...names: string[]): Record<string, unknown> {
  const fields = (from ?? {}) as Record<string, unknown>;
  const plain = names.filter((name) => ['string', 'number', 'boolean'].includes(typeof fields[name]));
  return Object.fromEntries(plain.map((name) => [name, fields[name]]));
}

export function shownSeat(seat: Seat): Seat {
  const shown = pick(seat, 'id', 'row', 'col', 'status', 'held_by', 'expires_at', 'seq') as Seat;
  return shown.held_by === undefined ? shown : { ...shown, held_by: shortUserId(shown.held_by) };
}

export function shownFact(fact: unknown): Record<string, unknown> {
  const names = ['type', 'seat_id', 'user_id', 'status', 'timestamp', 'expires_at', 'reason', 'seq'];
  const shown = pick(fact, ...names);
  return typeof shown.user_id === 'string' ? { ...shown, user_id: shortUserId(shown.user_id) } : shown;
}

export const seatProjection: Projection = {
  context(context) {
    const { seat } = context as { seat: Seat };
    return { seat: shownSeat(seat), ...pick(context, 'holdRemainingMs') };
  },
  event(event) {
    const shown: AnyEventObject = { type: event.type, ...pick(event, 'holdRemainingMs', 'committedHere') };
    if ('fact' in event) shown.fact = shownFact(event.fact);
    if (Array.isArray(event.commands)) shown.commands = event.commands.map(shownCommand);
    return shown;
  },
};

function shownCommand(command: unknown): Record<string, unknown> {
  const shown = pick(command, 'action', 'userId');
  return typeof shown.userId === 'string' ? { ...shown, userId: shortUserId(shown.userId) } : shown;
}

export const connectionProjection: Projection = {
  context: (context) => pick(context, 'failedAttempts', 'retryDelayMs'),
  event: (event) => ({ type: event.type, ...pick(event, 'code', 'retryable') }),
};
