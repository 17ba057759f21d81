import type { EventsAfter } from '../protocol/events.ts';

const timeoutMs = 5_000;

/** Whether the server answers over HTTP: undefined if it does, else the status of the reply, or 0 without one. */
export async function askHttp(ask: typeof fetch): Promise<number | undefined> {
  try {
    const reply = await ask('/api/events?epoch=none&after=0', {
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!reply.ok) return reply.status;
    const { epoch } = (await reply.json()) as Partial<EventsAfter>;
    return epoch === undefined ? 0 : undefined;
  } catch {
    return 0;
  }
}
