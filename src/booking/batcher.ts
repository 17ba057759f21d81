import { ok as assert } from 'node:assert/strict';
import { SharedCall } from './shared-call.ts';

/** A shared call that takes one request from each of its callers. */
export class Batcher<Request, Reply> {
  readonly #maxWaiting: number;
  readonly #calls: SharedCall<Reply[]>;
  #waiting: Request[] = [];
  #current: readonly Request[] = [];

  /**
   * `call` replies to each of its requests, in order; if it rejects, each of them is rejected so. `begin` may delay a
   * call, so that more requests share it.
   */
  constructor(maxWaiting: number, call: (requests: Request[]) => Promise<Reply[]>, begin?: (work: () => void) => void) {
    this.#maxWaiting = maxWaiting;
    this.#calls = new SharedCall(async () => {
      const requests = this.#waiting;
      this.#waiting = [];
      this.#current = requests;
      const replies = await call(requests);
      assert(replies.length === requests.length, 'a call must reply to each of its requests');
      return replies;
    }, begin);
  }

  /** The current call and its requests; undefined if there is none. */
  get underWay(): { requests: readonly Request[]; settled: Promise<unknown> } | undefined {
    const settled = this.#calls.underWay;
    return settled && { requests: this.#current, settled };
  }

  /** Rejects at once with a `BusyError` if too many requests wait. */
  async ask(request: Request): Promise<Reply> {
    if (this.#waiting.length >= this.#maxWaiting) throw new BusyError('Too many requests wait');
    const index = this.#waiting.push(request) - 1;
    const replies = await this.#calls.ask();
    return replies[index] as Reply; // there is one for each request
  }
}

export class BusyError extends Error {
  override name = 'BusyError';
}
