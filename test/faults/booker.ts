import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Outcome } from '../simulation/operation.ts';

/** What became of a command. `unknown`: no answer, or one that says that it cannot be told. */
export type Reply = ({ kind: 'decided' } & Outcome) | { kind: 'unknown'; code: string; retryable: boolean };

/** One user who asks for seats, over whatever leads to the truth. */
export interface Booker {
  readonly userId: string;
  /** Never rejects. */
  ask(action: UserAction, seatId: string): Promise<Reply>;
  /** All of the seats or none. Never rejects. Absent: this user asks for single seats only. */
  askGroup?(action: CommandAction, seatIds: readonly string[]): Promise<Reply>;
  /** The seats as they are; undefined where only something stale could be told, or nothing. */
  read?(): Promise<Seat[] | undefined>;
}

const decidedCodes = new Set<string>([
  ...(['SEAT_HELD', 'SEAT_BOOKED', 'SEATS_TAKEN', 'NOT_HOLDER', 'EXTENSION_LIMIT'] satisfies Refusal[]),
]);

/** An error as the API and the edges tell it. */
export function replyOfError(error: { code: string; retryable: boolean }, seats: readonly Seat[] | undefined): Reply {
  const { code, retryable } = error;
  if (!decidedCodes.has(code)) return { kind: 'unknown', code, retryable };
  return { kind: 'decided', refusal: code as Refusal, ...(seats && { seats }) };
}
