import { type ErrorCode, type ErrorDetail, errorDetail } from '../protocol/errors.ts';

/** A request that is refused with one of the codes of the wire. */
export class RefusedError extends Error {
  override name = 'RefusedError';
  readonly detail: ErrorDetail;
  /** Not before then is it worth another try. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.detail = errorDetail(code, message);
    this.retryAfterMs = options.retryAfterMs;
  }
}
