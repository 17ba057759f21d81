import { Pool } from 'undici';
import { codeOf, messageOf } from '../../src/process/error-facts.ts';
import { present } from '../../src/process/present.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { SeatRequest } from '../audit/client-log.ts';
import { parseBody, seatsOf } from '../audit/reply-body.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { type AnswerKind, noteAnswer, toHttp } from './seat-command.ts';

const defaultConnections = 256;

interface CommandAnswer {
  kind: AnswerKind;
  body: string;
  /** Of a success. */
  seats: readonly Seat[];
}

/** Sends commands at once, over as many connections as they need. */
export class CommandSender {
  readonly #pools: Pool[];
  readonly #context: ClientContext;
  #turn = 0;
  inFlight = 0;

  /** `connections`: the maximum to each URL. */
  constructor(urls: readonly string[], context: ClientContext, connections = defaultConnections) {
    this.#pools = urls.map((url) => new Pool(url, { connections, pipelining: 1 }));
    this.#context = context;
  }

  /** Latency counts from `dueAtMs` (`performance.now()`). Never rejects; undefined: there was no reply. */
  async send(request: SeatRequest, dueAtMs: number): Promise<CommandAnswer | undefined> {
    const { log, recorder, show } = this.#context;
    const newestSeqsWhenSent = log.newestSeqs(request);
    const pool = present(this.#pools[this.#turn++ % this.#pools.length], 'a URL');
    this.inFlight++;
    try {
      const { method, path, body } = toHttp(request, show);
      const headers = { 'content-type': 'application/json' };
      const response = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
      const text = await response.body.text();
      const answer = { status: response.statusCode, body: text, latencyMs: performance.now() - dueAtMs };
      const kind = noteAnswer(this.#context, request, answer, newestSeqsWhenSent);
      return { kind, body: text, seats: kind === 'ok' ? seatsOf(parseBody(text)) : [] };
    } catch (error) {
      recorder.error(codeOf(error) ?? messageOf(error));
      log.unanswered(request);
      return undefined;
    } finally {
      this.inFlight--;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
  }
}
