import { Pool } from 'undici';
import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { CommandReply, ErrorReply, HoldReply, UserAction } from '../../src/protocol/commands.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { type Booker, type Reply, replyOfError } from './booker.ts';

/** Longer than any reply may take: a later reply counts as a hang. */
const giveUpMs = 10_000;

/** A user of the HTTP API, who tries the next process after a failure. */
export class HttpBooker implements Booker {
  readonly userId: string;
  readonly #show: string | undefined;
  readonly #pools: readonly Pool[];
  #current: number;

  /** Without `show`: the default show, on the paths without a name. */
  constructor(options: { userId: string; urls: readonly string[]; startAt?: number; show?: string | undefined }) {
    const { userId, urls, startAt = 0, show } = options;
    this.userId = userId;
    this.#show = show;
    this.#pools = urls.map((url) => new Pool(url, { connections: 2, pipelining: 1 }));
    this.#current = startAt % urls.length;
  }

  ask(action: UserAction, seatId: string): Promise<Reply> {
    return this.#decide(`${this.#seatsPath}/${action}`, { seat_id: seatId });
  }

  askGroup(action: CommandAction, seatIds: readonly string[]): Promise<Reply> {
    return this.#decide(`/api/shows/${this.#show ?? 'main'}/holds${action === 'select' ? '' : `/${action}`}`, {
      seats: seatIds,
    });
  }

  get #seatsPath(): string {
    return this.#show === undefined ? '/api/seats' : `/api/shows/${this.#show}/seats`;
  }

  async #decide(path: string, what: object): Promise<Reply> {
    try {
      const answer = await this.#request('POST', path, JSON.stringify({ ...what, user_id: this.userId }));
      const reply = JSON.parse(answer.text) as CommandReply | HoldReply | ErrorReply;
      const seats = 'seat' in reply && reply.seat ? [reply.seat] : 'seats' in reply ? reply.seats : undefined;
      if (reply.success) return { kind: 'decided', ...(seats && { seats }) };
      const outcome = replyOfError(reply.error, seats);
      if (outcome.kind === 'unknown') this.#current++;
      return outcome;
    } catch (error) {
      this.#current++;
      return { kind: 'unknown', code: failureOf(error as NodeJS.ErrnoException), retryable: true };
    }
  }

  async read(): Promise<Seat[] | undefined> {
    try {
      const { status, text, isStale } = await this.#request('GET', this.#seatsPath);
      return status === 200 && !isStale ? (JSON.parse(text) as Seat[]) : undefined;
    } catch {
      this.#current++;
      return undefined;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  async #request(method: 'GET' | 'POST', path: string, body?: string) {
    const pool = this.#pools[this.#current % this.#pools.length] as Pool;
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(giveUpMs);
    const response = await pool.request({ method, path, signal, ...(body !== undefined && { body, headers }) });
    const isStale = response.headers['x-venue-stale'] !== undefined;
    return { status: response.statusCode, text: await response.body.text(), isStale };
  }
}

/** A refused connection is a separate case: an unsent command was never executed. */
function failureOf(error: NodeJS.ErrnoException): string {
  if (error.name === 'TimeoutError') return 'HUNG';
  return error.code === 'ECONNREFUSED' ? 'NOT_SENT' : 'CUT';
}
