import { falsehoodOf } from '../../bench/audit/seat-rules.ts';
import { userActions } from '../../src/protocol/commands.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { Host } from './host.ts';
import { type Operation, onSeat } from './operation.ts';
import type { SeatLedger } from './seat-ledger.ts';
import type { BookingProcess } from './simulated-booking.ts';
import { ConnectionError, RequestTimeoutError, type SimulatedHttp } from './simulated-http.ts';
import type { World } from './world.ts';

const requestTimeoutMs = 3_000;
/** Of one client: fast clients have soon tried all seats. */
const maxActs = 60;
const largestGroup = 5;

type Action = Operation['action'];
const actions = {
  onAny: ['select', 'select', 'select', 'read', ...userActions],
  onOwn: ['book', 'release', 'release', 'select'],
} satisfies Record<string, Action[]>;
const groupActions = {
  onAny: [...actions.onAny, 'extend'],
  onOwn: [...actions.onOwn, 'release', 'extend', 'extend'],
} satisfies Record<string, Action[]>;

export interface RecordedOperation extends Operation {
  /** Sent to several processes: one of them may execute it later, and a store that lost its data has lost the answer. */
  wasRepeated: boolean;
}

export interface UsersOptions {
  world: World;
  http: SimulatedHttp;
  ledger: SeatLedger;
  processes: () => readonly BookingProcess[];
  seatIds: readonly string[];
  users: number;
  untilMs: number;
  /** Whether they also send commands on several seats, and extend holds. */
  groups: boolean;
}

/** Users who want the same few seats, through any booking process, and retry without a reply. */
export class Users {
  readonly operations: RecordedOperation[] = [];
  readonly #options: UsersOptions;
  readonly #world: World;
  readonly #host: Host;
  #clients = 0;
  #requests = 0;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#world = options.world;
    this.#host = new Host(this.#world, 'users');
    for (let i = 0; i < options.users; i++) this.#come(`user${i}`);
  }

  #come(userId: string): void {
    const { random } = this.#world;
    const windows = random.chance(0.3) ? 2 : 1; // one user, two browser windows
    const paceMs = random.pick([5, 50, 200, 1_000]);
    for (let i = 0; i < windows; i++) {
      this.#world.after(random.int(0, 500), () =>
        this.#act(`client${this.#clients++}`, userId, paceMs, undefined, maxActs),
      );
    }
  }

  #act(clientId: string, userId: string, paceMs: number, mine: readonly string[] | undefined, actsLeft: number): void {
    if (actsLeft === 0 || this.#world.nowMs > this.#options.untilMs) return;
    const { random } = this.#world;
    const wanted = mine ?? this.#anySeats();
    const { onOwn, onAny } = this.#options.groups ? groupActions : actions;
    const action: Action = random.pick(mine ? onOwn : onAny);
    void this.#ask(clientId, action, this.#partOf(wanted, action), userId).then((outcome) => {
      const seats = outcome === 'unknown' || outcome.refusal ? [] : (outcome.seats ?? []);
      const isHeld =
        seats.length > 0 && seats.every(({ status, held_by }) => status === SeatStatus.held && held_by === userId);
      const goesOn = isHeld && !random.chance(0.3); // or leaves it to its end
      const next = goesOn ? seats.map(({ id }) => id) : undefined;
      this.#world.after(random.int(0, 2 * paceMs), () => this.#act(clientId, userId, paceMs, next, actsLeft - 1));
    });
  }

  #anySeats(): readonly string[] {
    const { groups, seatIds } = this.#options;
    const { random } = this.#world;
    if (!groups || seatIds.length === 1 || random.chance(0.4)) return [random.pick(seatIds)];
    return random.sample(seatIds, random.int(2, largestGroup));
  }

  /** A read is of one seat, and sometimes a command is on a part of what is held together. */
  #partOf(seatIds: readonly string[], action: Action): readonly string[] {
    const { random } = this.#world;
    if (seatIds.length === 1) return seatIds;
    if (action === 'read') return seatIds.slice(0, 1);
    return random.chance(0.2) ? random.sample(seatIds, random.int(1, seatIds.length)) : seatIds;
  }

  async #ask(
    clientId: string,
    action: Action,
    seatIds: readonly string[],
    userId: string,
  ): Promise<Operation['outcome']> {
    const { random } = this.#world;
    for (let attempt = 0; ; attempt++) {
      const operation: RecordedOperation = {
        clientId,
        action,
        seatIds,
        userId,
        invokedAtMs: this.#world.nowMs,
        returnedAtMs: undefined,
        outcome: 'unknown',
        wasRepeated: false,
      };
      this.operations.push(operation);
      operation.outcome = await this.#askThroughProxy(operation);
      if (operation.outcome === 'unknown') this.#world.count('requests without an answer');
      else this.#audit(operation);
      operation.returnedAtMs = this.#world.nowMs;
      this.#world.trace(() => `${clientId}: ${action} ${seatIds} by ${userId} → ${JSON.stringify(operation.outcome)}`);
      if (operation.outcome !== 'unknown' || attempt >= 3 || random.chance(0.3)) return operation.outcome;
      await this.#pause();
    }
  }

  /** As edges and nginx do: if one process fails, the next gets the same command with the same key. */
  async #askThroughProxy(operation: RecordedOperation): Promise<Operation['outcome']> {
    const { action, seatIds, userId } = operation;
    const { random } = this.#world;
    const key = `request${this.#requests++}`;
    const attempts = random.pick([1, 2, 4]);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const process = random.pick(this.#options.processes());
      const timeoutMs = requestTimeoutMs / attempts;
      const request = { key, isRepeat: attempt > 1 };
      operation.wasRepeated = request.isRepeat;
      try {
        const handle = (): Promise<Operation['outcome']> =>
          action === 'read'
            ? readSeat(process, seatIds[0] as string)
            : process.command({ action, seatIds, userId, request });
        const outcome = await this.#options.http.request(this.#host, process.host, timeoutMs, handle);
        this.#world.count(attempt > 1 ? `answered ${action} when asked again` : `answered ${action}`);
        return outcome;
      } catch (error) {
        // It has replied, with 503 or 504: no other process is tried.
        if (!(error instanceof ConnectionError || error instanceof RequestTimeoutError)) break;
      }
    }
    return 'unknown';
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#world.random.int(20, 400), resolve);
    });
  }

  /** [G1] Each reply is a decision of the store. */
  #audit(operation: RecordedOperation): void {
    for (const seatId of operation.seatIds) {
      const { action, userId, outcome } = onSeat(operation, seatId) ?? {};
      if (!action || userId === undefined || !outcome || outcome === 'unknown' || !outcome.seat) continue;
      const { seat, refusal } = outcome;
      const reply = { action, seatId, userId, refusal, seat };
      const problem = falsehoodOf(reply, this.#options.ledger.versionsOf(seat));
      if (problem !== undefined) this.#world.fail('G1', `${JSON.stringify(reply)}: ${problem}`);
    }
  }
}

async function readSeat({ service }: BookingProcess, seatId: string): Promise<Operation['outcome']> {
  await service.confirm(); // if it fails, the read is marked as stale
  const seat = service.view.seat(seatId);
  return seat ? { seats: [seat] } : 'unknown';
}
