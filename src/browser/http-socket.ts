import { type CommandMessage, commandRequest, showPath } from '../protocol/command-routes.ts';
import type { CommandReply, ErrorReply, HoldReply } from '../protocol/commands.ts';
import { type ErrorCode, errorDetail } from '../protocol/errors.ts';
import type { EventsAfter, SeatEvent } from '../protocol/events.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { HoldSettings, Position, VenueState } from '../protocol/venue.ts';
import type { Socket } from './connection.ts';
import { retryAfterMs } from './retry-after.ts';

/** Only the reply with the whole venue has the hold settings. */
const venueEveryMs = 30_000;
/** A longer `Retry-After` ends this connection. */
const longestWaitMs = 5_000;
const commandTimeoutMs = 10_000;

type RequestId = string | number | undefined;

export interface HttpSocketOptions {
  fetch: typeof fetch;
  /** `Authorization`, if cookies are blocked. */
  authorization: () => Record<string, string>;
  random: () => number;
}

/** The messages of the WebSocket over HTTP: each `CONNECT` and `PING` is a poll, each command a POST. */
export class HttpSocket extends EventTarget implements Socket {
  readonly #options: HttpSocketOptions;
  /** Opens asynchronously, as a WebSocket does. */
  readyState = 0;
  readonly #closed = new AbortController();
  #position: Position | undefined;
  #userId: string | undefined;
  /** Start of the paths for reads. The default show is read without its id, which its venue contains. */
  #reads = '/api';
  /** Id of the show, which the routes of commands have in their path. */
  #show = '';
  #venueAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: HttpSocketOptions) {
    super();
    this.#options = options;
    queueMicrotask(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    });
  }

  send(data: string): void {
    const message = JSON.parse(data) as ClientMessage;
    switch (message.type) {
      case 'CONNECT':
        this.#choose(message.data?.venue);
        this.#position = message.data?.position;
        this.#userId = message.data?.user_id;
        void this.#poll(message.request_id);
        break;
      case 'PING':
        void this.#poll(message.request_id);
        break;
      case 'subscribe':
        this.#position = undefined;
        void this.#poll(message.request_id);
        break;
      default:
        void this.#command(message);
    }
  }

  close(): void {
    this.#closed.abort();
  }

  #choose(show: string | undefined): void {
    if (show === undefined) return;
    this.#show = show;
    this.#reads = showPath(encodeURIComponent(show), '');
  }

  async #poll(requestId: RequestId): Promise<void> {
    try {
      const data = (await this.#changes()) ?? (await this.#venue());
      this.#emit({ type: 'ACK', ...withId(requestId), data: { success: true, ...data } });
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      const failed = error instanceof FailedReply ? error : undefined;
      const close = { code: 1006, httpStatus: failed?.status, retryAfterMs: failed?.retryAfterMs };
      this.dispatchEvent(Object.assign(new Event('close'), close));
    }
  }

  /** Undefined if the whole venue is needed. */
  async #changes(): Promise<{ server_time: number } | undefined> {
    if (performance.now() - this.#venueAtMs > venueEveryMs) return undefined;
    for (;;) {
      const from = this.#position;
      if (!from) return undefined;
      const query = new URLSearchParams({ epoch: from.epoch, after: String(from.seq) });
      // While the store is unavailable the venue is still served, as stale.
      const reply = await this.#get<EventsAfter>(`${this.#reads}/events?${query}`).catch((error: unknown) => {
        if (error instanceof FailedReply && error.status >= 500) return undefined;
        throw error;
      });
      if (!reply?.events || reply.epoch !== from.epoch) return undefined;
      for (const event of reply.events) this.#emit({ type: 'SEAT_UPDATE', data: updateOf(event) });
      const seq = reply.events.at(-1)?.seq ?? reply.seq;
      this.#position = { epoch: reply.epoch, seq };
      // A reply has a limited number of events.
      if (seq >= reply.seq || reply.events.length === 0) return { server_time: reply.server_time };
    }
  }

  async #venue(): Promise<HoldSettings & Pick<VenueState, 'server_time'>> {
    const venue = await this.#get<VenueState>(`${this.#reads}/venue`);
    if (!Array.isArray(venue.seats)) throw new FailedReply(502);
    this.#position = venue.stale ? undefined : { epoch: venue.epoch, seq: venue.seq };
    this.#show = venue.venue;
    this.#venueAtMs = performance.now();
    this.#emit({ type: 'VENUE_STATE', data: venue });
    const { server_time, hold_seconds, max_holds, hold_extensions = 0 } = venue;
    return { server_time, hold_seconds, max_holds, hold_extensions };
  }

  async #get<T>(path: string): Promise<T> {
    const { fetch, random } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const reply = await fetch(path, { cache: 'no-store', signal: this.#closed.signal });
      if (reply.ok) return (await reply.json()) as T;
      const waitMs = retryAfterMs(reply);
      if (reply.status !== 429 || attempt > 1 || waitMs === undefined || waitMs > longestWaitMs) {
        throw new FailedReply(reply.status, waitMs);
      }
      await pause(waitMs * (1 + random() / 4));
      this.#closed.signal.throwIfAborted();
    }
  }

  async #command(message: CommandMessage): Promise<void> {
    const { request_id } = message;
    const { path, body: named } = commandRequest(message, encodeURIComponent(this.#show));
    const headers = {
      ...this.#options.authorization(),
      'content-type': 'application/json',
      'idempotency-key': newKey(),
    };
    const body = JSON.stringify({ ...(this.#userId !== undefined && { user_id: this.#userId }), ...named });
    for (let attempt = 1; ; attempt++) {
      try {
        const reply = await this.#options.fetch(path, {
          method: 'POST',
          headers: attempt === 1 ? headers : { ...headers, 'x-attempt': String(attempt) },
          body,
          signal: AbortSignal.timeout(commandTimeoutMs),
        });
        return this.#reply(request_id, reply.status, await reply.json().catch(() => undefined));
      } catch {
        // The connection broke: the key makes a second attempt safe.
        if (attempt > 1) return this.#refuse(request_id, 'TIMEOUT', 'The server cannot be reached');
      }
    }
  }

  #reply(requestId: RequestId, status: number, body: CommandReply | HoldReply | ErrorReply | undefined): void {
    if (body?.success === true) {
      this.#emit({ type: 'ACK', ...withId(requestId), data: body });
    } else if (body?.success === false) {
      const { error, seat, seats } = body;
      const data = { ...error, ...(seat && { seat }), ...(seats && { seats }) };
      this.#emit({ type: 'ERROR', ...withId(requestId), data });
    } else {
      this.#refuse(requestId, status === 429 ? 'RATE_LIMITED' : 'STORE_UNAVAILABLE', `A proxy replied ${status}`);
    }
  }

  #refuse(requestId: RequestId, code: ErrorCode, message: string): void {
    this.#emit({ type: 'ERROR', ...withId(requestId), data: errorDetail(code, message) });
  }

  #emit(message: ServerMessage): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
  }
}

/** An HTTP reply without the requested data. */
class FailedReply extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, retryAfterMs?: number) {
    super(`The server replied ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const withId = (request_id: RequestId) => (request_id === undefined ? {} : { request_id });

const updateOf = ({ seat_id, user_id, type, status, expires_at, seq }: SeatEvent) => ({
  seat_id,
  status,
  ...(type !== 'released' && { held_by: user_id }),
  ...(expires_at !== undefined && { expires_at }),
  seq,
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Not `randomUUID`, which pages over plain HTTP do not have. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
