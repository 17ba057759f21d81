import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { CommandBody, CommandReply, ErrorReply, UserAction } from '../protocol/commands.ts';
import type { EventsAfter } from '../protocol/events.ts';
import type { SessionInfo } from '../protocol/session.ts';
import type { Position, VenueState } from '../protocol/venue.ts';
import { BookingBusyError, BookingTimeoutError, BookingUnavailableError } from './booking-errors.ts';

export interface CommandOutcome {
  httpStatus: number;
  body: CommandReply | ErrorReply;
}

/** For whom an edge asks: the booking service decides who that is, and how much they may ask. */
export interface Caller {
  /** Of a session. */
  token?: string | undefined;
  /** From which the browser came. */
  address: string;
  /** Of the connection, or of what is asked on it: in the logs of all who had to do with it. */
  requestId?: string;
}

/** What an edge asks of the booking service. */
export interface Booking {
  venue(): Promise<VenueState>;
  eventsAfter(position: Position): Promise<EventsAfter>;
  command(action: UserAction, body: CommandBody, caller: Caller): Promise<CommandOutcome>;
  /** Whose session that is; undefined: nobody's (any more). */
  session(token: string): Promise<SessionInfo | undefined>;
  close(): Promise<void>;
}

interface BookingClientOptions {
  /** In the order of preference: others are asked only where the first fails. */
  urls: readonly string[];
  commandTimeoutMs?: number;
  connectionsPerUrl?: number;
  maxPending?: number;
}

interface Content {
  headers: Record<string, string>;
  body?: string;
}

interface Answer {
  httpStatus: number;
  body: unknown;
}

interface BookingProcess {
  pool: Pool;
  answeredAtMs: number;
}

/** Two rounds: the first may only have found a kept-alive connection that the other side was just closing. */
const rounds = 2;
const pauseBetweenRoundsMs = 100;
/** Less time than this is not worth a connection. */
const minAttemptMs = 10;

/**
 * The booking processes over HTTP. Whatever fails on the connection is asked of the next process, a command by the same
 * key: so it is done once. The process that answered last is asked first.
 */
export class BookingClient implements Booking {
  readonly #processes: readonly BookingProcess[];
  readonly #timeoutMs: number;
  readonly #hangTimeoutMs: number;
  readonly #maxPending: number;
  #preferred = 0;
  #pending = 0;

  constructor({ urls, commandTimeoutMs = 2800, connectionsPerUrl = 64, maxPending = 4096 }: BookingClientOptions) {
    this.#processes = urls.map((url) => ({
      pool: new Pool(url, { connections: connectionsPerUrl, pipelining: 1 }),
      answeredAtMs: Number.NEGATIVE_INFINITY,
    }));
    this.#timeoutMs = commandTimeoutMs;
    // A process that hangs without closing its connections must leave time to ask another.
    this.#hangTimeoutMs = urls.length === 1 ? commandTimeoutMs : Math.floor(commandTimeoutMs * 0.35);
    this.#maxPending = maxPending;
  }

  async venue(): Promise<VenueState> {
    return succeeded(await this.#ask('GET', '/api/venue')) as VenueState;
  }

  async eventsAfter({ epoch, seq }: Position): Promise<EventsAfter> {
    const query = new URLSearchParams({ epoch, after: String(seq) });
    return succeeded(await this.#ask('GET', `/api/events?${query}`)) as EventsAfter;
  }

  async command(action: UserAction, body: CommandBody, caller: Caller): Promise<CommandOutcome> {
    const headers = { ...callerHeaders(caller), 'content-type': 'application/json' };
    const command = { body: JSON.stringify(body), headers };
    return (await this.#ask('POST', `/api/seats/${action}`, command)) as CommandOutcome;
  }

  async session(token: string): Promise<SessionInfo | undefined> {
    const answer = await this.#ask('GET', '/api/session', { headers: bearer(token) });
    return answer.httpStatus === 401 ? undefined : (succeeded(answer) as SessionInfo);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map(({ pool }) => pool.destroy()));
  }

  async #ask(method: 'GET' | 'POST', path: string, content: Content = { headers: {} }): Promise<Answer> {
    if (this.#pending >= this.#maxPending) throw new BookingBusyError(`${this.#pending} requests wait already`);
    this.#pending++;
    try {
      return await this.#askEach(method, path, content);
    } finally {
      this.#pending--;
    }
  }

  async #askEach(method: 'GET' | 'POST', path: string, { body, headers }: Content): Promise<Answer> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const first = this.#preferred;
    const key = randomUUID();
    let attempt = 0;
    let failure: unknown;
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await delay(pauseBetweenRoundsMs);
      for (let i = 0; i < this.#processes.length; i++) {
        const remainingMs = deadlineMs - performance.now();
        if (remainingMs < minAttemptMs) throw new BookingTimeoutError(`${path}: no answer in time`, { cause: failure });
        const index = (first + i) % this.#processes.length;
        try {
          const attempted = { ...headers, ...(body !== undefined && attemptHeaders(key, ++attempt)) };
          const request = { method, path, headers: attempted, ...(body !== undefined && { body }) };
          const answer = await this.#attempt(index, request, remainingMs);
          this.#preferred = index;
          return answer;
        } catch (error) {
          failure = error;
        }
      }
    }
    const timedOut = failure instanceof BookingTimeoutError;
    const Failure = timedOut ? BookingTimeoutError : BookingUnavailableError;
    throw new Failure(`${path}: no booking process answered`, { cause: failure });
  }

  async #attempt(
    index: number,
    request: { method: 'GET' | 'POST'; path: string } & Content,
    timeoutMs: number,
  ): Promise<Answer> {
    const asked = this.#processes[index] as BookingProcess;
    const abort = new AbortController();
    const giveUp = () => abort.abort(new BookingTimeoutError('no answer in time'));
    const hangTimeoutMs = Math.min(this.#hangTimeoutMs, timeoutMs);
    let timer = setTimeout(() => {
      // One that answers others is only busy: to ask the next as well would be twice the load on both.
      if (performance.now() - asked.answeredAtMs > hangTimeoutMs / 2) giveUp();
      else timer = setTimeout(giveUp, timeoutMs - hangTimeoutMs);
    }, hangTimeoutMs);
    try {
      const response = await asked.pool.request({ ...request, signal: abort.signal });
      const text = await response.body.text();
      asked.answeredAtMs = performance.now();
      return answerOf(response.statusCode, text);
    } finally {
      clearTimeout(timer);
    }
  }
}

function attemptHeaders(key: string, attempt: number): Record<string, string> {
  return { 'idempotency-key': key, 'x-attempt': String(attempt) };
}

function callerHeaders({ token, address, requestId }: Caller): Record<string, string> {
  return {
    'x-forwarded-for': address,
    ...(requestId !== undefined && { 'x-request-id': requestId }),
    ...(token !== undefined && bearer(token)),
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** What has another shape was not said by the booking service: by a proxy, or by a process that is just ending. */
function answerOf(httpStatus: number, text: string): Answer {
  const body: unknown = JSON.parse(text);
  if (httpStatus !== 200 && !isErrorReply(body)) throw new BookingUnavailableError(`HTTP ${httpStatus}`);
  return { httpStatus, body };
}

function isErrorReply(body: unknown): body is ErrorReply {
  const { success, error } = Object(body) as { success?: unknown; error?: unknown };
  return success === false && typeof error === 'object';
}

function succeeded({ httpStatus, body }: Answer): unknown {
  if (httpStatus === 200) return body;
  throw new BookingUnavailableError(`HTTP ${httpStatus}: ${JSON.stringify(body).slice(0, 200)}`);
}
