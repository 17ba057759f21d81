import type { UserAction } from '../../src/protocol/commands.ts';

/** What one client asked, and was told. */
export interface Reply {
  action: UserAction;
  seatId: string;
  userId: string;
  /** 0: it was never answered, so it may have been done. */
  status: number;
  body: string;
}

/** What was told since the last time. */
export interface Told {
  replies: Reply[];
  /** Each with all users that were refused in these words. */
  refusals: (Reply & { userIds: Set<string> })[];
  /** Answers older than what had been told before they were asked for. */
  wentBack: string[];
  /** How many answers that was checked of. */
  answers: number;
}

const mayHaveBeenDone = (status: number) => status >= 500 || status === 408;

/**
 * All that clients were told, kept as it came: judging it waits until the load is over. Only the order in time
 * (an answer must not be older than what had been told before it was asked for) is checked at once.
 */
export class ClientLog {
  #replies: Reply[] = [];
  /** What was told of a seat, and to whom: everyone who wants one seat is refused in the same words. */
  #refusals = new Map<string, Reply & { userIds: Set<string> }>();
  readonly #newestSeq = new Map<string, number>();
  #newestReadSeq = 0;
  #wentBack: string[] = [];
  #answers = 0;

  /** To be called as the request is sent; give the result to `answered`. */
  newestSeq(seatId: string): number {
    return this.#newestSeq.get(seatId) ?? 0;
  }

  answered(reply: Reply, newestSeqWhenSent: number): void {
    if (mayHaveBeenDone(reply.status)) {
      this.unanswered(reply);
      return;
    }
    this.#answers++;
    const seq = seqOf(reply.body);
    if (seq < newestSeqWhenSent) {
      this.#wentBack.push(`${describe(reply)}: seq ${newestSeqWhenSent} had been told before this was asked`);
    }
    if (seq > this.newestSeq(reply.seatId)) this.#newestSeq.set(reply.seatId, seq);
    if (reply.status < 300) this.#replies.push(reply);
    else this.#refused(reply);
  }

  unanswered(request: Omit<Reply, 'status' | 'body'>): void {
    const { action, seatId, userId } = request;
    this.#replies.push({ action, seatId, userId, status: 0, body: '' });
  }

  /** The newest that anybody was told of the whole venue, before a read of it is sent. */
  get newestReadSeq(): number {
    return this.#newestReadSeq;
  }

  /** A read of the whole venue that showed `seq`. */
  read(seq: number, newestSeqWhenSent: number): void {
    this.#answers++;
    if (seq < newestSeqWhenSent) {
      this.#wentBack.push(`GET /api/seats showed seq ${seq}: ${newestSeqWhenSent} had been read before it was asked`);
    }
    if (seq > this.#newestReadSeq) this.#newestReadSeq = seq;
  }

  get waiting(): number {
    return this.#replies.length + this.#refusals.size;
  }

  /** Hands over what has been told since the last time. */
  take(): Told {
    const told = {
      replies: this.#replies,
      refusals: [...this.#refusals.values()],
      wentBack: this.#wentBack,
      answers: this.#answers,
    };
    this.#replies = [];
    this.#refusals = new Map();
    this.#wentBack = [];
    this.#answers = 0;
    return told;
  }

  #refused(reply: Reply): void {
    const key = `${reply.action} ${reply.body}`;
    const same = this.#refusals.get(key);
    if (same) same.userIds.add(reply.userId);
    else this.#refusals.set(key, { ...reply, userIds: new Set([reply.userId]) });
  }
}

export const describe = ({ action, seatId, userId, status, body }: Reply): string =>
  `${action} ${seatId} by ${userId} → ${status === 0 ? 'no answer' : `${status} ${body}`}`;

/** Of the seat in the answer, without parsing all of it; NaN where there is none. */
function seqOf(body: string): number {
  const start = body.lastIndexOf('"seq":');
  return start < 0 ? Number.NaN : Number.parseInt(body.slice(start + 6, start + 22), 10);
}
