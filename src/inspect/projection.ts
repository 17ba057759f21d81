import type { AnyEventObject } from 'xstate';
import type { OrderInput } from '../../machines/order.ts';
import type { SeatInput } from '../../machines/seat.ts';
import { isObject } from '../process/is-object.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { seatWith } from '../venue/seat-with.ts';
import type { HistoryEvent } from './feed.ts';

/** The visible part of a machine: only the named fields leave the process. */
export interface Projection {
  context(context: object): object;
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
  const fields = isObject(from) ? from : {};
  const plain = names.filter((name) => ['string', 'number', 'boolean'].includes(typeof fields[name]));
  return Object.fromEntries(plain.map((name) => [name, fields[name]]));
}

export function shownSeat(seat: Seat): Seat {
  return seatWith(seat, seat.held_by === undefined ? seat : { ...seat, held_by: shortUserId(seat.held_by) });
}

export function shownFact(fact: SeatEvent): HistoryEvent {
  const { type, seat_id, user_id, status, timestamp, expires_at, reason, seq } = fact;
  const optional = { ...(expires_at !== undefined && { expires_at }), ...(reason !== undefined && { reason }) };
  return { type, seat_id, user_id: shortUserId(user_id), status, timestamp, ...optional, seq };
}

/** `place`: the readable name of the seat, which its id may not contain. */
export const seatProjection = (plan: Pick<SeatingPlan, 'indexOf' | 'describe'>): Projection => ({
  context({ seat, holdRemainingMs }: SeatInput) {
    const index = plan.indexOf(seat.id);
    return { seat: shownSeat(seat), ...(index !== undefined && { place: plan.describe(index) }), holdRemainingMs };
  },
  event(event) {
    const shown: AnyEventObject = { type: event.type, ...pick(event, 'holdRemainingMs', 'committedHere') };
    if ('fact' in event) shown.fact = shownFact(event.fact);
    if (Array.isArray(event.commands)) shown.commands = event.commands.map(shownCommand);
    return shown;
  },
});

function shownCommand(command: unknown): Record<string, unknown> {
  const shown = pick(command, 'action', 'userId');
  return typeof shown.userId === 'string' ? { ...shown, userId: shortUserId(shown.userId) } : shown;
}

const shownOrderIdLength = 6;

/** Enough to distinguish orders, not enough to read one. */
export const shownOrderId = (id: string): string => id.slice(0, shownOrderIdLength);

function shownOrder({ id, userId, seatIds, ...order }: OrderInput['order']): object {
  return {
    id: shownOrderId(id),
    ...pick(order, 'show', 'state', 'version', 'amountMinor', 'currency', 'reason'),
    userId: shortUserId(userId),
    seatIds,
  };
}

export const orderProjection: Projection = {
  context: (context) => ({ order: shownOrder((context as OrderInput).order), ...pick(context, 'dueInMs') }),
  event: (event) => ({
    type: event.type,
    ...('order' in event && { order: shownOrder(event.order) }),
    ...pick(event, 'dueInMs'),
  }),
};

export const connectionProjection: Projection = {
  context: (context) => pick(context, 'failedAttempts', 'retryDelayMs'),
  event: (event) => ({ type: event.type, ...pick(event, 'code', 'retryable') }),
};
