import { type Conversation, closedLoop, type HttpAnswer, type HttpRequest } from '../http/closed-loop.ts';
import { noteAnswer, type SeatRequest, toHttp } from '../http/seat-command.ts';
import { tellProgress } from '../http/timed-run.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';
import { SeatPool } from './seat-pool.ts';

const bookedShare = 0.3;
const leftToExpireShare = 0.02;

/** Users who do not get in each other's way: each selects a free seat, then books it, lets go of it, or forgets it. */
export const journey: Scenario = {
  name: 'journey',
  summary: 'select a free seat, then book it (30 %), release it, or let it expire (2 %)',
  defaults: { rows: 200, cols: 100 },
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS } = settings;
    const pool = new SeatPool((await context.auditor.truth.record()).seats.values(), connections);
    const journeys = { completed: 0 };
    const converse = () => new Journey(context, pool, journeys);
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      tellProgress(durationS, signal, onProgress),
    ]);
    return { figures: { journeysPerSecond: journeys.completed / context.recorder.elapsedS } };
  },
};

class Journey implements Conversation {
  readonly first: HttpRequest;
  readonly #context: ScenarioContext;
  readonly #pool: SeatPool;
  readonly #journeys: { completed: number };
  #request: SeatRequest;
  #newestSeqWhenSent = 0;

  constructor(context: ScenarioContext, pool: SeatPool, journeys: { completed: number }) {
    this.#context = context;
    this.#pool = pool;
    this.#journeys = journeys;
    this.#request = this.#begin();
    this.first = this.#send(this.#request);
  }

  answered(answer: HttpAnswer): HttpRequest {
    const kind = noteAnswer(this.#context, this.#request, answer, this.#newestSeqWhenSent);
    return this.#send(kind === 'ok' ? this.#next() : this.#begin());
  }

  unanswered(why: string): void {
    if (why !== 'end') this.#context.recorder.error(why);
    this.#context.log.unanswered(this.#request);
  }

  #begin(): SeatRequest {
    return { action: 'select', seatId: this.#pool.take(), userId: this.#context.newUserId() };
  }

  #next(): SeatRequest {
    const { action, seatId } = this.#request;
    if (action === 'select') {
      const chance = Math.random();
      if (chance < bookedShare && this.#pool.canSell()) return { ...this.#request, action: 'book' };
      if (chance < 1 - leftToExpireShare) return { ...this.#request, action: 'release' };
      const backAfterMs = this.#context.settings.holdSeconds * 1000 + 100;
      setTimeout(() => this.#pool.giveBack(seatId), backAfterMs).unref();
    }
    if (action === 'release') this.#pool.giveBack(seatId);
    this.#journeys.completed++;
    return this.#begin();
  }

  #send(request: SeatRequest): HttpRequest {
    this.#request = request;
    this.#newestSeqWhenSent = this.#context.log.newestSeq(request.seatId);
    return toHttp(request);
  }
}
