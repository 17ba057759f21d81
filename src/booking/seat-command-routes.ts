import { ok as assert } from 'node:assert/strict';
import type { HttpApp } from '../http/http-app.ts';
import { CommandBody, CommandReply, type UserAction, userActions } from '../protocol/commands.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Answer } from '../store/seat-store.ts';
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
import { showIdOf, showPaths } from './show-paths.ts';

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
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED', 'PAYMENT_REQUIRED'],
  },
  release: {
    summary: 'Release a held seat',
    description: 'Ends the hold of the user, so that the seat is available again.',
    refusals: ['NOT_HOLDER', 'SEAT_BOOKED'],
  },
};

/** `POST /api/seats/select|book|release`, and the same below `/api/shows/:show`. */
export function registerSeatCommandRoutes(
  app: HttpApp,
  handler: CommandHandler,
  isSessionNeeded: boolean,
): BatchedRoute[] {
  const replies = new SeatReplies();
  return userActions.map((action) => {
    const replyTo = async (
      request: Requester,
      show: string | undefined,
      { seat_id, user_id: claimed }: CommandBody,
      headers: CommandHeaders,
    ) => {
      const requested = { show, action, seats: [seat_id], claimed, headers };
      const { answer, retrySeconds } = await handler.decide(request, requested);
      return { ...replies.of(answer), retrySeconds };
    };
    const { summary, description, refusals } = documents[action];
    for (const { url, ...show } of showPaths(`/seats/${action}`, `${action} Seat`)) {
      const schema = {
        tags: ['seats'],
        summary,
        description,
        ...show,
        security: isSessionNeeded ? sessionNeeded : sessionOptional,
        headers: CommandHeaders,
        body: CommandBody,
        response: { 200: CommandReply },
      };
      // The default show is always on sale.
      const ofSale = action === 'select' ? selectRefusals : [];
      const ofShow: readonly ErrorCode[] = show.params ? ['UNKNOWN_SHOW', ...ofSale] : [];
      const config = { apiDocument: { refusals: [...commandRefusals, ...refusals, ...ofShow] } };
      app.post(url, { schema, config }, async (request, reply) => {
        return sendText(reply, await replyTo(request, showIdOf(request), request.body, request.headers));
      });
    }
    return batchedRoute(`/seats/${action}`, CommandBody, replyTo);
  });
}

/** A hundred users who click one seat at once get the same reply in succession: it is serialised once. */
class SeatReplies {
  #last: { seat: Seat; refusal: Answer['refusal']; text: ReplyText } | undefined;

  of({ seats: [seat], refusal }: Answer): ReplyText {
    assert(seat, 'the answer to a command on one seat must have that seat');
    if (this.#last?.seat === seat && this.#last.refusal === refusal) return this.#last.text;
    const text = refusal
      ? replyText(errorCodes[refusal].httpStatus, { success: false, error: refusalDetail(refusal), seat })
      : replyText(200, { success: true, seat });
    this.#last = { seat, refusal, text };
    return text;
  }
}
