import { type Conversation, closedLoop, type HttpAnswer, type HttpRequest } from '../http/closed-loop.ts';
import { noteAnswer, type SeatRequest, seatIds, toHttp } from '../http/seat-command.ts';
import { tellProgress } from '../http/timed-run.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';

/** Everyone wants the same few seats; whoever has one keeps it until its time is over. */
export const contend: Scenario = {
  name: 'contend',
  summary: 'everyone selects the same --seats (1); 409 is an answer',
  defaults: {},
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS, rows, cols, seats } = settings;
    const wanted = seatIds(rows, cols).slice(0, seats);
    const converse = (connection: number) => new Rival(context, wanted[connection % wanted.length] as string);
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      tellProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};

class Rival implements Conversation {
  readonly first: HttpRequest;
  readonly #context: ScenarioContext;
  readonly #request: SeatRequest;
  #newestSeqWhenSent: number;

  constructor(context: ScenarioContext, seatId: string) {
    this.#context = context;
    this.#request = { action: 'select', seatId, userId: context.newUserId() };
    this.first = toHttp(this.#request);
    this.#newestSeqWhenSent = context.log.newestSeq(seatId);
  }

  answered(answer: HttpAnswer): undefined {
    noteAnswer(this.#context, this.#request, answer, this.#newestSeqWhenSent);
    this.#newestSeqWhenSent = this.#context.log.newestSeq(this.#request.seatId);
  }

  unanswered(why: string): void {
    if (why !== 'end') this.#context.recorder.error(why);
    this.#context.log.unanswered(this.#request);
  }
}
