import { falsehoodOf } from '../../bench/audit/seat-rules.ts';
import { userActions } from '../../src/protocol/commands.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { RequestKey } from '../../src/store/seat-store.ts';
import { Host } from './host.ts';
import type { SeatOperation } from './linearizability.ts';
import type { SeatLedger } from './seat-ledger.ts';
import type { BookingProcess } from './simulated-booking.ts';
import { ConnectionError, RequestTimeoutError, type SimulatedHttp } from './simulated-http.ts';
import type { World } from './world.ts';

const requestTimeoutMs = 3_000;
/** Of one client: those in a hurry have soon tried all there is. */
const maxActs = 60;

export interface RecordedOperation extends SeatOperation {
  seatId: string;
  /** Asked of several processes: one of them may come to it later, and a store that lost its data has lost the answer. */
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
}

/** Users who want the same few seats, through any booking process, and ask again where no answer comes. */
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

  #act(clientId: string, userId: string, paceMs: number, mine: string | undefined, actsLeft: number): void {
    if (actsLeft === 0 || this.#world.nowMs > this.#options.untilMs) return;
    const { random } = this.#world;
    const seatId = mine ?? random.pick(this.#options.seatIds);
    const action = mine
      ? random.pick(['book', 'release', 'release', 'select'] as const)
      : random.pick(['select', 'select', 'select', 'read', ...userActions] as const);
    void this.#ask(clientId, action, seatId, userId).then((outcome) => {
      const isHeld = outcome !== 'unknown' && outcome.seat?.status === SeatStatus.held;
      const goesOn = isHeld && outcome.seat?.held_by === userId && !random.chance(0.3); // or leaves it to its end
      const next = goesOn ? seatId : undefined;
      this.#world.after(random.int(0, 2 * paceMs), () => this.#act(clientId, userId, paceMs, next, actsLeft - 1));
    });
  }

  async #ask(
    clientId: string,
    action: SeatOperation['action'],
    seatId: string,
    userId: string,
  ): Promise<SeatOperation['outcome']> {
    const { random } = this.#world;
    for (let attempt = 0; ; attempt++) {
      const operation: RecordedOperation = {
        clientId,
        action,
        seatId,
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
      this.#world.trace(() => `${clientId}: ${action} ${seatId} by ${userId} → ${JSON.stringify(operation.outcome)}`);
      if (operation.outcome !== 'unknown' || attempt >= 3 || random.chance(0.3)) return operation.outcome;
      await this.#pause();
    }
  }

  /** As edges and nginx do: where one process fails, the next is asked for the same, by the same key. */
  async #askThroughProxy(operation: RecordedOperation): Promise<SeatOperation['outcome']> {
    const { action, seatId, userId } = operation;
    const { random } = this.#world;
    const key = `request${this.#requests++}`;
    const attempts = random.pick([1, 2, 4]);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const process = random.pick(this.#options.processes());
      const timeoutMs = requestTimeoutMs / attempts;
      const request = { key, isRepeat: attempt > 1 };
      operation.wasRepeated = request.isRepeat;
      try {
        const handle = () => answerOf(process, action, seatId, userId, request);
        const outcome = await this.#options.http.request(this.#host, process.host, timeoutMs, handle);
        this.#world.count(attempt > 1 ? `answered ${action} when asked again` : `answered ${action}`);
        return outcome;
      } catch (error) {
        // It has answered, with 503 or 504: nobody else is asked.
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
  #audit({ action, userId, seatId, outcome }: RecordedOperation): void {
    if (outcome === 'unknown' || !outcome.seat) return;
    const { seat, refusal } = outcome;
    const reply = { action, seatId, userId, refusal, seat };
    const problem = falsehoodOf(reply, this.#options.ledger.versionsOf(seat));
    if (problem !== undefined) this.#world.fail('G1', `${JSON.stringify(reply)}: ${problem}`);
  }
}

async function answerOf(
  { service }: BookingProcess,
  action: SeatOperation['action'],
  seatId: string,
  userId: string,
  request: RequestKey,
): Promise<SeatOperation['outcome']> {
  if (action !== 'read') return service.command({ action, seatIds: [seatId], userId, request });
  await service.confirm(); // where it fails, what is read is marked as stale
  const seat = service.view.seat(seatId);
  return seat ? { seat } : 'unknown';
}
