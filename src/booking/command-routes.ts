import type { HttpApp } from '../http/http-app.ts';
import { CommandBody, CommandReply, ErrorReply, userActions } from '../protocol/commands.ts';
import { type ErrorDetail, errorCodes, errorDetail } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import type { BookingAppOptions } from './app-options.ts';
import { failureDetail, refusalDetail } from './refusals.ts';

const descriptions = {
  select: 'Hold a seat that is available. Again by its holder: the same hold, not extended.',
  book: 'Book the seat that you hold. Again by whoever booked it: still booked.',
  release: 'Let go of the seat that you hold.',
} as const;

/** `POST /api/seats/select|book|release` */
export function registerCommandRoutes(app: HttpApp, { service, metrics }: BookingAppOptions): void {
  for (const action of userActions) {
    const schema = {
      tags: ['seats'],
      description: descriptions[action],
      body: CommandBody,
      response: { 200: CommandReply, '4xx': ErrorReply, '5xx': ErrorReply },
    };
    app.post(`/api/seats/${action}`, { schema }, async ({ body }, reply) => {
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
        const { seat, refusal } = await service.command(action, body.seat_id, body.user_id);
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
