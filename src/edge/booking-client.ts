import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Compile } from 'typebox/compile';
import { Pool } from 'undici';
import type { CommandBody, CommandReply, ErrorReply, UserAction } from '../protocol/commands.ts';
import type { EventsAfter } from '../protocol/events.ts';
import { SessionInfo } from '../protocol/session.ts';
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
  /** In the order of preference: the next one is tried where one fails. */
  urls: readonly string[];
  /** Sent with every request. */
  headers?: Record<string, string>;
  commandTimeoutMs?: number;
  connectionsPerUrl?: number;
  maxPending?: number;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  pool?: 'pool' | 'sessionPool';
  headers?: Record<string, string>;
  body?: string;
  /** Whether an answer that is no failure proves that the process reaches the store. */
  provesStore: (answer: Answer) => boolean;
  /** A good answer of a process that cannot reach the store: used only if no other process has a better one. */
  isStale?: (answer: Answer) => boolean;
}

interface Answer {
  httpStatus: number;
  body: unknown;
}

interface BookingProcess {
  pool: Pool;
  /** Apart, so that commands never wait behind session checks. */
  sessionPool: Pool;
  /** When an answer last proved that the process reaches the store. */
  provedAtMs: number;
}

const sessionInfo = Compile(SessionInfo);

/** Two rounds: in the first, a kept-alive connection may just have been closed by the other side. */
const rounds = 2;
const pauseBetweenRoundsMs = 100;
/** Less time than this is not worth a connection. */
const minAttemptMs = 10;
/** As many as there are session checks at once. */
const sessionConnectionsPerUrl = 8;
/** The longest part of the deadline that one silent process may take if there are others. */
const maxHangShare = 0.35;

/**
 * The booking processes over HTTP. A request that fails at one process (no answer, a 5xx, a stale venue) is sent to the
 * next, a command with the same key: so it is done once. A process that fails is tried last from then on.
 */
export class BookingClient implements Booking {
  /** The one to try first comes first. */
  readonly #processes: BookingProcess[];
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  readonly #hangTimeoutMs: number;
  readonly #maxPending: number;
  #pending = 0;

