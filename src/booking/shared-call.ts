/**
 * One call at a time, shared by all requests that arrive before it starts. So each result comes from a call that started
 * after its request, and calls never queue up.
 */
export class SharedCall<Result> {
  readonly #call: () => Promise<Result>;
  readonly #begin: (work: () => void) => void;
  /** The call that has not started yet. */
  #next: { result: Promise<Result>; start: () => void } | undefined;
  #underWay: Promise<Result> | undefined;

  /** `begin` may delay a call, so that more callers share it. */
  constructor(call: () => Promise<Result>, begin: (work: () => void) => void = (work) => work()) {
    this.#call = async () => call(); // an exception becomes a rejection
    this.#begin = begin;
  }

  /** The current call; undefined if there is none. */
  get underWay(): Promise<Result> | undefined {
    return this.#underWay;
  }

  /** Settles with the result of the next call to start. */
  request(): Promise<Result> {
    if (this.#next) return this.#next.result;
    let start = () => {};
    const result = new Promise<Result>((resolve) => {
      start = () => {
        this.#next = undefined;
        this.#underWay = this.#callNow();
        resolve(this.#underWay);
      };
    });
    this.#next = { result, start };
    this.#beginNext();
    return result;
  }

  #beginNext(): void {
    if (this.#next && !this.#underWay) this.#begin(this.#next.start);
  }

  async #callNow(): Promise<Result> {
    try {
      return await this.#call();
    } finally {
      this.#underWay = undefined;
      this.#beginNext();
    }
  }
}
