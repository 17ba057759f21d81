import { type CommandAction, reasonOf } from '../../bench/audit/seat-rules.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { SeatOperation } from './linearizability.ts';

/** One request on one or several seats, as its client saw it. */
export interface Operation {
  clientId: string;
  action: CommandAction | 'read';
  /** A read has one. */
  seatIds: readonly string[];
  /** Does not matter for a read. */
  userId: string;
  invokedAtMs: number;
  /** Undefined: it got no reply. */
  returnedAtMs: number | undefined;
  /** `unknown`: the request failed or timed out. It was executed at any time after its invocation, or never. */
  outcome: Outcome | 'unknown';
}

export interface Outcome {
  refusal?: Refusal;
  /** As HTTP sends them: all seats of the command in its order, or those that are the reason of the refusal. */
  seats?: readonly Seat[];
}

/** The effect of the operation on one of its seats, and its reply about it; undefined: none. */
export function onSeat({ seatIds, ...operation }: Operation, seatId: string): SeatOperation | undefined {
  const { action, userId, outcome } = operation;
  if (!seatIds.includes(seatId)) return undefined;
  if (outcome === 'unknown') return { ...operation, outcome };
  const { refusal, seats } = outcome;
  const seat = seats?.find(({ id }) => id === seatId);
  if (!seat) return seats ? undefined : { ...operation, outcome: { ...(refusal && { refusal }) } };
  if (action === 'read' || !refusal) return { ...operation, outcome: { seat } };
  return {
    ...operation,
    outcome: { refusal: reasonOf(refusal, seat, { action, userId, isGroup: seatIds.length > 1 }), seat },
  };
}

export function describe({ clientId, action, seatIds, userId, invokedAtMs, returnedAtMs, outcome }: Operation): string {
  const reply = outcome === 'unknown' ? outcome : `${outcome.refusal ?? 'ok'} ${JSON.stringify(outcome.seats ?? [])}`;
  return `[${invokedAtMs}, ${returnedAtMs ?? '…'}] ${clientId}: ${action} ${seatIds.join(' ')} by ${userId} → ${reply}`;
}
