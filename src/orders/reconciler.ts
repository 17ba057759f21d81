import type { Logger } from 'pino';
import { LedgerUnavailableError } from '../ledger/ledger-errors.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/error-facts.ts';
import { StateLog } from '../process/state-log.ts';
import type { OrderService } from './order-service.ts';

const batch = 50;

/** Advances overdue orders once a second, whichever process left them. Every process runs one; the ledger hands out each order once. */
export class Reconciler {
  readonly #options: { orders: OrderService; clock: Clock; logger: Logger; pollMs: number };
  readonly #stateLog: StateLog;
  #isLedgerAvailable = true;
  #timer: unknown;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: { orders: OrderService; clock: Clock; logger: Logger; pollMs?: number }) {
    this.#options = { pollMs: 1_000, ...options };
    this.#stateLog = new StateLog(options.logger);
  }

  /** Whether the ledger replied in the latest round. */
  get isLedgerAvailable(): boolean {
    return this.#isLedgerAvailable;
  }

  start(): void {
    const { clock, pollMs } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#running = this.#round().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, pollMs);
  }

  /** Waits for the round under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running;
  }

  async #round(): Promise<void> {
    const { orders } = this.#options;
    try {
      // A full batch: there may be more.
      while ((await orders.reconcile(batch)) === batch && !this.#isStopped);
      this.#isLedgerAvailable = true;
      this.#stateLog.recovered('Checkout is available again');
    } catch (error) {
      this.#isLedgerAvailable = !(error instanceof LedgerUnavailableError);
      this.#stateLog.warn('Overdue orders could not be read; retrying', { error: messageOf(error) });
    }
  }
}
