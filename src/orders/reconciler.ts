import type { Logger } from 'pino';
import type { Clock } from '../process/clock.ts';
import type { OrderService } from './order-service.ts';

const batch = 50;

/** Advances overdue orders once a second, whichever process left them. Every process runs one; the ledger hands out each order once. */
export class Reconciler {
  readonly #options: { orders: OrderService; clock: Clock; logger: Logger; pollMs: number };
  #timer: unknown;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: { orders: OrderService; clock: Clock; logger: Logger; pollMs?: number }) {
    this.#options = { pollMs: 1_000, ...options };
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
    const { orders, logger } = this.#options;
    try {
      // A full batch: there may be more.
      while ((await orders.reconcile(batch)) === batch && !this.#isStopped);
    } catch (err) {
      logger.warn({ err }, 'Overdue orders could not be read; retrying');
    }
  }
}
