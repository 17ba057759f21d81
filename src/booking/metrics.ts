import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UserCommand } from '../store/seat-store.ts';

interface Values {
  /** Number of shows that this process has opened. */
  shows: () => number;
  /** Number of committed events that are not known to be published. */
  unrelayed: () => number;
  /** Number of seats whose actor runs. */
  actors: () => number;
  /** Number of seats that are not for sale because the store lost them. */
  withheld: () => number;
  /** How often the replicas of the store did not confirm decisions in time. */
  unreplicated: () => number;
}

/** The metrics of a booking process. */
export function bookingMetrics({ shows, unrelayed, actors, withheld, unreplicated }: Values) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'booking_shows_open',
    help: 'Number of shows that this process has opened.',
    registers: [registry],
    collect() {
      this.set(shows());
    },
  });
  new Gauge({
    name: 'booking_events_unrelayed',
    help: 'Number of committed events that are not known to be published to NATS.',
    registers: [registry],
    collect() {
      this.set(unrelayed());
    },
  });
  new Gauge({
    name: 'booking_actors',
    help: 'Number of seats whose actor runs in this process.',
    registers: [registry],
    collect() {
      this.set(actors());
    },
  });
  new Gauge({
    name: 'booking_seats_withheld',
    help: 'Number of seats that are not for sale because Redis lost them and nothing proves that they are free.',
    registers: [registry],
    collect() {
      this.set(withheld());
    },
  });
  new Counter({
    name: 'booking_unreplicated_total',
    help: 'Number of waits for a replica of Redis that ended without its confirmation of the decisions.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(unreplicated());
    },
  });
  // Counted here and copied when scraped: prom-client sorts and joins the labels at each count, which every request would pay.
  const commands = new Map<string, { action: UserCommand['action']; outcome: string; count: number }>();
  new Counter({
    name: 'booking_commands_total',
    help: 'Number of commands by action and outcome: OK or the error code of the reply.',
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
    commandCount(action: UserCommand['action'], outcome: string): { count: number } {
      const name = `${action} ${outcome}`;
      const known = commands.get(name) ?? { action, outcome, count: 0 };
      commands.set(name, known);
      return known;
    },
    decisionCommands: new Histogram({
      name: 'booking_decision_commands',
      help: 'Number of commands on one seat that Redis decided in one call.',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
      registers: [registry],
    }),
    decisionSeconds: new Histogram({
      name: 'booking_decision_seconds',
      help: 'Time in seconds from sending a decision to Redis to its reply.',
      buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      registers: [registry],
    }),
  };
}

export type BookingMetrics = ReturnType<typeof bookingMetrics>;
