import type { EventsAfter } from '../protocol/events.ts';

const timeoutMs = 5_000;

/** Probes whether the server replies over HTTP: undefined if it does, else the status of the reply, or 0 without a reply. */
export async function probeHttp(fetcher: typeof fetch): Promise<number | undefined> {
  try {
    const reply = await fetcher('/api/events?epoch=none&after=0', {
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
