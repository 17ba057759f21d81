/**
 * One call at a time. What is asked while a call is under way waits for the next call, which takes all of it together:
 * so every answer comes from a call that began after its question was asked, and calls are never queued up.
 */
export class Batcher<Question, Answer> {
  readonly #call: (questions: Question[]) => Promise<Answer[]>;
  readonly #maxWaiting: number;
  readonly #begin: (work: () => void) => void;
  #waiting: { question: Question; resolve: (answer: Answer) => void; reject: (reason: unknown) => void }[] = [];
  #isCalling = false;

  /**
   * `call` answers each of its questions, in order; where it rejects, each of them is rejected so. `begin` may put a
   * call off, for more to take part in it.
   */
  constructor(
    maxWaiting: number,
    call: (questions: Question[]) => Promise<Answer[]>,
    begin: (work: () => void) => void = (work) => work(),
  ) {
    this.#call = call;
    this.#maxWaiting = maxWaiting;
    this.#begin = begin;
  }

  /** Rejects at once with a `BusyError` where too many are waiting. */
  ask(question: Question): Promise<Answer> {
    if (this.#waiting.length >= this.#maxWaiting) return Promise.reject(new BusyError('Too many are waiting'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (!this.#isCalling) this.#callSoon();
    });
  }

  #callSoon(): void {
    this.#isCalling = this.#waiting.length > 0;
    if (this.#isCalling) this.#begin(() => void this.#callNow());
  }

  async #callNow(): Promise<void> {
    const asked = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.#call(asked.map(({ question }) => question));
      asked.forEach(({ resolve }, i) => {
        resolve(answers[i] as Answer);
      });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#callSoon();
  }
}

export class BusyError extends Error {
  override name = 'BusyError';
}
