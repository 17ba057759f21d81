import type { UserAction } from '../../src/protocol/commands.ts';

export interface SeatRequest {
  action: UserAction;
  seatId: string;
  userId: string;
}

/** A request and its reply. */
export interface Reply extends SeatRequest {
  status: number;
  body: string;
}

/** What clients received since the last time. */
export interface Received {
  /** Successful ones. */
  replies: Reply[];
  /** Requests without a reply: the command may have been executed. */
  unanswered: SeatRequest[];
  /** Equal refusals are kept once, with all users that received them. */
  refusals: (Reply & { userIds: Set<string> })[];
  /** Replies older than one that was received before their request. */
  staleReplies: string[];
  /** How many replies were checked for that. */
  replyCount: number;
  /** Requests that a rate limit refused. */
  rateLimited: number;
}

/** A 429 with HOLD_LIMIT or COOLDOWN is about one user, not about the address that all load comes from. */
export function isRateLimited(status: number, body = ''): boolean {
  if (status !== 429) return false;
  return body.includes('HOLDS_PER_ADDRESS') || !(body.includes('"HOLD_LIMIT"') || body.includes('"COOLDOWN"'));
}

/** All load comes from one address, which the limits of a system treat as one client. */
export const rateLimitRemedy = 'Start the system with RATE_LIMIT=off';

const mayBeExecuted = (status: number) => status >= 500 || status === 408;

/**
 * Keeps all replies as they arrived: they are judged after the load. Only their order in time (no reply is older than
 * one that was received before its request) is checked at once.
 */
export class ClientLog {
  #received = nothingReceived();
  /** Everyone who wants one seat is refused in the same words. */
  #refusals = new Map<string, Reply & { userIds: Set<string> }>();
  readonly #newestSeq = new Map<string, number>();
  #newestReadSeq = 0;

  /** To be called when the request is sent; `answered` takes the result. */
  newestSeq(seatId: string): number {
    return this.#newestSeq.get(seatId) ?? 0;
  }

  answered(reply: Reply, newestSeqWhenSent: number): void {
    const { status, body, seatId } = reply;
    if (isRateLimited(status, body)) {
      this.rateLimited();
      return;
    }
    if (mayBeExecuted(status)) {
      this.unanswered(reply);
      return;
    }
    this.#received.replyCount++;
    const seq = seqOf(body);
    if (seq < newestSeqWhenSent) {
      this.#received.staleReplies.push(`${textOf(reply)}: seq ${newestSeqWhenSent} was received before the request`);
    }
    if (seq > this.newestSeq(seatId)) this.#newestSeq.set(seatId, seq);
    if (status < 300) this.#received.replies.push(reply);
    else this.#refused(reply);
  }

  unanswered({ action, seatId, userId }: SeatRequest): void {
    this.#received.unanswered.push({ action, seatId, userId });
  }

  rateLimited(): void {
    this.#received.rateLimited++;
  }

  /** The newest seq of the whole venue that a client received. To be called when a read is sent. */
  get newestReadSeq(): number {
    return this.#newestReadSeq;
  }

  /** A read of the whole venue showed `seq`. */
  read(seq: number, newestSeqWhenSent: number): void {
    this.#received.replyCount++;
    if (seq < newestSeqWhenSent) {
      this.#received.staleReplies.push(
        `GET /api/seats shows seq ${seq}: ${newestSeqWhenSent} was received before the request`,
      );
    }
    if (seq > this.#newestReadSeq) this.#newestReadSeq = seq;
  }

  get waiting(): number {
    return this.#received.replies.length + this.#received.unanswered.length + this.#refusals.size;
  }

  /** Returns what was received since the last call. */
  take(): Received {
    const received = { ...this.#received, refusals: [...this.#refusals.values()] };
    this.#received = nothingReceived();
    this.#refusals = new Map();
    return received;
  }

  #refused(reply: Reply): void {
    const key = `${reply.action} ${reply.seatId} ${reply.body}`;
    const same = this.#refusals.get(key);
    if (same) same.userIds.add(reply.userId);
    else this.#refusals.set(key, { ...reply, userIds: new Set([reply.userId]) });
  }
}

const nothingReceived = (): Received => ({
  replies: [],
  unanswered: [],
  refusals: [],
  staleReplies: [],
  replyCount: 0,
  rateLimited: 0,
});

export const textOf = ({ action, seatId, userId, status, body }: Reply): string =>
  `${action} ${seatId} by ${userId} → ${status} ${body}`;

/** Of the seat in the reply, without parsing all of it; NaN if there is none. */
function seqOf(body: string): number {
  const start = body.lastIndexOf('"seq":');
  return start < 0 ? Number.NaN : Number.parseInt(body.slice(start + 6, start + 22), 10);
}
