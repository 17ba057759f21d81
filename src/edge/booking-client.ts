import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpanContext } from '@opentelemetry/api';
import { Compile } from 'typebox/compile';
import { Pool } from 'undici';
import { isObject } from '../process/is-object.ts';
import type { BatchedCommand } from '../protocol/command-batch.ts';
import { showPath } from '../protocol/command-routes.ts';
import type { CommandBody, CommandReply, ErrorReply, HoldBody, HoldReply } from '../protocol/commands.ts';
import type { EventsAfter } from '../protocol/events.ts';
import { SessionBatchReply, type SessionInfo, sessionBatchPath } from '../protocol/session.ts';
import type { Position, VenueState } from '../protocol/venue.ts';
import { isSampled, traceparentOf } from '../tracing/tracing.ts';
import { BookingBusyError, BookingTimeoutError, BookingUnavailableError, UnknownShowError } from './booking-errors.ts';
import { CommandBatches } from './command-batches.ts';
import { type HttpReply, isErrorReply, replyOf } from './http-reply.ts';

/** A command on one seat, or on several. */
export interface CommandRequest {
  path: string;
  body: CommandBody | HoldBody;
}

export interface CommandOutcome {
  httpStatus: number;
  body: CommandReply | HoldReply | ErrorReply;
}

/** The client behind a request of an edge. The booking service authenticates it and applies its limits. */
export interface Caller {
  /** The session's token. */
  token?: string | undefined;
  /** The browser's IP address. */
  address: string;
  /** Id of the connection, or of one command on it. All processes on the way log it. */
  requestId?: string;
  /** The span of the command. */
  trace?: SpanContext | undefined;
}

/** The part of the booking service's API that an edge uses. */
export interface BookingApi {
  /** Rejects with an `UnknownShowError` if there is no such show. */
  venue(show: string): Promise<VenueState>;
  eventsAfter(show: string, position: Position): Promise<EventsAfter>;
  command(request: CommandRequest, caller: Caller): Promise<CommandOutcome>;
  /** For each token, in order: undefined if it is not valid, or not valid any more. At most `maxSessionsPerBatch`. */
  sessions(tokens: readonly string[]): Promise<(SessionInfo | undefined)[]>;
  close(): Promise<void>;
}

interface BookingClientOptions {
  /** In order of preference: if one fails, the next is tried. */
  urls: readonly string[];
  /** Sent with every request. */
  headers?: Record<string, string>;
  commandTimeoutMs?: number;
  connectionsPerUrl?: number;
  maxPending?: number;
}

/** A GET, unless it has a body or is a command. */
interface Request {
  path: string;
  pool?: 'pool' | 'sessionPool';
  body?: object;
  /** All attempts of a command share one idempotency key. `group`: see `CommandBatches.send`. */
  command?: { group: string; of: Omit<BatchedCommand, 'key' | 'attempt'> };
  /** Whether a successful reply proves that the process reaches the store. */
  provesStore: (reply: HttpReply) => boolean;
  /** True for a reply of a process that cannot reach the store. It is used only if no other process has a better one. */
  isStale?: (reply: HttpReply) => boolean;
}

interface BookingProcess {
  pool: Pool;
  batches: CommandBatches;
  /** Separate, so that commands never wait behind session checks. */
  sessionPool: Pool;
  /** Time of the last reply that proved that the process reaches the store. */
  provedAtMs: number;
}

const ofJson = { 'content-type': 'application/json' };
const sessionBatchReply = Compile(SessionBatchReply);

/** The second round retries failed connections: the peer may have just closed a kept-alive one. */
const rounds = 2;
const pauseBetweenRoundsMs = 100;
/** With less time left, no further attempt is made. */
const minAttemptMs = 10;
/** The edge sends one batch of session checks at a time. */
const sessionConnectionsPerUrl = 1;
/** Largest share of the deadline that one silent process may use if there are others. */
const maxHangShare = 0.35;

/**
 * Calls the booking processes over HTTP. A request that fails at one process (no reply, a 5xx, a stale venue) is sent to
 * the next one. A command keeps its idempotency key, so it is executed once. A process that failed is tried last from then on.
 */
export class BookingClient implements BookingApi {
  /** In the order in which they are tried. */
  readonly #processes: BookingProcess[];
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  readonly #hangTimeoutMs: number;
  readonly #maxPending: number;
  #pending = 0;

