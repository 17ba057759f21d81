import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import type { SeatStore } from '../../src/store/seat-store.ts';
import { CompactPage } from '../support/compact-page.ts';
import { Audit, healsWithinMs } from './audit.ts';
import type { StoreSettings } from './copyable-seat-store.ts';
import { chooseFaults, type Faults, noFaults } from './faults.ts';
import { planIncidents, type System } from './incidents.ts';
import { BookingProcess } from './simulated-booking.ts';
import { BusServer } from './simulated-bus.ts';
import { type CreateFeed, EdgeProcess } from './simulated-edge.ts';
import { SimulatedHttp } from './simulated-http.ts';
import { StoreServer } from './simulated-store.ts';
import { Users } from './users.ts';
import { type Violation, World } from './world.ts';

/** After this time without events, every process knows the last one. */
const settlesWithinMs = 1_000;
const layouts = [
  { rows: 1, cols: 1 },
  { rows: 1, cols: 2 },
  { rows: 2, cols: 2 },
  { rows: 3, cols: 2 },
];

const pageSizes = [1, 3, 1_000];

/** The parts that a control replaces. */
export interface Variant {
  createStore?: (world: World, settings: StoreSettings, nowMs: () => number) => SeatStore;
  createFeed?: CreateFeed;
  faults?: Faults;
}

export interface HistoryResult {
  seed: number;
  groups: boolean;
  violation: Violation | undefined;
  steps: number;
  virtualMs: number;
  operations: number;
  /** The numbers of faults, incidents, commits and replies. */
  counts: ReadonlyMap<string, number>;
  /** The steps of the history, if it was `traced`. */
  lines: readonly string[];
}

/**
 * One history: the whole system from its start through faults to its end, all of it decided by the seed. `groups`: whether
 * the users also send commands on several seats, and extend holds.
 */
export async function runHistory(
  seed: number,
  { traced = false, groups = true, variant = {} }: { traced?: boolean; groups?: boolean; variant?: Variant } = {},
): Promise<HistoryResult> {
  const history = new History(seed, traced, groups, variant);
  const { world } = history;
  const onUnhandled = (error: unknown) => world.fail('R1', `Nobody handled ${(error as Error)?.stack ?? error}`);
  const dateNow = Date.now;
  process.prependListener('unhandledRejection', onUnhandled);
  Date.now = () => history.hostTimeOfDayMs;
  try {
    await history.run();
    await new Promise((resolve) => setImmediate(resolve)); // Node reports unhandled rejections in this turn
  } finally {
    Date.now = dateNow;
    process.removeListener('unhandledRejection', onUnhandled);
  }
  return {
    seed,
    groups,
    violation: world.violation,
    steps: world.steps,
    virtualMs: world.nowMs,
    operations: history.operations,
    counts: world.counts,
    lines: world.lines ?? [],
  };
}

class History {
  readonly world: World;
  /** Wrong, and jumping: nothing may depend on it. */
  hostTimeOfDayMs: number;
  readonly #settings: StoreSettings;
  readonly #faults: Faults;
  readonly #activeMs: number;
  /** The number of events that an edge gets at once. */
  readonly #pageEvents: number;
  readonly #system: System;
  readonly #users: Users;

