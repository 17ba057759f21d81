import { randomInt } from 'node:crypto';
import type { UserAction } from '../../src/protocol/commands.ts';
import { seatId } from '../../src/protocol/seat-id.ts';
import type { ClientLog } from '../audit/client-log.ts';
import type { Recorder } from '../measure/recorder.ts';
import type { HttpAnswer, HttpRequest } from './closed-loop.ts';

export interface SeatRequest {
  action: UserAction;
  seatId: string;
  userId: string;
}

export const toHttp = ({ action, seatId: seat_id, userId: user_id }: SeatRequest): HttpRequest => ({
  method: 'POST',
  path: `/api/seats/${action}`,
  body: JSON.stringify({ seat_id, user_id }),
});

export type AnswerKind = 'ok' | 'refused' | 'error';

/** 409 and HOLD_LIMIT are answers: somebody was first, or one holds enough. All else but success is an error. */
export function kindOf(status: number, body = ''): AnswerKind {
  if (status >= 200 && status < 400) return 'ok';
  return status === 409 || body.includes('"HOLD_LIMIT"') ? 'refused' : 'error';
}

/** A loader is one address: where the venue limits how much that asks, it must be told (RATE_LIMIT=off). */
const describeError = (status: number, body: string): string =>
  body.includes('"RATE_LIMITED"') ? '429 RATE_LIMITED: start the system with RATE_LIMIT=off' : String(status);

/** Writes one answer into the figures and the log. */
export function noteAnswer(
  { recorder, log }: { recorder: Recorder; log: ClientLog },
  request: SeatRequest,
  { status, body, latencyMs }: Omit<HttpAnswer, 'headers'>,
  newestSeqWhenSent: number,
): AnswerKind {
  const kind = kindOf(status, body);
  if (kind === 'error') recorder.error(describeError(status, body));
  else recorder.record(request.action, kind, latencyMs);
  log.answered({ ...request, status, body }, newestSeqWhenSent);
  return kind;
}

/** The ids of a venue, in row-major order. */
export function seatIds(rows: number, cols: number): string[] {
  return Array.from({ length: rows * cols }, (_, i) => seatId(Math.floor(i / cols), i % cols));
}

export const oneOf = <T>(items: readonly T[]): T => items[randomInt(items.length)] as T;