  constructor(options: BookingClientOptions) {
    const { urls, headers = {}, commandTimeoutMs = 2800, connectionsPerUrl = 64, maxPending = 4096 } = options;
    this.#headers = headers;
    this.#processes = urls.map((url) => ({
      pool: new Pool(url, { connections: connectionsPerUrl, pipelining: 1 }),
      sessionPool: new Pool(url, { connections: sessionConnectionsPerUrl, pipelining: 1 }),
      provedAtMs: Number.NEGATIVE_INFINITY,
    }));
    this.#timeoutMs = commandTimeoutMs;
    // Processes that hang without closing their connections must leave time for all others.
    const hangShare = urls.length === 1 ? 1 : Math.min(maxHangShare, 1 / urls.length);
    this.#hangTimeoutMs = Math.floor(commandTimeoutMs * hangShare);
    this.#maxPending = maxPending;
  }

  async venue(): Promise<VenueState> {
    const isStale = ({ body }: Answer) => (body as VenueState).stale === true;
    const answer = await this.#ask({ method: 'GET', path: '/api/venue', provesStore: () => true, isStale });
    return succeeded(answer) as VenueState;
  }

  async eventsAfter({ epoch, seq }: Position): Promise<EventsAfter> {
    const query = new URLSearchParams({ epoch, after: String(seq) });
    const provesStore = ({ httpStatus }: Answer) => httpStatus === 200;
    return succeeded(await this.#ask({ method: 'GET', path: `/api/events?${query}`, provesStore })) as EventsAfter;
  }

  async command(action: UserAction, body: CommandBody, caller: Caller): Promise<CommandOutcome> {
    const answer = await this.#ask({
      method: 'POST',
      path: `/api/seats/${action}`,
      headers: { ...callerHeaders(caller), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // Whatever the store has decided comes with the seat; other refusals are the process's own.
      provesStore: ({ body }) => (body as CommandReply | ErrorReply).seat !== undefined,
    });
    return answer as CommandOutcome;
  }

  async session(token: string): Promise<SessionInfo | undefined> {
    const answer = await this.#askEach({
      method: 'GET',
      path: '/api/session',
      pool: 'sessionPool',
      headers: bearer(token),
      provesStore: () => false,
    });
    if (answer.httpStatus === 401) return undefined;
    const session = succeeded(answer);
    if (!sessionInfo.Check(session)) throw new BookingUnavailableError('GET /api/session: not a session');
    return session;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.flatMap(({ pool, sessionPool }) => [pool.destroy(), sessionPool.destroy()]));
  }

  async #ask(request: Request): Promise<Answer> {
    if (this.#pending >= this.#maxPending) throw new BookingBusyError(`${this.#pending} requests wait already`);
    this.#pending++;
    try {
      return await this.#askEach(request);
    } finally {
      this.#pending--;
    }
  }

  async #askEach(request: Request): Promise<Answer> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const key = randomUUID();
    let attempt = 0;
    /** Of the last process that answered, but failed to do what was asked. */
    let refusal: Answer | undefined;
    let failure: unknown;
    let unasked: BookingProcess[] = [...this.#processes];
    for (let round = 0; round < rounds && unasked.length > 0; round++) {
      if (round > 0) await delay(pauseBetweenRoundsMs);
      const unreached: BookingProcess[] = [];
      for (const asked of unasked) {
        const remainingMs = deadlineMs - performance.now();
        if (remainingMs < minAttemptMs) {
          return refusal ?? fail(new BookingTimeoutError(`${request.path}: no answer in time`, { cause: failure }));
        }
        try {
          const answer = await this.#attempt(asked, request, attemptHeaders(request, key, ++attempt), remainingMs);
          if (!this.#hasFailed(asked, request, answer)) return answer;
          if (refusal?.httpStatus !== 200) refusal = answer; // a stale venue is better than none
        } catch (error) {
          this.#tryLast(asked);
          unreached.push(asked);
          failure = error;
        }
      }
      unasked = unreached;
    }
    if (refusal) return refusal;
    const Failure = failure instanceof BookingTimeoutError ? BookingTimeoutError : BookingUnavailableError;
    throw new Failure(`${request.path}: no booking process answered`, { cause: failure });
  }

  async #attempt(
    asked: BookingProcess,
    { method, path, pool = 'pool', body, provesStore, isStale }: Request,
    headers: Record<string, string>,
    timeoutMs: number,
  ): Promise<Answer> {
    const abort = new AbortController();
    const giveUp = () => abort.abort(new BookingTimeoutError('no answer in time'));
    const hangTimeoutMs = Math.min(this.#hangTimeoutMs, timeoutMs);
    let timer = setTimeout(() => {
      // One that does the work of others is only busy: to ask the next as well would be twice the load on both.
      if (performance.now() - asked.provedAtMs > hangTimeoutMs / 2) giveUp();
      else timer = setTimeout(giveUp, timeoutMs - hangTimeoutMs);
    }, hangTimeoutMs);
    try {
      const request = { method, path, headers: { ...this.#headers, ...headers }, ...(body !== undefined && { body }) };
      const response = await asked[pool].request({ ...request, signal: abort.signal });
      const answer = answerOf(response.statusCode, await response.body.text());
      if (!isFailure(answer) && !isStale?.(answer) && provesStore(answer)) asked.provedAtMs = performance.now();
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** True if the next process may do better. */
  #hasFailed(asked: BookingProcess, { isStale }: Request, answer: Answer): boolean {
    if (!isFailure(answer) && !isStale?.(answer)) return false;
    if (!isBusy(answer)) this.#tryLast(asked); // a crowd at one seat is no reason to avoid its process
    return true;
  }

  #tryLast(failed: BookingProcess): void {
    this.#processes.push(...this.#processes.splice(this.#processes.indexOf(failed), 1));
  }
}

/** A command has one key for all its attempts. */
function attemptHeaders({ body, headers }: Request, key: string, attempt: number): Record<string, string> {
  if (body === undefined) return headers ?? {};
  return { ...headers, 'idempotency-key': key, 'x-attempt': String(attempt) };
}

function callerHeaders({ token, address, requestId }: Caller): Record<string, string> {
  return {
    'x-forwarded-for': address,
    ...(requestId !== undefined && { 'x-request-id': requestId }),
    ...(token !== undefined && bearer(token)),
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const isFailure = ({ httpStatus }: Answer): boolean => httpStatus >= 500;

const isBusy = ({ body }: Answer): boolean => (body as Partial<ErrorReply>).error?.code === 'BUSY';

function fail(error: Error): never {
  throw error;
}

/** An unexpected shape means that a proxy or a dying process replied. */
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
