import { ok as assert } from 'node:assert/strict';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { countedAddress } from '../identity/counted-address.ts';
import {
  CommandBody,
  CommandReply,
  ErrorReply,
  HoldActionBody,
  HoldBody,
  HoldReply,
  holdActions,
  maxGroupSize,
  type UserAction,
  userActions,
} from '../protocol/commands.ts';
import { type ErrorCode, errorCodes, type Refusal } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Answer, RequestKey, UserCommand } from '../store/seat-store.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { IdentifyUser } from './guard.ts';
import { HoldAllowance } from './hold-allowance.ts';
import { failureDetail, refusalDetail } from './refusals.ts';
import { retryAfterSeconds } from './retry-after.ts';

const descriptions = {
  select: 'Hold a seat that is available. Again by its holder: the same hold, not extended.',
  book: 'Book the seat that you hold. Again by whoever booked it: still booked.',
  release: 'Let go of the seat that you hold.',
} as const;

const holdDescriptions = {
  select: `Hold up to ${maxGroupSize} seats: all of them or none. They have one end.`,
  extend: 'Extend your hold: all of these seats or none. A hold can be extended HOLD_EXTENSIONS times.',
  book: 'Book the seats that you hold: all of them or none.',
  release: 'Let go of the seats that you hold: all of them or none.',
} as const;

const ShowParams = Type.Object({ show: Type.String({ maxLength: 64 }) });

const CommandHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,64}$',
      description: 'Use one key for all attempts: the command then takes effect at most once. Kept for 15 s',
    }),
  ),
  'x-attempt': Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,3}$',
      description: 'Number of this attempt. From 2 on, an earlier attempt may still arrive',
    }),
  ),
});

/** `POST /api/seats/select|book|release`, `POST /api/shows/main/holds` and `POST /api/shows/main/holds/extend|book|release` */
export function registerCommandRoutes(app: HttpApp, options: BookingAppOptions, identifyUser: IdentifyUser): void {
  const { service, logger, venue } = options;
  const { metrics, access } = options;
  const replies = new CommandReplies();
  const allowance = access.rateLimits && new HoldAllowance(access.rateLimits.holdsPerAddress, service);
  const addressOf = countedAddress(access);
  const counts = new Map<string, { count: number }>();
  const count = (action: UserCommand['action'], outcome: ErrorCode | 'OK') => {
    const name = `${action} ${outcome}`;
    const known = counts.get(name) ?? metrics.commandCount(action, outcome);
    known.count++;
    counts.set(name, known);
  };

  /** Identifies the user, decides, counts and logs. `seatIds`: undefined for all seats that the user holds. */
  async function decide(
    request: FastifyRequest,
    reply: FastifyReply,
    { action, seatIds, claimed, key }: Asked,
  ): Promise<Answer> {
    try {
      const unknown = service.isOpen && seatIds?.find((id) => !service.hasSeat(id));
      if (unknown) throw new RefusedError('UNKNOWN_SEAT', `There is no seat ${unknown}`);
      const userId = await identifyUser(request, claimed);
      if (!seatIds && key)
        throw new RefusedError('INVALID_REQUEST', 'A request with an Idempotency-Key names its seats');
      const named = seatIds ?? (await heldBy(userId));
      const command: UserCommand = { action, seatIds: named, userId, request: key };
      const answer =
        allowance && action === 'select'
          ? await allowance.spend({ address: addressOf(request), seatIds: named, userId }, () =>
              service.command(command),
            )
          : await service.command(command);
      const { refusal, seats } = answer;
      count(action, refusal ?? 'OK');
      logger.debug(
        { reqId: request.id, action, seatIds: named, userId, refusal, seqs: seats.map(({ seq }) => seq) },
        'Decided',
      );
      const retrySeconds = refusal && retryAfterSeconds(refusal, userId, { service, venue });
      if (retrySeconds !== undefined) reply.header('retry-after', retrySeconds);
      return answer;
    } catch (error) {
      count(action, failureDetail(error)?.code ?? 'INTERNAL');
      throw error;
    }
  }

  async function heldBy(userId: string): Promise<string[]> {
    await service.confirm();
    const held = [...service.view.seats].filter(
      ({ held_by, status }) => held_by === userId && status === SeatStatus.held,
    );
    if (held.length === 0) throw new RefusedError('NOT_HOLDER', 'You hold no seat');
    if (held.length > maxGroupSize) {
      throw new RefusedError('INVALID_REQUEST', `You hold more than ${maxGroupSize} seats: name those that you mean`);
    }
    return held.map(({ id }) => id);
  }

  function registerSeatRoute(action: UserAction): void {
    const schema = {
      tags: ['seats'],
      description: descriptions[action],
      headers: CommandHeaders,
      body: CommandBody,
      response: { 200: CommandReply, '4xx': ErrorReply, '5xx': ErrorReply },
    };
    app.post(`/api/seats/${action}`, { schema }, async (request, reply) => {
      const { seat_id, user_id: claimed } = request.body;
      const answer = await decide(request, reply, {
        action,
        seatIds: [seat_id],
        claimed,
        key: requestKey(request.headers),
      });
      return send(reply, replies.ofSeat(answer));
    });
  }

  function registerHoldRoute(
    action: UserCommand['action'],
    { path, description, body }: { path: string; description: string; body: typeof HoldBody | typeof HoldActionBody },
  ): void {
    const schema = {
      tags: ['holds'],
      description,
      headers: CommandHeaders,
      params: ShowParams,
      body,
      response: { 200: HoldReply, '4xx': ErrorReply, '5xx': ErrorReply },
    };
    app.post(`/api/shows/:show/holds${path}`, { schema }, async (request, reply) => {
      const { show } = request.params;
      if (show !== venue.name) throw new RefusedError('UNKNOWN_SHOW', `There is no show ${show}`);
      const { seats: seatIds, user_id: claimed } = request.body;
      return send(
        reply,
        groupReply(await decide(request, reply, { action, seatIds, claimed, key: requestKey(request.headers) })),
      );
    });
  }

  for (const action of userActions) registerSeatRoute(action);
  registerHoldRoute('select', { path: '', description: holdDescriptions.select, body: HoldBody });
  for (const action of holdActions) {
    registerHoldRoute(action, { path: `/${action}`, description: holdDescriptions[action], body: HoldActionBody });
  }
}

