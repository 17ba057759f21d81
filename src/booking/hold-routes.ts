import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import { HoldActionBody, HoldBody, HoldReply, holdActions } from '../protocol/commands.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import { maxGroupSize } from '../protocol/max-group-size.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Answer, UserCommand } from '../store/seat-store.ts';
import { sessionNeeded, sessionOptional } from './api-document.ts';
import { type BatchedRoute, batchedRoute } from './batched-command.ts';
import {
  type CommandHandler,
  CommandHeaders,
  commandRefusals,
  type ReplyText,
  type Requester,
  replyText,
  selectRefusals,
  sendText,
} from './command-handler.ts';
import { refusalDetail } from './refusals.ts';
import { ShowParams } from './show-paths.ts';

interface HoldRoute {
  path: string;
  operationId: string;
  body: typeof HoldBody | typeof HoldActionBody;
  summary: string;
  description: string;
  refusals: readonly ErrorCode[];
}

const eitherOr = 'The body must have either `seats` or `best`';
const allOrNone = 'The command applies to all of these seats or to none.';
const named = `Without \`seats\` it applies to all seats that the user holds, at most ${maxGroupSize}.`;

const routes: Record<UserCommand['action'], HoldRoute> = {
  select: {
    path: '',
    operationId: 'holdSeats',
    body: HoldBody,
    summary: 'Hold seats together',
    description: `Holds up to ${maxGroupSize} seats with one end: those of \`seats\`, or with \`best\` the best free ones. ${allOrNone}`,
    refusals: ['SEAT_HELD', 'SEAT_BOOKED', 'SEATS_TAKEN', 'NOT_TOGETHER', 'HOLD_LIMIT', 'COOLDOWN', ...selectRefusals],
  },
  extend: {
    path: '/extend',
    operationId: 'extendHold',
    body: HoldActionBody,
    summary: 'Extend a hold',
    description: `Gives held seats \`hold_seconds\` from now on, HOLD_EXTENSIONS times at most. ${allOrNone} ${named}`,
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED', 'EXTENSION_LIMIT', 'SALE_CLOSED'],
  },
  book: {
    path: '/book',
    operationId: 'bookHold',
    body: HoldActionBody,
    summary: 'Book held seats',
    description: `Books seats that the user holds. ${allOrNone} ${named}`,
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED', 'PAYMENT_REQUIRED'],
  },
  release: {
    path: '/release',
    operationId: 'releaseHold',
    body: HoldActionBody,
    summary: 'Release held seats',
    description: `Ends holds of the user. ${allOrNone} ${named}`,
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED'],
  },
};

/** `POST /api/shows/:show/holds`, and below it `/extend|book|release`. */
export function registerHoldRoutes(app: HttpApp, handler: CommandHandler, isSessionNeeded: boolean): BatchedRoute[] {
  return (['select', ...holdActions] as const).map((action) => {
    const replyTo = async (
      request: Requester,
      show: string,
      body: HoldBody | HoldActionBody,
      headers: CommandHeaders,
    ) => {
      const seats = 'best' in body ? oneOf(body) : body.seats;
      if (action === 'select' && !seats) throw new RefusedError('INVALID_REQUEST', eitherOr);
      const requested = { show, action, seats, claimed: body.user_id, headers };
      const { answer, retrySeconds } = await handler.decide(request, requested);
      return { ...holdReply(answer), retrySeconds };
    };
    const { path, refusals, ...document } = routes[action];
    const schema = {
      tags: ['holds'],
      ...document,
      security: isSessionNeeded ? sessionNeeded : sessionOptional,
      headers: CommandHeaders,
      params: ShowParams,
      response: { 200: HoldReply },
    };
    const config = { apiDocument: { refusals: [...commandRefusals, 'UNKNOWN_SHOW' as const, ...refusals] } };
    app.post(`/api/shows/:show/holds${path}`, { schema, config }, async (request, reply) => {
      const { body, headers, params } = request;
      return sendText(reply, await replyTo(request, params.show, body, headers));
    });
    return batchedRoute(`/holds${path}`, schema.body, replyTo);
  });
}

function oneOf({ seats, best }: HoldBody): HoldBody['best'] {
  if (seats) throw new RefusedError('INVALID_REQUEST', eitherOr);
  return best;
}

function holdReply({ seats, refusal, refused = [] }: Answer): ReplyText {
  if (refusal) {
    const reasons = seats.filter(({ id }) => refused.includes(id));
    return replyText(errorCodes[refusal].httpStatus, {
      success: false,
      error: refusalDetail(refusal),
      seats: reasons,
    });
  }
  const ends = seats.flatMap(({ status, expires_at }) => (status === SeatStatus.held ? (expires_at ?? []) : []));
  return replyText(200, { success: true, seats, ...(ends.length > 0 && { expires_at: Math.min(...ends) }) });
}
