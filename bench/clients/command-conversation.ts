import type { SeatRequest } from '../audit/client-log.ts';
import type { Conversation, HttpAnswer, HttpRequest } from '../http/closed-loop.ts';
import { type AnswerKind, noteAnswer, toHttp } from '../http/seat-command.ts';
import type { ClientContext } from './client-context.ts';

/** The commands of simulated users, one after another. */
export interface CommandScript {
  readonly first: SeatRequest;
  /** `body`: of the reply to the last command. Undefined: the same command again. */
  next(kind: AnswerKind, body: string): SeatRequest | undefined;
}

/** Sends the commands of a script over one connection. */
export class CommandConversation implements Conversation {
  readonly first: HttpRequest;
  readonly #context: ClientContext;
  readonly #script: CommandScript;
  #request: SeatRequest;
  #newestSeqsWhenSent: number[];

  constructor(context: ClientContext, script: CommandScript) {
    this.#context = context;
    this.#script = script;
    this.#request = script.first;
    this.first = toHttp(this.#request, context.show);
    this.#newestSeqsWhenSent = context.log.newestSeqs(this.#request);
  }

  answered(answer: HttpAnswer): HttpRequest | undefined {
    const { log, show } = this.#context;
    const kind = noteAnswer(this.#context, this.#request, answer, this.#newestSeqsWhenSent);
    const next = this.#script.next(kind, answer.body);
    this.#request = next ?? this.#request;
    this.#newestSeqsWhenSent = log.newestSeqs(this.#request);
    return next && toHttp(next, show);
  }

  unanswered(why: string): void {
    if (why !== 'end') this.#context.recorder.error(why);
    this.#context.log.unanswered(this.#request);
  }
}
