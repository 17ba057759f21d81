import { ok as assert } from 'node:assert/strict';

interface Waiting<Request, Reply> {
  request: Request;
  resolve: (reply: Reply) => void;
  reject: (error: unknown) => void;
}

/** One call at a time. Requests that arrive meanwhile wait for the next call, which takes them together. */
export class Batcher<Request, Reply> {
  readonly #call: (requests: readonly Request[]) => Promise<Reply[]>;
  readonly #begin: (work: () => void) => void;
  readonly #fits: (requests: readonly Request[]) => number;
  #waiting: Waiting<Request, Reply>[] = [];
  #current: { requests: readonly Request[]; settled: Promise<unknown> } | undefined;
  #isIdle = true;

  /**
   * `call` resolves to a reply per request, in order; if it rejects, so does each request. `begin` may delay a call, so
   * that more requests share it. `fits` returns how many of the waiting requests, at least one, go into one call.
   */
  constructor({
    call,
    begin = (work) => work(),
    fits = ({ length }) => length,
  }: {
    call: (requests: readonly Request[]) => Promise<Reply[]>;
    begin?: (work: () => void) => void;
    fits?: (requests: readonly Request[]) => number;
  }) {
    this.#call = call;
    this.#begin = begin;
    this.#fits = fits;
  }

  /** The current call and its requests; undefined if there is none. */
  get underWay(): { requests: readonly Request[]; settled: Promise<unknown> } | undefined {
    return this.#current;
  }

  request(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (!this.#isIdle) return;
      this.#isIdle = false;
      this.#begin(() => void this.#callNext());
    });
  }

  /** Never rejects. */
  async #callNext(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#fits(this.#waiting.map(({ request }) => request)));
    const requests = batch.map(({ request }) => request);
    try {
      const replying = this.#call(requests);
      this.#current = { requests, settled: replying };
      const replies = await replying;
      assert(replies.length === requests.length, 'a call must reply to each of its requests');
      for (const [i, reply] of replies.entries()) batch[i]?.resolve(reply);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#current = undefined;
    this.#isIdle = this.#waiting.length === 0;
    if (!this.#isIdle) this.#begin(() => void this.#callNext());
  }
}
