import type { CommandAction } from '../protocol/command-routes.ts';
import { maxGroupSize } from '../protocol/max-group-size.ts';

export const replyTimeoutMs = 5_000;

/** A command that was sent and has no reply yet: on one seat, or on several, all or none. */
export interface PendingRequest {
  id: string;
  action: CommandAction;
  seatIds: readonly string[];
  /** From 0. Only a press on more seats than one command may have leads to several parts. */
  part: number;
}

interface Entry {
  request: PendingRequest;
  timer: ReturnType<typeof setTimeout>;
}

/** The commands without a reply: at most one per seat. */
export class PendingRequests {
  readonly #entries = new Map<string, Entry>();
  readonly #onTimeout: (request: PendingRequest) => void;
  #sent = 0;

  constructor(onTimeout: (request: PendingRequest) => void) {
    this.#onTimeout = onTimeout;
  }

  /** One request for all these seats that have no pending request; several if one command may not have as many seats. */
  open(action: CommandAction, seatIds: readonly string[]): PendingRequest[] {
    const free = seatIds.filter((seatId) => !this.isPending(seatId));
    const parts = Array.from({ length: Math.ceil(free.length / maxGroupSize) }, (_, part) => part);
    return parts.map((part) => {
      const ids = free.slice(part * maxGroupSize, (part + 1) * maxGroupSize);
      return this.#add({ id: `${action}-${++this.#sent}`, action, seatIds: ids, part });
    });
  }

  isPending(seatId: string): boolean {
    return [...this.#entries.values()].some(({ request }) => request.seatIds.includes(seatId));
  }

  /** The request that a reply is for; undefined if it timed out, or was never sent from here. */
  settle(requestId: string | number | undefined): PendingRequest | undefined {
    const entry = typeof requestId === 'string' ? this.#entries.get(requestId) : undefined;
    return entry && this.#remove(entry);
  }

  /** Ends all requests without a reply: those of a broken connection get none. */
  abandonAll(): PendingRequest[] {
    return [...this.#entries.values()].map((entry) => this.#remove(entry));
  }

  #add(request: PendingRequest): PendingRequest {
    const timer = setTimeout(() => this.#onTimeout(this.#remove(entry)), replyTimeoutMs);
    const entry = { request, timer };
    this.#entries.set(request.id, entry);
    return request;
  }

  #remove({ request, timer }: Entry): PendingRequest {
    clearTimeout(timer);
    this.#entries.delete(request.id);
    return request;
  }
}
