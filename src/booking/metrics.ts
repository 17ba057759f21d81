import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UserAction } from '../protocol/commands.ts';

interface Gauges {
  /** How many committed events are not known to be published. */
  unrelayed: () => number;
  /** How many seats' actors run. */
  actors: () => number;
  /** How many seats are not for sale because the store lost them. */
  withheld: () => number;
}

/** The metrics of a booking process. */
export function bookingMetrics({ unrelayed, actors, withheld }: Gauges) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'booking_events_unrelayed',
    help: 'Committed events that are not known to be published',
    registers: [registry],
    collect() {
      this.set(unrelayed());
    },
  });
  new Gauge({
    name: 'booking_actors',
    help: 'Seats whose actor runs',
    registers: [registry],
    collect() {
      this.set(actors());
    },
  });
  new Gauge({
    name: 'booking_seats_withheld',
    help: 'Seats that are not for sale because the store lost them and nothing proves that they are free',
    registers: [registry],
    collect() {
      this.set(withheld());
    },
  });
  // Counted here and copied on each scrape: prom-client sorts and joins the labels with each count, a cost of every request.
  const commands = new Map<string, { action: UserAction; outcome: string; count: number }>();
  new Counter({
    name: 'booking_commands_total',
    help: 'Commands of users by what became of them',
    labelNames: ['action', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { action, outcome, count } of commands.values()) this.inc({ action, outcome }, count);
    },
  });
  return {
    registry,
    /** The caller increments `count`. */
    commandCount(action: UserAction, outcome: string): { count: number } {
      const name = `${action} ${outcome}`;
      const known = commands.get(name) ?? { action, outcome, count: 0 };
      commands.set(name, known);
      return known;
    },
    decisionCommands: new Histogram({
      name: 'booking_decision_commands',
      help: 'Commands on one seat that were decided together',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
      registers: [registry],
    }),
    decisionSeconds: new Histogram({
      name: 'booking_decision_seconds',
      help: 'Time that the store took to decide them',
      buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      registers: [registry],
    }),
  };
}

export type BookingMetrics = ReturnType<typeof bookingMetrics>;
