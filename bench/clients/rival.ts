import type { SeatRequest } from '../audit/client-log.ts';
import type { Conversation, HttpAnswer, HttpRequest } from '../http/closed-loop.ts';
import { noteAnswer, toHttp } from '../http/seat-command.ts';
import type { ClientContext } from './client-context.ts';

/** A client that selects one seat again and again, in competition with others. */
export class Rival implements Conversation {
  readonly first: HttpRequest;
  readonly #context: ClientContext;
  readonly #request: SeatRequest;
  #newestSeqWhenSent: number;

  constructor(context: ClientContext, seatId: string) {
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
