import { isRateLimited } from '../audit/client-log.ts';
import type { Conversation, HttpAnswer, HttpRequest } from '../http/closed-loop.ts';
import { errorName, kindOf } from '../http/seat-command.ts';
import type { ClientContext } from './client-context.ts';

/** Reads all seats again and again. `isConditional`: sends the last ETag, as a browser with a cache does. */
export class Reader implements Conversation {
  readonly first: HttpRequest;
  readonly #context: ClientContext;
  readonly #isConditional: boolean;
  #newestSeqWhenSent: number;
  #etag: string | undefined;

  constructor(context: ClientContext, isConditional = false) {
    this.first = { method: 'GET', path: `${context.show.apiPath}/seats` };
    this.#context = context;
    this.#isConditional = isConditional;
    this.#newestSeqWhenSent = context.log.newestReadSeq;
  }

  answered({ status, headers, latencyMs }: HttpAnswer): HttpRequest | undefined {
    const { recorder, log } = this.#context;
    const kind = kindOf(status);
    const etag = String(headers.etag ?? headers.ETag ?? '');
    if (kind === 'error') {
      recorder.error(errorName(status));
      if (isRateLimited(status)) log.rateLimited();
    } else {
      recorder.record('read', kind, latencyMs);
      log.read(Number(/(\d+)"$/.exec(etag)?.[1]), this.#newestSeqWhenSent);
    }
    this.#newestSeqWhenSent = log.newestReadSeq;
    if (!this.#isConditional || etag === this.#etag) return undefined;
    this.#etag = etag;
    return { ...this.first, headers: { 'if-none-match': etag } };
  }

  unanswered(why: string): void {
    if (why !== 'end') this.#context.recorder.error(why);
  }
}
