import { ok as assert } from 'node:assert/strict';
import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { Operation as ClientOperation } from '../simulation/operation.ts';
import type { Booker, Reply } from './booker.ts';
import { seededRandom } from './seeded-random.ts';
import { nowMs, pause, until } from './time.ts';

export interface Operation extends ClientOperation {
  /** The reason of a reply without a decision. */
  failure?: string;
}

export interface LoadOptions {
  bookers: readonly Booker[];
  seatIds: readonly string[];
  seed: number;
  /** Number of seats that all users want at once. */
  hotSeats?: number;
  thinkMs?: number;
  /** Shares of the holds that are booked, and that are left to expire, in [0, 1]. The rest is released. */
  bookedShare?: number;
  abandonedShare?: number;
  /** Share of requests for 2 to 5 seats at once, of the users who can request groups, in [0, 1]. */
  groupShare?: number;
}

const pauseAfterFailureMs = 100;
const readsPerTurn = 0.05;
const seatsNotedPerRead = 3;
const largestGroup = 5;
const extendedShare = 0.3;
/** Share of the groups that are booked or released in part. */
const dividedShare = 0.2;

/** Users who all want the same few seats: each sends a request, waits for the reply, pauses, and continues. */
export class Load {
  readonly operations: Operation[] = [];
  readonly #options: Required<LoadOptions>;
  readonly #booked = new Set<string>();
  readonly #random: () => number;
  #isRunning = false;
  #loops: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.#options = { hotSeats: 24, thinkMs: 20, bookedShare: 0.06, abandonedShare: 0.08, groupShare: 0.3, ...options };
    this.#random = seededRandom(options.seed);
  }

  start(): void {
    this.#isRunning = true;
    this.#loops = this.#options.bookers.map((booker) => this.#use(booker));
  }

  /** Resolves when the last reply has arrived. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }

  /** Waits for this number of further decisions. */
  async decides(count: number, timeoutMs = 30_000): Promise<void> {
    const wanted = this.decided + count;
    await until(`${count} more decisions`, () => this.decided >= wanted, timeoutMs);
  }

  get decided(): number {
    return this.operations.filter(({ outcome }) => outcome !== 'unknown').length;
  }

  async #use(booker: Booker): Promise<void> {
    while (this.#isRunning) {
      const seatIds = this.#wish(booker);
      if (booker.read && this.#random() < readsPerTurn) await this.#read(booker);
      const reply = await this.#insist(booker, 'select', seatIds);
      if (reply?.kind === 'decided' && !reply.refusal) await this.#decideOn(booker, seatIds);
      // Now and then a user requests a seat of another user.
      else if (this.#random() < 0.2) await this.#send(booker, this.#random() < 0.5 ? 'book' : 'release', seatIds);
      await this.#think();
    }
  }

  #wish({ askGroup }: Booker): string[] {
    const count = askGroup && this.#random() < this.#options.groupShare ? this.#below(largestGroup - 1) + 2 : 1;
    return [...new Set(Array.from({ length: count }, () => this.#hotSeat()))];
  }

  async #decideOn(booker: Booker, seatIds: readonly string[]): Promise<void> {
    const { bookedShare, abandonedShare } = this.#options;
    await this.#think();
    if (booker.askGroup && this.#options.groupShare > 0 && this.#random() < extendedShare)
      await this.#insist(booker, 'extend', seatIds);
    // The rest of a divided group is left to expire.
    const chosen = this.#random() < dividedShare ? seatIds.slice(0, this.#below(seatIds.length) + 1) : seatIds;
    const choice = this.#random();
    if (choice < bookedShare) await this.#insist(booker, 'book', chosen);
    else if (choice > bookedShare + abandonedShare) await this.#insist(booker, 'release', chosen);
  }

  /** Repeats the request until it is decided, as a user would; every attempt is an operation of its own. */
  async #insist(booker: Booker, action: CommandAction, seatIds: readonly string[]): Promise<Reply | undefined> {
    while (this.#isRunning) {
      const reply = await this.#send(booker, action, seatIds);
      if (reply.kind === 'decided') return reply;
      await pause(pauseAfterFailureMs * (1 + this.#random()));
    }
    return undefined;
  }

  /** Requests one seat once, and records it. */
  ask(booker: Booker, action: UserAction, seatId: string): Promise<Reply> {
    return this.#send(booker, action, [seatId]);
  }

  async #send(booker: Booker, action: CommandAction, seatIds: readonly string[]): Promise<Reply> {
    const { userId } = booker;
    const [seatId = ''] = seatIds;
    const isSingle = seatIds.length === 1 && action !== 'extend';
    const invokedAtMs = nowMs();
    const reply = await (isSingle ? booker.ask(action, seatId) : booker.askGroup?.(action, seatIds));
    assert(reply, 'this user asks for single seats only');
    const returnedAtMs = nowMs();
    const operation = { clientId: userId, userId, seatIds, action, invokedAtMs, returnedAtMs };
    if (reply.kind === 'decided') {
      const { refusal, seats } = reply;
      for (const { id, status } of seats ?? []) if (status === SeatStatus.booked) this.#booked.add(id);
      if (action === 'book' && !refusal) for (const id of seatIds) this.#booked.add(id);
      this.operations.push({ ...operation, outcome: { ...(refusal && { refusal }), ...(seats && { seats }) } });
    } else {
      this.operations.push({ ...operation, outcome: 'unknown', failure: reply.code });
    }
    return reply;
  }

  async #read(booker: Booker): Promise<void> {
    const invokedAtMs = nowMs();
    const seats = await booker.read?.();
    const returnedAtMs = nowMs();
    for (let i = 0; seats && i < seatsNotedPerRead; i++) {
      const seat = seats.find(({ id }) => id === this.#hotSeat());
      if (!seat) continue;
      const { userId } = booker;
      const operation = {
        clientId: userId,
        userId,
        seatIds: [seat.id],
        action: 'read',
        invokedAtMs,
        returnedAtMs,
      } as const;
      this.operations.push({ ...operation, outcome: { seats: [seat] } });
    }
  }

  /** One of the first that are not sold. */
  #hotSeat(): string {
    const wanted: string[] = [];
    for (const seatId of this.#options.seatIds) {
      if (!this.#booked.has(seatId)) wanted.push(seatId);
      if (wanted.length === this.#options.hotSeats) break;
    }
    return wanted[this.#below(wanted.length)] ?? (this.#options.seatIds[0] as string);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  async #think(): Promise<void> {
    const { thinkMs } = this.#options;
    if (thinkMs > 0) await pause(thinkMs * 2 * this.#random());
  }
}

/** The longest time of any user without a decision, within a span. */
export function longestInterruptionMs(operations: readonly Operation[], fromMs: number, toMs: number): number {
  const decidedAt = new Map<string, number[]>();
  for (const { clientId, outcome, returnedAtMs = 0 } of operations) {
    const times = decidedAt.get(clientId) ?? [];
    decidedAt.set(clientId, times);
    if (outcome !== 'unknown' && returnedAtMs >= fromMs && returnedAtMs <= toMs) times.push(returnedAtMs);
  }
  const gapsOf = (times: number[]) => {
    const marks = [fromMs, ...times.sort((a, b) => a - b), toMs];
    return marks.slice(1).map((mark, i) => mark - (marks[i] as number));
  };
  return Math.max(0, ...[...decidedAt.values()].flatMap(gapsOf));
}
