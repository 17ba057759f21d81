import type { UserAction } from '../protocol/commands.ts';

export const answerTimeoutMs = 5_000;

export interface PendingRequest {
  id: string;
  action: UserAction;
  seatId: string;
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

  /** Undefined while another request for that seat is not answered yet. */
  open(action: UserAction, seatId: string): PendingRequest | undefined {
    if (this.#bySeat.has(seatId)) return undefined;
    this.#sent++;
    const request = { id: `${action}-${this.#sent}`, action, seatId };
    const timer = setTimeout(() => {
      this.#bySeat.delete(seatId);
      this.#onTimeout(request);
    }, answerTimeoutMs);
    this.#bySeat.set(seatId, { request, timer });
    return request;
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
      return request;
    }
    return undefined;
  }

  /** The connection is gone, and the answers with it. */
  abandonAll(): PendingRequest[] {
    const entries = [...this.#bySeat.values()];
    this.#bySeat.clear();
    for (const { timer } of entries) clearTimeout(timer);
    return entries.map(({ request }) => request);
  }
}