  constructor(options: BookingClientOptions) {
    const { urls, headers = {}, commandTimeoutMs = 2800, connectionsPerUrl = 64, maxPending = 4096 } = options;
    this.#headers = headers;
    this.#processes = urls.map((url) => {
      const pool = new Pool(url, { connections: connectionsPerUrl, pipelining: 1 });
      return {
        pool,
        batches: new CommandBatches(pool, headers),
        sessionPool: new Pool(url, { connections: sessionConnectionsPerUrl, pipelining: 1 }),
        provedAtMs: Number.NEGATIVE_INFINITY,
      };
    });
    this.#timeoutMs = commandTimeoutMs;
    // Processes that hang without closing their connections must leave time for all others.
    const hangShare = urls.length === 1 ? 1 : Math.min(maxHangShare, 1 / urls.length);
    this.#hangTimeoutMs = Math.floor(commandTimeoutMs * hangShare);
    this.#maxPending = maxPending;
  }

  async venue(show: string): Promise<VenueState> {
    const isStale = ({ body }: HttpReply) => isVenueState(body) && body.stale === true;
    const path = showPath(show, '/venue');
    const reply = await this.#request({ path, provesStore: () => true, isStale });
    if (isErrorReply(reply.body) && reply.body.error.code === 'UNKNOWN_SHOW') throw new UnknownShowError(show);
    return expectBody(reply, isVenueState);
  }

  async eventsAfter(show: string, { epoch, seq }: Position): Promise<EventsAfter> {
    const query = new URLSearchParams({ epoch, after: String(seq) });
    const provesStore = ({ httpStatus }: HttpReply) => httpStatus === 200;
    const reply = await this.#request({ path: `${showPath(show, '/events')}?${query}`, provesStore });
    return expectBody(reply, isEventsAfter);
  }

  async command({ path, body }: CommandRequest, caller: Caller): Promise<CommandOutcome> {
    const { httpStatus, body: outcome } = await this.#request({
      path,
      command: { group: groupOf({ path, body }), of: { path, body, ...namesOf(caller) } },
      // Every decision of the store includes its seats; a refusal without seats comes from the process itself.
      provesStore: ({ body }) => isObject(body) && (body.seat !== undefined || body.seats !== undefined),
    });
    if (isCommandReply(outcome) || isErrorReply(outcome)) return { httpStatus, body: outcome };
    throw new BookingUnavailableError(`POST ${path}: neither seats nor an error`);
  }

  async sessions(tokens: readonly string[]): Promise<(SessionInfo | undefined)[]> {
    const reply = await this.#attemptEach({
      path: sessionBatchPath,
      pool: 'sessionPool',
      body: { tokens },
      provesStore: () => false,
    });
    const { sessions } = expectBody(reply, (body) => sessionBatchReply.Check(body));
    if (sessions.length !== tokens.length)
      throw new BookingUnavailableError(`Not a reply to ${tokens.length} sessions`);
    return sessions.map((session) => session ?? undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.flatMap(({ pool, sessionPool }) => [pool.destroy(), sessionPool.destroy()]));
  }

  async #request(request: Request): Promise<HttpReply> {
    if (this.#pending >= this.#maxPending) throw new BookingBusyError(`${this.#pending} requests are waiting already`);
    this.#pending++;
    try {
      return await this.#attemptEach(request);
    } finally {
      this.#pending--;
    }
  }

  async #attemptEach(request: Request): Promise<HttpReply> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const key = randomUUID();
    let attempt = 0;
    /** The last reply that reports a failure. */
    let refusal: HttpReply | undefined;
    let failure: unknown;
    let targets: BookingProcess[] = [...this.#processes];
    for (let round = 0; round < rounds && targets.length > 0; round++) {
      if (round > 0) await delay(pauseBetweenRoundsMs);
      const unreached: BookingProcess[] = [];
      for (const target of targets) {
        const remainingMs = deadlineMs - performance.now();
        if (remainingMs < minAttemptMs) {
          return refusal ?? fail(new BookingTimeoutError(`${request.path}: no reply in time`, { cause: failure }));
        }
        try {
          const reply = await this.#attempt(target, request, { key, attempt: ++attempt, timeoutMs: remainingMs });
          if (!this.#hasFailed(target, request, reply)) return reply;
          if (refusal?.httpStatus !== 200) refusal = reply; // a stale venue is better than none
        } catch (error) {
          this.#tryLast(target);
          unreached.push(target);
          failure = error;
        }
      }
      targets = unreached;
    }
    if (refusal) return refusal;
    const Failure = failure instanceof BookingTimeoutError ? BookingTimeoutError : BookingUnavailableError;
    throw new Failure(`${request.path}: no booking process replied`, { cause: failure });
  }

  async #attempt(
    target: BookingProcess,
    request: Request,
    { key, attempt, timeoutMs }: { key: string; attempt: number; timeoutMs: number },
  ): Promise<HttpReply> {
    const { pool = 'pool', command, provesStore, isStale } = request;
    const abort = new AbortController();
    const giveUp = () => abort.abort(new BookingTimeoutError('no reply in time'));
    const hangTimeoutMs = Math.min(this.#hangTimeoutMs, timeoutMs);
    let timer = setTimeout(() => {
      // A process that serves other requests is only busy: sending this one to the next as well would double the load.
      if (performance.now() - target.provedAtMs > hangTimeoutMs / 2) giveUp();
      else timer = setTimeout(giveUp, timeoutMs - hangTimeoutMs);
    }, hangTimeoutMs);
    try {
      const reply = command
        ? await target.batches.send(command.group, { ...command.of, key, attempt }, abort.signal)
        : await this.#send(target[pool], request, abort.signal);
      if (!isFailure(reply) && !isStale?.(reply) && provesStore(reply)) target.provedAtMs = performance.now();
      return reply;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(pool: Pool, { path, body }: Request, signal: AbortSignal): Promise<HttpReply> {
    const headers = this.#headers;
    const response = await pool.request(
      body === undefined
        ? { method: 'GET', path, headers, signal }
        : { method: 'POST', path, headers: { ...headers, ...ofJson }, body: JSON.stringify(body), signal },
    );
    return replyOf(response.statusCode, await response.body.json());
  }

  /** True if the next process is worth a try. */
  #hasFailed(target: BookingProcess, { isStale }: Request, reply: HttpReply): boolean {
    if (!isFailure(reply) && !isStale?.(reply)) return false;
    if (!isBusy(reply)) this.#tryLast(target); // a crowd at one seat is no reason to avoid its process
    return true;
  }

  #tryLast(failed: BookingProcess): void {
    this.#processes.push(...this.#processes.splice(this.#processes.indexOf(failed), 1));
  }
}

