import { Compile } from 'typebox/compile';
import { Pool } from 'undici';
import { codeOf, messageOf } from '../../src/process/error-facts.ts';
import { present } from '../../src/process/present.ts';
import { CommandReply } from '../../src/protocol/commands.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { SeatRequest } from '../audit/client-log.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { type AnswerKind, noteAnswer, toHttp } from './seat-command.ts';

const maxConnections = 256;

const commandReply = Compile(CommandReply);

/** Sends commands at once, over as many connections as they need. */
export class CommandSender {
  readonly #pools: Pool[];
  readonly #context: ClientContext;
  #turn = 0;
  inFlight = 0;

  constructor(urls: readonly string[], context: ClientContext) {
    this.#pools = urls.map((url) => new Pool(url, { connections: maxConnections, pipelining: 1 }));
    this.#context = context;
  }

  /** Latency counts from `dueAtMs` (`performance.now()`). Never rejects; undefined: there was no reply. */
  async send(request: SeatRequest, dueAtMs: number): Promise<{ kind: AnswerKind; seat: Seat | undefined } | undefined> {
    const { log, recorder } = this.#context;
    const newestSeqWhenSent = log.newestSeq(request.seatId);
    const pool = present(this.#pools[this.#turn++ % this.#pools.length], 'a URL');
    this.inFlight++;
    try {
      const { method, path, body } = toHttp(request);
      const headers = { 'content-type': 'application/json' };
      const response = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
      const text = await response.body.text();
      const answer = { status: response.statusCode, body: text, latencyMs: performance.now() - dueAtMs };
      const kind = noteAnswer(this.#context, request, answer, newestSeqWhenSent);
      return { kind, seat: kind === 'ok' ? commandReply.Parse(JSON.parse(text)).seat : undefined };
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
