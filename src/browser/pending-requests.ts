import type { UserAction } from '../protocol/commands.ts';

export const answerTimeoutMs = 5_000;

/** Requests that the user made by one press, and hears of together. */
export interface RequestBatch {
  action: UserAction;
  /** How many are not answered yet. */
  open: number;
  done: string[];
  unanswered: string[];
}

export interface PendingRequest {
  id: string;
  action: UserAction;
  seatId: string;
  batch: RequestBatch;
}

interface Entry {
  request: PendingRequest;
  timer: ReturnType<typeof setTimeout>;
}

/** The commands that were sent and not yet answered: at most one per seat. */
export class PendingRequests {
  readonly #bySeat = new Map<string, Entry>();
  readonly #onTimeout: (request: PendingRequest) => void;
  #sent = 0;

  constructor(onTimeout: (request: PendingRequest) => void) {
    this.#onTimeout = onTimeout;
  }

  /** One request for each seat, but for those for which another is not answered yet. */
  open(action: UserAction, seatIds: readonly string[]): PendingRequest[] {
    const free = seatIds.filter((seatId) => !this.#bySeat.has(seatId));
    const batch: RequestBatch = { action, open: free.length, done: [], unanswered: [] };
    return free.map((seatId) => this.#openOne(seatId, batch));
  }

  forSeat(seatId: string): PendingRequest | undefined {
    return this.#bySeat.get(seatId)?.request;
  }

  /** The request that an answer is for; undefined for one that timed out or was never ours. */
  settle(requestId: string | number | undefined): PendingRequest | undefined {
    for (const { request, timer } of this.#bySeat.values()) {
      if (request.id !== requestId) continue;
      clearTimeout(timer);
      this.#bySeat.delete(request.seatId);
      request.batch.open--;
      return request;
    }
    return undefined;
  }

  /** The connection is gone, and the answers with it. */
  abandonAll(): PendingRequest[] {
    return [...this.#bySeat.values()].map(({ request, timer }) => {
      clearTimeout(timer);
      return this.#giveUp(request);
    });
  }

  #openOne(seatId: string, batch: RequestBatch): PendingRequest {
    this.#sent++;
    const request = { id: `${batch.action}-${this.#sent}`, action: batch.action, seatId, batch };
    const timer = setTimeout(() => this.#onTimeout(this.#giveUp(request)), answerTimeoutMs);
    this.#bySeat.set(seatId, { request, timer });
    return request;
  }

  #giveUp(request: PendingRequest): PendingRequest {
    this.#bySeat.delete(request.seatId);
    request.batch.open--;
    request.batch.unanswered.push(request.seatId);
    return request;
  }
}
