import type { ServerMessage } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import type { CommandOutcome } from './booking-client.ts';

export type Reply = Extract<ServerMessage, { type: 'ACK' | 'ERROR' }>;

/** The message for the reply of the booking service to a command. */
export function commandReply(body: CommandOutcome['body']): Reply {
  if (body.success) return { type: 'ACK', data: body };
  const { error, seat, seats } = body;
  return { type: 'ERROR', data: { ...error, ...(seat && { seat }), ...(seats && { seats }) } };
}

/** The same without the holders of other users' seats: with seat-booking.v2 a user learns only of its own seats who holds them. */
export function withoutOtherHolders(body: CommandOutcome['body'], userId: string | undefined): CommandOutcome['body'] {
  if (body.success) return body;
  const { seat, seats, ...refusal } = body;
  const shown = (each: Seat): Seat => {
    if (each.held_by !== undefined && each.held_by === userId) return each;
    const { held_by: _, expires_at: __, ...rest } = each;
    return rest;
  };
  return { ...refusal, ...(seat && { seat: shown(seat) }), ...(seats && { seats: seats.map(shown) }) };
}
