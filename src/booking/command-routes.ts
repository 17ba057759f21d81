import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { CommandBody, CommandReply, ErrorReply, userActions } from '../protocol/commands.ts';
import { type ErrorDetail, errorCodes, errorDetail } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import type { RequestKey } from '../store/seat-store.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { IdentifyUser } from './guard.ts';
import { failureDetail, refusalDetail } from './refusals.ts';

const descriptions = {
  select: 'Hold a seat that is available. Again by its holder: the same hold, not extended.',
  book: 'Book the seat that you hold. Again by whoever booked it: still booked.',
  release: 'Let go of the seat that you hold.',
} as const;

const CommandHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,64}$',
      description: 'The same at every attempt: what the command does it then does once. Kept for 15 s',
    }),
  ),
  'x-attempt': Type.Optional(
    Type.String({ pattern: '^[0-9]{1,3}$', description: 'From 2 on: an earlier one may come late' }),
  ),
});

/** `POST /api/seats/select|book|release` */
export function registerCommandRoutes(
  app: HttpApp,
  { service, metrics }: BookingAppOptions,
  identifyUser: IdentifyUser,
): void {
  for (const action of userActions) {
    const schema = {
      tags: ['seats'],
      description: descriptions[action],
      headers: CommandHeaders,
      body: CommandBody,
      response: { 200: CommandReply, '4xx': ErrorReply, '5xx': ErrorReply },
    };
    app.post(`/api/seats/${action}`, { schema }, async (request, reply) => {
      const { body, headers } = request;
      const refuse = (error: ErrorDetail, seat?: Seat) => {
        metrics.commands.inc({ action, outcome: error.code });
        return reply
          .status(errorCodes[error.code].httpStatus)
          .send({ success: false as const, error, ...(seat && { seat }) });
      };
      if (service.isOpen && !service.hasSeat(body.seat_id)) {
        return refuse(errorDetail('UNKNOWN_SEAT', `There is no seat ${body.seat_id}`));
      }
      try {
        const userId = await identifyUser(request, body.user_id);
        const { seat, refusal } = await service.command(action, body.seat_id, userId, requestKey(headers));
        request.log.debug({ action, seatId: seat.id, userId, refusal, seq: seat.seq }, 'Decided');
        if (refusal) return refuse(refusalDetail(refusal), seat);
        metrics.commands.inc({ action, outcome: 'OK' });
        return { success: true as const, seat };
      } catch (error) {
        metrics.commands.inc({ action, outcome: failureDetail(error)?.code ?? 'INTERNAL' });
        throw error;
      }
    });
  }
}

function requestKey(headers: Static<typeof CommandHeaders>): RequestKey | undefined {
  const { 'idempotency-key': key, 'x-attempt': attempt } = headers;
  return key === undefined ? undefined : { key, isRepeat: Number(attempt) > 1 };
}
