import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Outcome } from '../simulation/operation.ts';

/** The result of a command. `unknown`: no reply, or a reply with an unknown outcome. */
export type Reply = ({ kind: 'decided' } & Outcome) | { kind: 'unknown'; code: string; retryable: boolean };

/** One user who requests seats, over any interface. */
export interface Booker {
  readonly userId: string;
  /** Never rejects. */
  ask(action: UserAction, seatId: string): Promise<Reply>;
  /** All of the seats or none. Never rejects. Absent: this user requests single seats only. */
  askGroup?(action: CommandAction, seatIds: readonly string[]): Promise<Reply>;
  /** The current seats; undefined if the reply is stale or missing. */
  read?(): Promise<Seat[] | undefined>;
}

const decidedCodes = new Set<string>([
  ...(['SEAT_HELD', 'SEAT_BOOKED', 'SEATS_TAKEN', 'NOT_HOLDER', 'EXTENSION_LIMIT'] satisfies Refusal[]),
]);

/** An error in the form of the API and the edges. */
export function replyOfError(error: { code: string; retryable: boolean }, seats: readonly Seat[] | undefined): Reply {
  const { code, retryable } = error;
  if (!decidedCodes.has(code)) return { kind: 'unknown', code, retryable };
  return { kind: 'decided', refusal: code as Refusal, ...(seats && { seats }) };
}
