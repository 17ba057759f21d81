import type { Conversation, HttpAnswer, HttpRequest } from '../http/closed-loop.ts';
import { kindOf } from '../http/seat-command.ts';
import type { ClientContext } from './client-context.ts';

const request: HttpRequest = { method: 'GET', path: '/api/seats' };

/** Reads every seat, again and again. */
export class Reader implements Conversation {
  readonly first = request;
  readonly #context: ClientContext;
  #newestSeqWhenSent: number;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#newestSeqWhenSent = context.log.newestReadSeq;
  }

  answered({ status, headers, latencyMs }: HttpAnswer): undefined {
    const { recorder, log } = this.#context;
    const kind = kindOf(status);
    if (kind === 'error') {
      recorder.error(String(status));
    } else {
      recorder.record('read', kind, latencyMs);
      const seq = Number(/(\d+)"$/.exec(String(headers.etag ?? headers.ETag))?.[1]);
      log.read(seq, this.#newestSeqWhenSent);
    }
    this.#newestSeqWhenSent = log.newestReadSeq;
  }

  unanswered(why: string): void {
    if (why !== 'end') this.#context.recorder.error(why);
  }
}
