import { request } from 'undici';
import type { EventsAfter, SeatEvent } from '../../src/protocol/events.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { isRateLimited, rateLimitRemedy } from './client-log.ts';
import { CannotAuditError, LogLostError, type VenueRecord, type VenueTruth } from './venue-truth.ts';

/** Reads the log over HTTP, if Redis cannot be reached from here. */
export class HttpTruth implements VenueTruth {
  readonly source = 'HTTP';
  readonly #url: string;

  /** `url`: of the show, without `/venue`. */
  constructor(url: string) {
    this.#url = url;
  }

  async record(): Promise<VenueRecord> {
    const { epoch, seq, seats, server_time } = await getJson<VenueState>(`${this.#url}/venue`);
    return { epoch, seq, seats: new Map(seats.map((seat) => [seat.id, seat])), nowMs: server_time * 1000 };
  }

  async eventsAfter({ epoch, seq }: { epoch: string; seq: number }): Promise<SeatEvent[]> {
    const events: SeatEvent[] = [];
    for (let after = seq; ; after = events.at(-1)?.seq ?? after) {
      const page = await getJson<EventsAfter>(`${this.#url}/events?epoch=${epoch}&after=${after}`);
      if (!page.events) throw new LogLostError(`The log over HTTP does not reach back to ${epoch}:${after}`);
      events.push(...page.events);
      if (page.events.length === 0) return events;
    }
  }

  async close(): Promise<void> {}
}

export async function getJson<T>(url: string): Promise<T> {
  const { statusCode, body } = await request(url);
  const text = await body.text();
  if (isRateLimited(statusCode, text)) throw new CannotAuditError(`rate limits refused GET ${url}. ${rateLimitRemedy}`);
  if (statusCode !== 200) throw new Error(`GET ${url} answers ${statusCode}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as T;
}
