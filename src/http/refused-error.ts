import { type ErrorCode, type ErrorDetail, errorDetail } from '../protocol/errors.ts';

/** Refuses a request with one of the codes of the protocol. */
export class RefusedError extends Error {
  override name = 'RefusedError';
  readonly detail: ErrorDetail;
  /** Earliest time for a retry. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.detail = errorDetail(code, message);
    this.retryAfterMs = options.retryAfterMs;
  }
}
