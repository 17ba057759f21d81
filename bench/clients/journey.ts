import type { SeatRequest } from '../audit/client-log.ts';
import type { Conversation, HttpAnswer, HttpRequest } from '../http/closed-loop.ts';
import { noteAnswer, toHttp } from '../http/seat-command.ts';
import type { ClientContext } from './client-context.ts';
import type { SeatPool } from './seat-pool.ts';

const bookedShare = 0.3;
const leftToExpireShare = 0.02;

export interface JourneyContext extends ClientContext {
  pool: SeatPool;
  holdMs: number;
  journeys: { completed: number };
}

/** One user after another: each selects a free seat, then books it, releases it, or lets the hold expire. */
export class Journey implements Conversation {
  readonly first: HttpRequest;
  readonly #context: JourneyContext;
  #request: SeatRequest;
  #newestSeqWhenSent = 0;

  constructor(context: JourneyContext) {
    this.#context = context;
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
    return { action: 'select', seatId: this.#context.pool.take(), userId: this.#context.newUserId() };
  }

  #next(): SeatRequest {
    const { action, seatId } = this.#request;
    if (action === 'select') {
      const chance = Math.random();
      if (chance < bookedShare && this.#context.pool.canSell()) return { ...this.#request, action: 'book' };
      if (chance < 1 - leftToExpireShare) return { ...this.#request, action: 'release' };
      const backAfterMs = this.#context.holdMs + 100;
      setTimeout(() => this.#context.pool.giveBack(seatId), backAfterMs).unref();
    }
    if (action === 'release') this.#context.pool.giveBack(seatId);
    this.#context.journeys.completed++;
    return this.#begin();
  }

  #send(request: SeatRequest): HttpRequest {
    this.#request = request;
    this.#newestSeqWhenSent = this.#context.log.newestSeq(request.seatId);
    return toHttp(request);
  }
}