/** Those of one show share a request. The search for best seats takes a turn of its own, and must not hold up others. */
function groupOf({ path, body }: CommandRequest): string {
  return 'best' in body ? randomUUID() : (path.split('/', 4)[3] ?? '');
}

function namesOf({
  token,
  address,
  requestId,
  trace,
}: Caller): Pick<BatchedCommand, 'address' | 'token' | 'request_id' | 'traceparent'> {
  return {
    address,
    ...(requestId !== undefined && { request_id: requestId }),
    ...(token !== undefined && { token }),
    ...(isSampled(trace) && { traceparent: traceparentOf(trace) }),
  };
}

const isFailure = ({ httpStatus }: HttpReply): boolean => httpStatus >= 500;

const isBusy = ({ body }: HttpReply): boolean => isErrorReply(body) && body.error.code === 'BUSY';

function fail(error: Error): never {
  throw error;
}

function expectBody<Body>({ httpStatus, body }: HttpReply, isExpected: (body: unknown) => body is Body): Body {
  if (httpStatus === 200 && isExpected(body)) return body;
  throw new BookingUnavailableError(`HTTP ${httpStatus}: ${JSON.stringify(body).slice(0, 200)}`);
}

// These check only what identifies a reply: a newer booking process may send more fields.
const isVenueState = (body: unknown): body is VenueState => isObject(body) && Array.isArray(body.seats);
const isEventsAfter = (body: unknown): body is EventsAfter =>
  isObject(body) && typeof body.epoch === 'string' && typeof body.seq === 'number';
const isCommandReply = (body: unknown): body is CommandReply | HoldReply =>
  isObject(body) && body.success === true && (isObject(body.seat) || Array.isArray(body.seats));
