import { isObject } from '../process/is-object.ts';
import type { ErrorReply } from '../protocol/commands.ts';
import { BookingUnavailableError } from './booking-errors.ts';

/** A reply of a booking process, to a request or to a command of a batch. */
export interface HttpReply {
  httpStatus: number;
  body: unknown;
}

/** An unexpected shape means that a proxy or a dying process replied. */
export function replyOf(httpStatus: number, body: unknown): HttpReply {
  if (httpStatus !== 200 && !isErrorReply(body)) throw new BookingUnavailableError(`HTTP ${httpStatus}`);
  return { httpStatus, body };
}

export const isErrorReply = (body: unknown): body is ErrorReply =>
  isObject(body) && body.success === false && isObject(body.error);
