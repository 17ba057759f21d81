import type { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import { OrderService } from '../../../src/orders/order-service.ts';
import { Payments } from '../../../src/orders/payments.ts';
import { Reconciler } from '../../../src/orders/reconciler.ts';
import { StrayBookings } from '../../../src/orders/stray-bookings.ts';
import { Rounds } from '../../../src/process/rounds.ts';
import type { Answer, SeatCommand } from '../../../src/store/seat-store.ts';
import { Host } from '../host.ts';
import { silentLogger } from '../simulated-booking.ts';
import type { World } from '../world.ts';
import type { Server } from './server.ts';
import type { SimulatedBank } from './simulated-bank.ts';
import { connectLedger } from './simulated-ledger.ts';
import type { SimulatedSeats } from './simulated-seats.ts';

export const show = 'main';
export const paymentMs = 60_000;
/** As `StoreHeartbeat`, but less often: each costs the simulation time. */
const storeCheckMs = 2_000;

/** A booking process: the real order service and reconciler behind simulated connections. */
export class ShopProcess {
  readonly host: Host;
  readonly orders: OrderService;
  readonly select: (command: SeatCommand) => Promise<Answer>;

  constructor(
    world: World,
    name: string,
    servers: { seats: SimulatedSeats; bank: SimulatedBank; ledger: MemoryLedger; ledgerServer: Server },
  ) {
    const { seats, bank, ledger, ledgerServer } = servers;
    this.host = new Host(world, name);
    const ownLedger = connectLedger(ledgerServer, ledger, this.host);
    const ownSeats = seats.connect(this.host, ownLedger);
    this.select = ownSeats.decide;
    this.orders = new OrderService({
      ledger: ownLedger,
      payments: new Payments([bank.connect(this.host)]),
      seatsOf: () => ownSeats,
      logger: silentLogger,
      nowMs: () => seats.nowMs(),
      paymentMs,
      graceMs: 20_000,
      retryMs: 5_000,
    });
    const reconciler = new Reconciler({
      orders: this.orders,
      clock: this.host.clock,
      logger: silentLogger,
      pollMs: 2_000,
    });
    const strays = new StrayBookings({
      ledger: ownLedger,
      shows: () => [[show, ownSeats]],
      logger: silentLogger,
    });
    const strayRounds = new Rounds({ clock: this.host.clock, intervalMs: 20_000, round: () => strays.free() });
    const storeChecks = new Rounds({
      clock: this.host.clock,
      intervalMs: storeCheckMs,
      round: () => ownSeats.check().catch(() => {}),
    });
    this.host.run(() => {
      reconciler.start();
      storeChecks.start(storeCheckMs);
      strayRounds.start(20_000);
    });
  }
}
