import { parseBody, seatsOf } from './reply-body.ts';
import type { CommandAction } from './seat-rules.ts';

/** A command on one or several seats. */
export interface SeatRequest {
  action: CommandAction;
  /** Empty with `best`. */
  seatIds: readonly string[];
  /** Number of seats that the server chooses. */
  best?: { count: number };
  userId: string;
}

export const seatCount = ({ seatIds, best }: SeatRequest): number => best?.count ?? seatIds.length;

/** Whether `POST /api/seats/…` takes the command; `POST /api/shows/:show/holds…` takes the others. */
export const isOfOneSeat = ({ action, seatIds }: SeatRequest): boolean => seatIds.length === 1 && action !== 'extend';

/** A request and its reply. */
export interface Reply extends SeatRequest {
  status: number;
  body: string;
}

/** The replies that clients received since the last call. */
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

/** A 429 with one of these codes is about one user, not about the address that all load comes from. */
const limitsOfUser = ['"HOLD_LIMIT"', '"COOLDOWN"', '"EXTENSION_LIMIT"'];

export function isRateLimited(status: number, body = ''): boolean {
  if (status !== 429) return false;
  return body.includes('HOLDS_PER_ADDRESS') || !limitsOfUser.some((code) => body.includes(code));
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
  /** All users who want one seat get equal refusals. */
  #refusals = new Map<string, Reply & { userIds: Set<string> }>();
  readonly #newestSeq = new Map<string, number>();
  #newestCommandSeq = 0;
  #newestReadSeq = 0;

  /**
   * The newest seq that any client received of each seat. With `best`: of any seat, because new holds have higher seqs than
   * all that came before. To be called when the request is sent; `answered` takes the result.
   */
  newestSeqs({ seatIds, best }: SeatRequest): number[] {
    return best ? [this.#newestCommandSeq] : seatIds.map((seatId) => this.#newestSeq.get(seatId) ?? 0);
  }

  answered(reply: Reply, newestSeqsWhenSent: readonly number[]): void {
    const { status, body, seatIds, best } = reply;
    const isGranted = status < 300;
    if (isRateLimited(status, body)) {
      this.rateLimited();
      return;
    }
    if (mayBeExecuted(status)) {
      this.unanswered(reply);
      return;
    }
    this.#received.replyCount++;
    for (const { id, seq } of seqsIn(reply)) {
      const newestWhenSent = newestSeqsWhenSent[best && isGranted ? 0 : seatIds.indexOf(id)] ?? 0;
      if (seq < newestWhenSent) {
        this.#received.staleReplies.push(`${textOf(reply)}: seq ${newestWhenSent} was received before the request`);
      }
      if (seq > (this.#newestSeq.get(id) ?? 0)) this.#newestSeq.set(id, seq);
      if (seq > this.#newestCommandSeq) this.#newestCommandSeq = seq;
    }
    if (isGranted) this.#received.replies.push(reply);
    else this.#refused(reply);
  }

  unanswered({ action, seatIds, best, userId }: SeatRequest): void {
    this.#received.unanswered.push({ action, seatIds, ...(best && { best }), userId });
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
    const key = `${reply.action} ${reply.seatIds} ${reply.body}`;
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

export const textOf = ({ action, seatIds, best, userId, status, body }: Reply): string =>
  `${action} ${best ? `the best ${best.count}` : seatIds.join(' ')} by ${userId} → ${status} ${body}`;

function seqsIn(reply: Reply): readonly { id: string; seq: number }[] {
  const { seatIds, body } = reply;
  return isOfOneSeat(reply) ? [{ id: seatIds[0] as string, seq: seqOf(body) }] : seatsOf(parseBody(body));
}

/** Of the one seat in the reply, without parsing all of it; NaN if there is none. */
function seqOf(body: string): number {
  const start = body.lastIndexOf('"seq":');
  return start < 0 ? Number.NaN : Number.parseInt(body.slice(start + 6, start + 22), 10);
}
