import { randomInt } from 'node:crypto';
import { present } from '../../src/process/present.ts';
import { type ClientLog, isOfOneSeat, isRateLimited, rateLimitRemedy, type SeatRequest } from '../audit/client-log.ts';
import type { Recorder } from '../measure/recorder.ts';
import type { ShowUnderLoad } from '../venue/show-under-load.ts';
import type { HttpAnswer, HttpRequest } from './closed-loop.ts';

export function toHttp(request: SeatRequest, { id, apiPath }: ShowUnderLoad): HttpRequest {
  const { action, seatIds: seats, best, userId: user_id } = request;
  if (isOfOneSeat(request)) {
    return { method: 'POST', path: `${apiPath}/seats/${action}`, body: JSON.stringify({ seat_id: seats[0], user_id }) };
  }
  const path = `/api/shows/${id}/holds${action === 'select' ? '' : `/${action}`}`;
  return { method: 'POST', path, body: JSON.stringify({ ...(best ? { best } : { seats }), user_id }) };
}

export type AnswerKind = 'ok' | 'refused' | 'error';

/** A refusal is a valid answer: the seat is taken, or the user holds too many or has to wait. The rest are errors. */
export function kindOf(status: number, body = ''): AnswerKind {
  if (status >= 200 && status < 400) return 'ok';
  return status === 409 || (status === 429 && !isRateLimited(status, body)) ? 'refused' : 'error';
}

/** How an error appears in the report. */
export const errorName = (status: number, body = ''): string =>
  isRateLimited(status, body) ? `429 rate limit: ${rateLimitRemedy}` : String(status);

/** Adds one answer to the figures and the log. */
export function noteAnswer(
  { recorder, log }: { recorder: Recorder; log: ClientLog },
  request: SeatRequest,
  { status, body, latencyMs }: Omit<HttpAnswer, 'headers'>,
  newestSeqsWhenSent: readonly number[],
): AnswerKind {
  const kind = kindOf(status, body);
  if (kind === 'error') recorder.error(errorName(status, body));
  else recorder.record(request.action, kind, latencyMs);
  log.answered({ ...request, status, body }, newestSeqsWhenSent);
  return kind;
}

export const oneOf = <T>(items: readonly T[]): T => present(items[randomInt(items.length)], 'an item');
