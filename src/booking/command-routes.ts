import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { CommandBody, CommandReply, type UserAction, userActions } from '../protocol/commands.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Answer, RequestKey } from '../store/seat-store.ts';
import { sessionNeeded, sessionOptional } from './api-document.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { IdentifyUser } from './guard.ts';
import { HoldAllowance } from './hold-allowance.ts';
import { failureDetail, refusalDetail } from './refusals.ts';
import { retryAfterSeconds } from './retry-after.ts';

const documents: Record<UserAction, { summary: string; description: string; refusals: readonly ErrorCode[] }> = {
  select: {
    summary: 'Hold a seat',
    description:
      'Holds an available seat for `hold_seconds`. If the user already holds it, the reply is the same hold, not extended.',
    refusals: ['SEAT_HELD', 'SEAT_BOOKED', 'HOLD_LIMIT', 'COOLDOWN'],
  },
  book: {
    summary: 'Book a held seat',
    description: 'Books a seat that the user holds. If the user already booked it, the reply is the same booking.',
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED'],
  },
  release: {
    summary: 'Release a held seat',
    description: 'Ends the hold of the user, so that the seat is available again.',
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED'],
  },
};

const everyRefusal: readonly ErrorCode[] = [
  ...(['INVALID_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'UNKNOWN_SEAT', 'TOO_LARGE'] as const),
  ...(['STORE_UNAVAILABLE', 'BUSY', 'TIMEOUT'] as const),
];

const CommandHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,64}$',
      description: 'One key for all attempts of a command, which then takes effect at most once. Kept for 15 s.',
    }),
  ),
  'x-attempt': Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,3}$',
      description: 'Number of this attempt. From 2 on, the reply is that of an earlier attempt if there was one.',
    }),
  ),
});

/** `POST /api/seats/select|book|release` */
export function registerCommandRoutes(
  app: HttpApp,
  { service, metrics, logger, venue, access }: BookingAppOptions,
  identifyUser: IdentifyUser,
): void {
  const replies = new CommandReplies();
  const allowance = access.rateLimits && new HoldAllowance(access.rateLimits.holdsPerAddress, service);
  const addressOf = countedAddress(access);
  for (const action of userActions) {
    const { summary, description, refusals } = documents[action];
    const schema = {
      tags: ['seats'],
      operationId: `${action}Seat`,
      summary,
      description,
      security: access.authMode === 'required' ? sessionNeeded : sessionOptional,
      headers: CommandHeaders,
      body: CommandBody,
      response: { 200: CommandReply },
    };
    const config = { apiDocument: { refusals: [...everyRefusal, ...refusals] } };
    const counts: Partial<Record<Outcome, { count: number }>> = {};
    const count = (outcome: Outcome) => {
      counts[outcome] ??= metrics.commandCount(action, outcome);
      counts[outcome].count++;
    };
    app.post(`/api/seats/${action}`, { schema, config }, async (request, reply) => {
      const { seat_id: seatId, user_id: claimed } = request.body;
      try {
        if (service.isOpen && !service.hasSeat(seatId)) {
          throw new RefusedError('UNKNOWN_SEAT', `There is no seat ${seatId}`);
        }
        const userId = await identifyUser(request, claimed);
        const command = () => service.command(action, seatId, userId, requestKey(request.headers));
        const answer =
          allowance && action === 'select'
            ? await allowance.spend({ address: addressOf(request), seatId, userId }, command)
            : await command();
        count(answer.refusal ?? 'OK');
        const { refusal, seat } = answer;
        logger.debug({ reqId: request.id, action, seatId, userId, refusal, seq: seat.seq }, 'Decided');
        const retrySeconds = refusal && retryAfterSeconds(refusal, userId, { service, venue });
        if (retrySeconds !== undefined) reply.header('retry-after', retrySeconds);
        const { httpStatus, json } = replies.of(answer);
        return reply
          .status(httpStatus as 200) // the schema has only this status, and the reply is already serialised
          .type(jsonType)
          .send(json as never);
      } catch (error) {
        count(failureDetail(error)?.code ?? 'INTERNAL');
        throw error;
      }
    });
  }
}

type Outcome = ErrorCode | 'OK';

function requestKey(headers: Static<typeof CommandHeaders>): RequestKey | undefined {
  const { 'idempotency-key': key, 'x-attempt': attempt } = headers;
  return key === undefined ? undefined : { key, isRepeat: Number(attempt) > 1 };
}

interface ReplyText {
  httpStatus: number;
  json: string;
}

/** The replies to commands. A hundred users who click one seat at once get the same reply: it is serialised once. */
class CommandReplies {
  readonly #ofSeat = new WeakMap<Seat, Map<Answer['refusal'], ReplyText>>();

  of({ seat, refusal }: Answer): ReplyText {
    const texts = this.#ofSeat.get(seat) ?? new Map<Answer['refusal'], ReplyText>();
    const known = texts.get(refusal);
    if (known) return known;
    const text = serialise(seat, refusal);
    this.#ofSeat.set(seat, texts.set(refusal, text));
    return text;
  }
}

function serialise(seat: Seat, refusal: Answer['refusal']): ReplyText {
  if (!refusal) return { httpStatus: 200, json: JSON.stringify({ success: true, seat }) };
  const error = refusalDetail(refusal);
  return { httpStatus: errorCodes[refusal].httpStatus, json: JSON.stringify({ success: false, error, seat }) };
}
