import { type Conversation, closedLoop, type HttpRequest } from '../http/closed-loop.ts';
import { kindOf } from '../http/seat-command.ts';
import { tellProgress } from '../http/timed-run.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';

const request: HttpRequest = { method: 'GET', path: '/api/seats' };

/** Every seat, again and again. */
export const read: Scenario = {
  name: 'read',
  summary: 'GET /api/seats, again and again',
  defaults: {},
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS } = settings;
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse: () => new Reader(context) }),
      tellProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};

class Reader implements Conversation {
  readonly first = request;
  readonly #context: ScenarioContext;
  #newestSeqWhenSent: number;

  constructor(context: ScenarioContext) {
    this.#context = context;
    this.#newestSeqWhenSent = context.log.newestReadSeq;
  }

  answered({ status, headers, latencyMs }: Parameters<Conversation['answered']>[0]): undefined {
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
