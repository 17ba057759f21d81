import type { UserAction } from '../../src/protocol/commands.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { SeatOperation } from '../simulation/linearizability.ts';
import type { Booker, Reply } from './booker.ts';
import { seededRandom } from './seeded-random.ts';
import { nowMs, pause, until } from './time.ts';

export interface Operation extends SeatOperation {
  seatId: string;
  /** Of an answer that decides nothing: why. */
  failure?: string;
}

export interface LoadOptions {
  bookers: readonly Booker[];
  seatIds: readonly string[];
  seed: number;
  /** How many seats everybody wants at once. */
  hotSeats?: number;
  thinkMs?: number;
  /** Of the holds, in [0, 1]: how many are booked, and how many simply left to end. The rest is released. */
  bookedShare?: number;
  abandonedShare?: number;
}

const pauseAfterFailureMs = 100;
const readsPerTurn = 0.05;
const seatsNotedPerRead = 3;

/** Users who all want the same few seats: each asks, waits for the answer, thinks a little, asks on. */
export class Load {
  readonly operations: Operation[] = [];
  readonly #options: Required<LoadOptions>;
  readonly #booked = new Set<string>();
  readonly #random: () => number;
  #isRunning = false;
  #loops: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.#options = { hotSeats: 24, thinkMs: 20, bookedShare: 0.06, abandonedShare: 0.08, ...options };
    this.#random = seededRandom(options.seed);
  }

  start(): void {
    this.#isRunning = true;
    this.#loops = this.#options.bookers.map((booker) => this.#use(booker));
  }

  /** Resolves when the last answer is here. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }

  /** Waits until so many more have been decided. */
  async decides(count: number, timeoutMs = 30_000): Promise<void> {
    const wanted = this.decided + count;
    await until(`${count} more decisions`, () => this.decided >= wanted, timeoutMs);
  }

  get decided(): number {
    return this.operations.filter(({ outcome }) => outcome !== 'unknown').length;
  }

  async #use(booker: Booker): Promise<void> {
    while (this.#isRunning) {
      const seatId = this.#hotSeat();
      if (booker.read && this.#random() < readsPerTurn) await this.#read(booker);
      const reply = await this.#insist(booker, 'select', seatId);
      if (reply?.kind === 'decided' && !reply.refusal) await this.#decideOn(booker, seatId);
      // Now and then somebody asks for what is not theirs.
      else if (this.#random() < 0.2) await this.ask(booker, this.#random() < 0.5 ? 'book' : 'release', seatId);
      await this.#think();
    }
  }

  async #decideOn(booker: Booker, seatId: string): Promise<void> {
    const { bookedShare, abandonedShare } = this.#options;
    await this.#think();
    const choice = this.#random();
    if (choice < bookedShare) await this.#insist(booker, 'book', seatId);
    else if (choice > bookedShare + abandonedShare) await this.#insist(booker, 'release', seatId);
  }

  /** Asks the same again until it is decided, as a user would; every attempt is an operation of its own. */
  async #insist(booker: Booker, action: UserAction, seatId: string): Promise<Reply | undefined> {
    while (this.#isRunning) {
      const reply = await this.ask(booker, action, seatId);
      if (reply.kind === 'decided') return reply;
      await pause(pauseAfterFailureMs * (1 + this.#random()));
    }
    return undefined;
  }

  /** Asks once and notes it. */
  async ask(booker: Booker, action: UserAction, seatId: string): Promise<Reply> {
    const { userId } = booker;
    const invokedAtMs = nowMs();
    const reply = await booker.ask(action, seatId);
    const returnedAtMs = nowMs();
    const operation = { clientId: userId, userId, seatId, action, invokedAtMs, returnedAtMs };
    if (reply.kind === 'decided') {
      const { refusal, seat } = reply;
      if (seat?.status === SeatStatus.booked || (action === 'book' && !refusal)) this.#booked.add(seatId);
      this.operations.push({ ...operation, outcome: { ...(refusal && { refusal }), ...(seat && { seat }) } });
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
        seatId: seat.id,
        action: 'read',
        invokedAtMs,
        returnedAtMs,
      } as const;
      this.operations.push({ ...operation, outcome: { seat } });
    }
  }

  /** One of the first that are not sold. */
  #hotSeat(): string {
    const wanted: string[] = [];
    for (const seatId of this.#options.seatIds) {
      if (!this.#booked.has(seatId)) wanted.push(seatId);
      if (wanted.length === this.#options.hotSeats) break;
    }
    return wanted[Math.floor(this.#random() * wanted.length)] ?? (this.#options.seatIds[0] as string);
  }

  async #think(): Promise<void> {
    const { thinkMs } = this.#options;
    if (thinkMs > 0) await pause(thinkMs * 2 * this.#random());
  }
}

/** The longest time that any one user went without a decision, within a span. */
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