  constructor(seed: number, traced: boolean, groups: boolean, variant: Variant) {
    this.world = new World(seed, { traced });
    const { world } = this;
    const { random } = world;
    this.#faults = variant.faults ?? (random.chance(0.1) ? noFaults : chooseFaults(random));
    this.#settings = {
      ...random.pick(layouts),
      holdTtlMs: random.pick([1_000, 2_000, 3_000, 5_000, 10_000, 30_000]),
      keepEvents: random.pick([2, 20, 10_000]),
      maxHoldsPerUser: random.pick([1, 2, 6]),
      ...(groups && { maxExtensions: random.pick([0, 1, 10]) }),
    };
    this.hostTimeOfDayMs = 1_700_000_000_000 + random.pick([-3_600_000, 0, 3_600_000]);
    this.#activeMs = random.int(2_500, 7_000);
    this.#pageEvents = pageSizes[seed % pageSizes.length] as number;
    world.faultsEndMs = hasFaults(this.#faults) ? this.#activeMs : 0;
    this.#system = this.#createSystem(variant);
    this.#users = new Users({
      world,
      http: new SimulatedHttp(world, this.#faults.message),
      ledger: this.#system.store.ledger,
      processes: () => this.#system.bookings,
      seatIds: [...emptySeats(gridPlan(this.#settings))].map(({ id }) => id),
      users: random.int(2, 5),
      untilMs: this.#activeMs,
      groups,
    });
  }

  get operations(): number {
    return this.#users.operations.length;
  }

  async run(): Promise<void> {
    const { world } = this;
    const { faultsEndMs } = world;
    const { holdTtlMs } = this.#settings;
    world.trace(() => JSON.stringify({ ...this.#settings, bookings: this.#system.bookings.length, ...this.#faults }));
    if (hasFaults(this.#faults)) world.count('histories with faults');
    planIncidents(this.#system, this.#faults.incidents, this.#activeMs);
    const audit = new Audit(this.#system, { faults: this.#faults, faultsEndMs, holdTtlMs });
    const quietMs = healsWithinMs + 4_000 + (world.random.chance(0.5) ? holdTtlMs : 0);
    await world.runUntil(this.#activeMs + quietMs);
    await this.#settle();
    for (const check of [
      () => audit.auditEnd(),
      () => audit.auditClosing(),
      () => audit.auditAnswers(this.#users.operations),
    ]) {
      if (!world.violation) await check();
    }
  }

  /** The hold may just have ended. */
  async #settle(): Promise<void> {
    const { world } = this;
    const { ledger } = this.#system.store;
    while (!world.violation && (ledger.changedAtMs ?? 0) > world.nowMs - settlesWithinMs) {
      await world.runUntil(world.nowMs + settlesWithinMs);
    }
  }

  #createSystem({ createStore, createFeed }: Variant): System {
    const { world } = this;
    const { random } = world;
    const { message } = this.#faults;
    const bus = new BusServer(world, message);
    const store = new StoreServer({
      world,
      settings: this.#settings,
      faults: message,
      isPublished: (event) => bus.has(event),
      ...(createStore && { createStore: (settings, nowMs) => createStore(world, settings, nowMs) }),
    });
    const http = new SimulatedHttp(world, message);
    let started = 0;
    const plan = gridPlan(this.#settings);
    /** By edge. */
    const pages: CompactPage[][] = [];
    const nameOf = (kind: string, index: number) => {
      const name = `${kind}-${index}.${started++}`;
      world.trace(() => `${name} starts`);
      return name;
    };
    const system: System = {
      world,
      store,
      bus,
      bookings: [],
      edges: [],
      startBooking: (index) => {
        system.bookings[index] = new BookingProcess(world, nameOf('booking', index), this.#settings, store, bus);
      },
      startEdge: (index) => {
        const processes = () => system.bookings;
        const name = nameOf('edge', index);
        pages[index] ??= ['user0', 'user1'].map((user) => new CompactPage(user, plan));
        const options = {
          ...{ world, name, bus, http, ledger: store.ledger, processes },
          pageEvents: this.#pageEvents,
          pages: pages[index],
        };
        system.edges[index] = new EdgeProcess(createFeed ? { ...options, createFeed } : options);
      },
      setHostClocks: (byMs) => {
        this.hostTimeOfDayMs += byMs;
      },
    };
    const bookings = random.pick([1, 2, 2, 2, 3]);
    for (let i = 0; i < bookings; i++) system.startBooking(i);
    const edges = random.int(1, 2);
    for (let i = 0; i < edges; i++) system.startEdge(i);
    return system;
  }
}

function hasFaults({ message, incidents }: Faults): boolean {
  return [...Object.values(message), ...Object.values(incidents)].some((often) => often > 0);
}
