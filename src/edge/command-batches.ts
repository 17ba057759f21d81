import { SpanKind } from '@opentelemetry/api';
import type { Pool } from 'undici';
import { endOfTurn } from '../process/end-of-turn.ts';
import { isObject } from '../process/is-object.ts';
import { type BatchedCommand, commandBatchPath, maxCommandsPerBatch } from '../protocol/command-batch.ts';
import { failSpan, spanContextOf, traceparentOf, tracing } from '../tracing/tracing.ts';
import { BookingUnavailableError } from './booking-errors.ts';
import { type HttpReply, replyOf } from './http-reply.ts';

interface Waiting {
  command: BatchedCommand;
  signal: AbortSignal;
  resolve: (reply: HttpReply) => void;
  reject: (error: unknown) => void;
}

/** Sends to one booking process the commands of each turn of the event loop, with one request and one reply for each show. */
export class CommandBatches {
  readonly #pool: Pick<Pool, 'request'>;
  readonly #headers: Record<string, string>;
  /** By the commands that share a request. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(pool: Pick<Pool, 'request'>, headers: Record<string, string>) {
    this.#pool = pool;
    this.#headers = { ...headers, 'content-type': 'application/json' };
  }

  /**
   * Settles like a request of the command's own. Commands with one `group` share requests. Rejects with the reason of
   * `signal` if that ends first; the others of the request are not affected.
   */
  send(group: string, command: BatchedCommand, signal: AbortSignal): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const waiting = { command, signal, resolve, reject };
      if (this.#waiting.size === 0) endOfTurn(() => this.#sendAll());
      const others = this.#waiting.get(group);
      if (others) others.push(waiting);
      else this.#waiting.set(group, [waiting]);
    });
  }

  #sendAll(): void {
    for (const waiting of this.#waiting.values()) {
      for (let start = 0; start < waiting.length; start += maxCommandsPerBatch) {
        void this.#sendBatch(waiting.slice(start, start + maxCommandsPerBatch));
      }
    }
    this.#waiting.clear();
  }

  /** None has been carried out, and at least one spoilt the request for all. */
  #sendEach(batch: readonly Waiting[]): void {
    for (const waiting of batch) if (!waiting.signal.aborted) void this.#sendBatch([waiting]);
  }

  /** Never rejects. */
  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const abandoned = new AbortController();
    const abandon = () => {
      if (batch.every(({ signal }) => signal.aborted)) abandoned.abort();
    };
    for (const { signal } of batch) signal.addEventListener('abort', abandon, { once: true });
    const span = tracing?.sharedSpan(
      `POST ${commandBatchPath}`,
      batch.map(({ command }) => spanContextOf(command.traceparent)),
      {
        kind: SpanKind.CLIENT,
        attributes: {
          'http.request.method': 'POST',
          'url.template': commandBatchPath,
          'booking.commands': batch.length,
        },
      },
    );
    try {
      const response = await this.#pool.request({
        method: 'POST',
        path: commandBatchPath,
        headers: span ? { ...this.#headers, traceparent: traceparentOf(span.spanContext()) } : this.#headers,
        body: JSON.stringify({ commands: batch.map(({ command }) => command) }),
        signal: abandoned.signal,
      });
      const { statusCode: status } = response;
      span?.setAttribute('http.response.status_code', status);
      const body = await response.body.json();
      if (!isRefusedBody(status)) settle(batch, repliesOf(body, batch.length));
      else if (batch.length === 1) settle(batch, [{ status, body }]);
      else this.#sendEach(batch);
    } catch (error) {
      if (span) failSpan(span, error);
      for (const { reject } of batch) reject(error);
    } finally {
      span?.end();
    }
  }
}

interface CommandReply {
  status?: unknown;
  body?: unknown;
}

/** The body was not accepted as a batch, or is too large. */
const isRefusedBody = (status: number): boolean => status === 400 || status === 413;

function settle(batch: readonly Waiting[], replies: readonly CommandReply[]): void {
  for (const [i, { resolve, reject }] of batch.entries()) {
    const reply = replies[i] ?? {};
    try {
      resolve(replyOf(Number(reply.status), reply.body));
    } catch (error) {
      reject(error);
    }
  }
}

function repliesOf(body: unknown, count: number): CommandReply[] {
  if (!isObject(body) || !Array.isArray(body.replies) || body.replies.length !== count) {
    throw new BookingUnavailableError(`POST ${commandBatchPath}: not a reply to ${count} commands`);
  }
  return body.replies;
}
