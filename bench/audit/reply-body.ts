import type { CommandReply, ErrorReply, HoldReply } from '../../src/protocol/commands.ts';
import type { Seat } from '../../src/protocol/seat.ts';

/** The body of a reply to a command, not validated: the audit compares all of it with the log. */
export type ReplyBody = Partial<CommandReply & HoldReply & Omit<ErrorReply, 'success'>>;

/** Empty if it is not a JSON object. */
export function parseBody(body: string): ReplyBody {
  try {
    return Object(JSON.parse(body)) as ReplyBody;
  } catch {
    return {};
  }
}

/** The seat of a command on one seat, or those of a command on several. */
export const seatsOf = ({ seat, seats }: ReplyBody): readonly Seat[] => seats ?? (seat ? [seat] : []);
