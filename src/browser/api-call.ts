import { type ErrorCode, type ErrorDetail, errorDetail } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import { retryAfterMs } from './retry-after.ts';

const timeoutMs = 10_000;

/** Why a call has no result. */
export interface ApiFailure {
  error: ErrorDetail;
  /** Seats that are the reason. */
  seats: readonly Seat[];
  /** The wait that the server asks for. */
  retryAfterMs: number | undefined;
}

interface ErrorBody {
  success: false;
  error: ErrorDetail;
  seats?: Seat[];
}

export type ApiResult<Body> = { body: Body } | ApiFailure;

/** Calls the API. Never rejects: a call without a reply is a TIMEOUT, and a reply of a proxy is one of STORE_UNAVAILABLE. */
export async function callApi<Body>(fetcher: typeof fetch, path: string, init: RequestInit): Promise<ApiResult<Body>> {
  try {
    const reply = await fetcher(path, { cache: 'no-store', signal: AbortSignal.timeout(timeoutMs), ...init });
    const body: unknown = await reply.json().catch(() => undefined);
    if (reply.ok && body !== undefined) return { body: body as Body };
    const { error, seats = [] } = (body ?? {}) as Partial<ErrorBody>;
    if (error) return { error, seats, retryAfterMs: retryAfterMs(reply) };
    const code = reply.status === 429 ? 'RATE_LIMITED' : 'STORE_UNAVAILABLE';
    return failure(code, `The server replied ${reply.status}`, retryAfterMs(reply));
  } catch {
    return failure('TIMEOUT', 'The server cannot be reached');
  }
}

export const postJson = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const failure = (code: ErrorCode, message: string, afterMs?: number): ApiFailure => ({
  error: errorDetail(code, message),
  seats: [],
  retryAfterMs: afterMs,
});
