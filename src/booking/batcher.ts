import { SharedCall } from './shared-call.ts';

/** A shared call that takes a question of each who asks. */
export class Batcher<Question, Answer> {
  readonly #maxWaiting: number;
  readonly #calls: SharedCall<Answer[]>;
  #waiting: Question[] = [];

  /**
   * `call` answers each of its questions, in order; where it rejects, each of them is rejected so. `begin` may put a
   * call off, for more to take part in it.
   */
  constructor(
    maxWaiting: number,
    call: (questions: Question[]) => Promise<Answer[]>,
    begin?: (work: () => void) => void,
  ) {
    this.#maxWaiting = maxWaiting;
    this.#calls = new SharedCall(() => {
      const asked = this.#waiting;
      this.#waiting = [];
      return call(asked);
    }, begin);
  }

  /** Rejects at once with a `BusyError` where too many are waiting. */
  async ask(question: Question): Promise<Answer> {
    if (this.#waiting.length >= this.#maxWaiting) throw new BusyError('Too many are waiting');
    const index = this.#waiting.push(question) - 1;
    const answers = await this.#calls.ask();
    return answers[index] as Answer;
  }
}

export class BusyError extends Error {
  override name = 'BusyError';
}
