import type { ShowDetails } from '../protocol/show.ts';
import type { PlanDocument } from '../shows/plan-document.ts';
import { SeatingPlan } from '../shows/seating-plan.ts';

const firstRetryMs = 500;
const longestRetryMs = 5_000;
const timeoutMs = 15_000;

/** There is no such show. */
export class UnknownShowError extends Error {}

/** The details that the server has put into the page; undefined if it could not. */
export function embeddedDetails(id: string): ShowDetails | undefined {
  try {
    const details = JSON.parse(document.getElementById('show-details')?.textContent ?? '') as ShowDetails;
    return details.id === id ? details : undefined;
  } catch {
    return undefined;
  }
}

/** Repeats the request until the server replies. Throws `UnknownShowError` if it has no such show. */
export async function loadDetails(id: string): Promise<ShowDetails> {
  return await repeated(`/api/shows/${encodeURIComponent(id)}`, { cache: 'no-store' });
}

export async function loadPlan({ id, plan }: Pick<ShowDetails, 'id' | 'plan'>): Promise<SeatingPlan> {
  const path = `/api/shows/${encodeURIComponent(id)}/plan/${encodeURIComponent(plan)}`;
  return new SeatingPlan(await repeated<PlanDocument>(path, {}));
}

/** The reply as JSON. Repeats the request until the server replies. Throws `UnknownShowError` for a 404. */
export async function repeated<T>(path: string, options: RequestInit): Promise<T> {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(longestRetryMs, waitMs * 2)) {
    const reply = await fetch(path, { ...options, signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
    if (reply?.status === 404) throw new UnknownShowError(`${path} does not exist`);
    const body = reply?.ok ? await (reply.json() as Promise<T>).catch(() => undefined) : undefined;
    if (body !== undefined) return body;
    // Pages that lost one server must not return together.
    await new Promise((resolve) => setTimeout(resolve, waitMs * (1 + Math.random() / 2)));
  }
}
