import type { ErrorCode, ErrorDetail } from '../protocol/errors.ts';
import type { ShowDetails } from '../protocol/show.ts';
import type { PlanDocument } from '../shows/plan-document.ts';
import { SeatingPlan } from '../shows/seating-plan.ts';

const firstRetryMs = 500;
const longestRetryMs = 5_000;
const timeoutMs = 15_000;

/** There is no such show, or not with this plan. */
export class UnknownShowError extends Error {
  /** undefined: the reply was not from the booking service. */
  readonly code: ErrorCode | undefined;

  constructor(message: string, code: ErrorCode | undefined) {
    super(message);
    this.code = code;
  }
}

interface ErrorReply {
  error: ErrorDetail;
}

/** The details that the server has put into the page; undefined if it could not. */
export function embeddedDetails(id: string): ShowDetails | undefined {
  try {
    const details = JSON.parse(document.getElementById('show-details')?.textContent ?? '') as ShowDetails;
    return details.id === id ? details : undefined;
  } catch {
    return undefined;
  }
}

/** Why a request is repeated: the error of the last reply; without it there was no reply. */
export interface Trouble {
  status?: number;
  /** The server's sentence. */
  message?: string;
}

/** Called after each failed attempt, and with undefined after the one that succeeds. */
export type OnTrouble = (trouble: Trouble | undefined) => void;

/** Repeats the request until the server replies. Throws `UnknownShowError` if it has no such show. */
export async function loadDetails(id: string, onTrouble?: OnTrouble): Promise<ShowDetails> {
  return await repeated(`/api/shows/${encodeURIComponent(id)}`, { cache: 'no-store' }, onTrouble);
}

/** undefined: the show has another plan by now. Repeats the request, and throws, as `loadDetails`. */
export async function loadPlan(
  { id, plan }: Pick<ShowDetails, 'id' | 'plan'>,
  onTrouble?: OnTrouble,
): Promise<SeatingPlan | undefined> {
  const path = `/api/shows/${encodeURIComponent(id)}/plan/${encodeURIComponent(plan)}`;
  try {
    return new SeatingPlan(await repeated<PlanDocument>(path, {}, onTrouble));
  } catch (error) {
    if (error instanceof UnknownShowError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** The reply as JSON. Repeats the request until the server replies. Throws `UnknownShowError` for a 404. */
export async function repeated<T>(path: string, options: RequestInit, onTrouble: OnTrouble = () => {}): Promise<T> {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(longestRetryMs, waitMs * 2)) {
    const reply = await fetch(path, { ...options, signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
    const body: unknown = await reply?.json().catch(() => undefined);
    const error = (body as Partial<ErrorReply> | undefined)?.error;
    if (reply?.status === 404) throw new UnknownShowError(`${path} does not exist`, error?.code);
    if (reply?.ok && body !== undefined) {
      onTrouble(undefined);
      return body as T;
    }
    onTrouble({ ...(reply && { status: reply.status }), ...(error && { message: error.message }) });
    // Pages that lost one server must not return together.
    await new Promise((resolve) => setTimeout(resolve, waitMs * (1 + Math.random() / 2)));
  }
}
