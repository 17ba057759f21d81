import { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import { ledgerEvent } from '../../../src/ledger/projection.ts';
import type { SandboxPayment } from '../../../src/orders/sandbox/sandbox-store.ts';
import { type Violation, World } from '../world.ts';
import { Buyer } from './buyer.ts';
import { manyOrderFaults, type OrderFaults } from './faults.ts';
import { OrderAudit } from './order-audit.ts';
import { ShopProcess, show } from './shop-process.ts';
import { SimulatedBank } from './simulated-bank.ts';
import { ledgerServer } from './simulated-ledger.ts';
import { SimulatedSeats } from './simulated-seats.ts';

export interface OrderVariant {
  faults?: OrderFaults;
  /** False: a new epoch opens without the ledger. */
  fenced?: boolean;
}

export interface OrderHistory {
  seed: number;
  violation: Violation | undefined;
  lines: readonly string[];
  steps: number;
  counts: ReadonlyMap<string, number>;
}

const faultsEndMs = 150_000;
/** Longer than the time to pay, the hold after it and all retries; a clock may have been set back. */
const endMs = 400_000;
const visitEveryMs = 40_000;
/** The last column is not for sale by orders: visitors hold its seats. */
const [rows, cols] = [3, 5];
const seatIds = ['A', 'B', 'C'].flatMap((row) => ['1', '2', '3', '4'].map((col) => row + col));
const users = ['alice', 'bob', 'carol', 'dave'];

/** A history of checkouts in virtual time, which a seed determines. */
export async function runOrderHistory(
  seed: number,
  { faults = manyOrderFaults, fenced = true }: OrderVariant = {},
  { traced = false } = {},
): Promise<OrderHistory> {
  const world = new World(seed, { traced });
  const { random } = world;
  world.faultsEndMs = faultsEndMs;
  const ledger = new MemoryLedger();
  const settings = { rows, cols, holdTtlMs: 30_000, maxHoldsPerUser: 6, keepEvents: 10_000 };
  const seats: SimulatedSeats = new SimulatedSeats({
    world,
    faults,
    settings,
    ledger,
    show,
    fenced,
    onDecided: async (command, _answer, events) => {
      await ledger.appendEvents(show, { events: events.map(ledgerEvent), recovered: [] });
      await audit.closed(command, events);
    },
  });
  const bank = new SimulatedBank({
    world,
    faults,
    nowMs: () => seats.nowMs(),
    onChanged: (before, after) => {
      world.trace(() => `bank: ${after.reference} is ${after.state} ${after.capturedMinor} − ${after.refundedMinor}`);
      void audit.paymentChanged(before, after);
      deliver(after);
    },
  });
  const audit = new OrderAudit(world, ledger, bank);
  const servers = { seats, bank, ledger, ledgerServer: ledgerServer(world, faults) };

  let started = 0;
  const processes: ShopProcess[] = [];
  const start = (place: number) => {
    const shop = new ShopProcess(world, `shop${++started}`, servers);
    processes[place] = shop;
    shop.host.onDeath(() => {
      world.count('processes that died');
      world.after(random.int(500, 5_000), () => start(place));
    });
  };
  start(0);
  start(1);
  const running = () => {
    const alive = processes.filter(({ host }) => host.alive);
    return alive.length > 0 ? random.pick(alive) : undefined;
  };

  /** Retried until a process has taken it, as providers do. */
  function send(payment: SandboxPayment, attemptsLeft: number): void {
    const { raw, headers } = bank.provider.webhookOf(payment);
    if (attemptsLeft === 0 || world.strikes('webhook lost', faults.webhookLost)) return;
    const shop = running();
    let isTaken = false;
    shop?.host.run(() => {
      const message = bank.provider.readWebhook(raw, headers);
      shop.orders.receive('sandbox', message).then(
        () => {
          isTaken = true;
        },
        () => {},
      );
    });
    world.after(random.int(3_000, 10_000), () => {
      if (!isTaken) send(payment, attemptsLeft - 1);
    });
  }

  function deliver(payment: SandboxPayment): void {
    const times = world.strikes('webhook twice', faults.webhookTwice) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const isLate = world.strikes('webhook late', faults.webhookLate);
      world.after(isLate ? random.int(1_000, 120_000) : world.latencyMs(), () => send(payment, 4));
    }
  }

  for (const user of users) {
    const buyer = new Buyer(world, user, bank, running);
    for (let purchase = random.int(2, 5); purchase > 0; purchase--) {
      world.after(random.int(0, 100_000), () => void buyer.buy(random.sample(seatIds, random.int(1, 3))));
    }
  }

  const incident = (often: number, what: string, begin: () => void) => {
    const times = Math.floor(often) + (random.chance(often % 1) ? 1 : 0);
    for (let i = 0; i < times; i++) {
      world.after(random.int(0, faultsEndMs - 1), () => {
        world.count(what);
        world.trace(() => what);
        begin();
      });
    }
  };
  const outage = (server: { isDown: boolean }, longestMs: number) => () => {
    server.isDown = true;
    world.after(world.faultMs(100, longestMs), () => {
      server.isDown = false;
    });
  };
  /** A transition of the show, by which the ledger learns of the newest epoch. */
  function visit(): void {
    const visited = running()?.select({ action: 'select', seatIds: ['A5'], userId: 'visitor' });
    visited?.catch(() => {});
    world.after(visitEveryMs, visit);
  }
  world.after(faultsEndMs, visit);

  const { incidents } = faults;
  incident(incidents.kill, 'kill', () => running()?.host.kill());
  incident(incidents.pause, 'pause', () => {
    const shop = running();
    shop?.host.pause();
    world.after(world.faultMs(1_000, 60_000), () => shop?.host.resume());
  });
  incident(incidents.ledgerDown, 'ledger down', outage(servers.ledgerServer, 40_000));
  incident(incidents.providerDown, 'provider down', outage(bank.server, 60_000));
  incident(incidents.storeDown, 'store down', outage(seats.server, 30_000));
  incident(incidents.storeLosesWrites, 'store loses writes', () => void seats.loseWrites());
  incident(incidents.clockStep, 'clock step', () =>
    seats.stepClock(random.pick([-30_000, -2_000, 2_000, 50_000, 3_700_000])),
  );

  await world.runUntil(endMs);
  if (!world.violation) audit.atEnd(await ledger.orders({ limit: 1_000 }), (await seats.read()).seats);
  return { seed, violation: world.violation, lines: world.lines ?? [], steps: world.steps, counts: world.counts };
}