function send(reply: FastifyReply, { httpStatus, json }: ReplyText): FastifyReply {
  return reply
    .status(httpStatus)
    .type(jsonType)
    .send(json as never); // already serialised to match the schema
}

interface Asked {
  action: UserCommand['action'];
  seatIds: string[] | undefined;
  /** The user that the request says it is of. */
  claimed: string | undefined;
  key: RequestKey | undefined;
}

function requestKey(headers: Static<typeof CommandHeaders>): RequestKey | undefined {
  const { 'idempotency-key': key, 'x-attempt': attempt } = headers;
  return key === undefined ? undefined : { key, isRepeat: Number(attempt) > 1 };
}

interface ReplyText {
  httpStatus: number;
  json: string;
}

/** The replies to commands on one seat. A hundred users who click one seat at once get the same reply: it is serialised once. */
class CommandReplies {
  readonly #ofSeat = new WeakMap<Seat, Map<Answer['refusal'], ReplyText>>();

  ofSeat({ seats: [seat], refusal }: Answer): ReplyText {
    assert(seat, 'a command on one seat must be answered with that seat');
    const texts = this.#ofSeat.get(seat) ?? new Map<Answer['refusal'], ReplyText>();
    const known = texts.get(refusal);
    if (known) return known;
    const text = refusal ? refusalText(refusal, { seat }) : textOf(200, { success: true, seat });
    this.#ofSeat.set(seat, texts.set(refusal, text));
    return text;
  }
}

function groupReply({ seats, refusal, refused = [] }: Answer): ReplyText {
  if (refusal) return refusalText(refusal, { seats: seats.filter(({ id }) => refused.includes(id)) });
  const ends = seats.flatMap(({ status, expires_at }) => (status === SeatStatus.held ? (expires_at ?? []) : []));
  return textOf(200, { success: true, seats, ...(ends.length > 0 && { expires_at: Math.min(...ends) }) });
}

const refusalText = (refusal: Refusal, of: { seat: Seat } | { seats: Seat[] }): ReplyText =>
  textOf(errorCodes[refusal].httpStatus, { success: false, error: refusalDetail(refusal), ...of });

const textOf = (httpStatus: number, body: CommandReply | HoldReply | ErrorReply): ReplyText => ({
  httpStatus,
  json: JSON.stringify(body),
});
