import type { Logger } from 'pino';
import { LedgerUnavailableError } from '../ledger/ledger-errors.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/error-facts.ts';
import { Rounds } from '../process/rounds.ts';
import { StateLog } from '../process/state-log.ts';
import type { OrderService } from './order-service.ts';

const batch = 50;

/** Advances overdue orders once a second, whichever process left them. Every process runs one; the ledger hands out an order to one of them at a time, for 10 s. */
export class Reconciler {
  readonly #orders: OrderService;
  readonly #stateLog: StateLog;
  readonly #rounds: Rounds;
  readonly #pollMs: number;
  #isLedgerAvailable = true;

  constructor({
    orders,
    clock,
    logger,
    pollMs = 1_000,
  }: { orders: OrderService; clock: Clock; logger: Logger; pollMs?: number }) {
    this.#orders = orders;
    this.#stateLog = new StateLog(logger);
    this.#pollMs = pollMs;
    this.#rounds = new Rounds({ clock, intervalMs: pollMs, round: () => this.#round() });
  }

  /** Whether the ledger replied in the latest round. */
  get isLedgerAvailable(): boolean {
    return this.#isLedgerAvailable;
  }

  start(): void {
    this.#rounds.start(this.#pollMs);
  }

  /** Waits for the round under way. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(): Promise<void> {
    try {
      // A full batch: there may be more.
      while ((await this.#orders.reconcile(batch)) === batch && !this.#rounds.isStopped);
      this.#isLedgerAvailable = true;
      this.#stateLog.recovered('Checkout is available again');
    } catch (error) {
      this.#isLedgerAvailable = !(error instanceof LedgerUnavailableError);
      this.#stateLog.warn('Overdue orders could not be read; retrying', { error: messageOf(error) });
    }
  }
}
