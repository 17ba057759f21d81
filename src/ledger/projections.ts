import { Gauge, type Registry } from 'prom-client';
import { hostClock } from '../process/clock.ts';
import type { Ledger } from './ledger.ts';
import { Projection, type ProjectionOptions } from './projection.ts';

/** The projections of the shows that a process has opened, and their metrics. */
export class Projections {
  readonly #ledger: Ledger;
  readonly #projections: Projection[] = [];

  constructor(ledger: Ledger, registry: Registry) {
    this.#ledger = ledger;
    const projections = this.#projections;
    new Gauge({
      name: 'booking_ledger_lag_events',
      help: 'Number of committed transitions that are not known to be in the ledger.',
      registers: [registry],
      collect() {
        this.set(projections.reduce((sum, { lagEvents }) => sum + lagEvents, 0));
      },
    });
    new Gauge({
      name: 'booking_ledger_lag_seconds',
      help: 'Time in seconds for which the ledger has lacked transitions of a show, the longest of all shows.',
      registers: [registry],
      collect() {
        this.set(Math.max(0, ...projections.map(({ lagMs }) => lagMs)) / 1000);
      },
    });
  }

  /** Starts at once, and does its work once the show is open. */
  add(options: Omit<ProjectionOptions, 'ledger' | 'clock'>): void {
    const projection = new Projection({ ...options, ledger: this.#ledger, clock: hostClock });
    this.#projections.push(projection);
    projection.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#projections.map((projection) => projection.stop()));
  }
}
