import { auditCheckout } from '../../bench/audit/checkout-audit.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { ledgerEvent } from '../../src/ledger/projection.ts';
import type { BookedSeat } from '../../src/ledger/seat-history.ts';
import { bookedSeats, type SeatsOfShow } from '../../src/orders/order-seats.ts';
import { OrderService } from '../../src/orders/order-service.ts';
import { Payments } from '../../src/orders/payments.ts';
import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore, type SandboxPayment } from '../../src/orders/sandbox/sandbox-store.ts';
import { StrayBookings } from '../../src/orders/stray-bookings.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { Answer, SeatCommand } from '../../src/store/seat-store.ts';
import { silent } from '../support/silent.ts';
import { newShow } from './ledger.contract.ts';

const paymentMs = 600_000;
export const price = 4_500;

class WatchedSandbox extends MemorySandboxStore {
  readonly all = new Map<string, SandboxPayment>();

  override async add(payment: SandboxPayment) {
    const stored = await super.add(payment);
    if (!this.all.has(stored.reference)) this.all.set(stored.reference, stored);
    return stored;
  }

  override async replace(payment: SandboxPayment) {
    const isReplaced = await super.replace(payment);
    if (isReplaced) this.all.set(payment.reference, payment);
    return isReplaced;
  }
}

/** A show that two processes sell by orders, each with its own connection to the ledger, at a time that only the test moves. */
export async function twoProcesses(ledgers: readonly [Ledger, Ledger], { freesStrays = true } = {}) {
  const show = newShow();
  const time = { nowMs: Date.now() };
  const nowMs = () => time.nowMs;
  const plan = gridPlan({ rows: 4, cols: 10 });
  const store = new MemorySeatStore({ plan, holdTtlMs: 30_000, maxHoldsPerUser: 6, nowMs });
  const position = await store.open();
  const decide = async (command: SeatCommand): Promise<Answer> => {
    const { answers } = await store.decide([command], position);
    return answers[0] as Answer;
  };
  let booked: BookedSeat[] = [];
  let isGone = false;
  let projected: Position = position;
  /** The state in the projection and the view of a process. */
  async function catchUp() {
    const { events = [], epoch, seq } = await store.eventsAsDecided(projected, 10_000);
    if (events.length > 0) await ledgers[0].appendEvents(show, { events: events.map(ledgerEvent) });
    projected = { epoch, seq };
    booked = bookedSeats(epoch, (await store.open()).seats);
  }
  const seatsOfShow: SeatsOfShow = {
    commandOfOrder: decide,
    bookedSeats: () => booked,
  };
  const sandbox = new WatchedSandbox();
  const bank = new SandboxPayments({ store: sandbox, nowMs });
  const provider = new SandboxProvider({
    payments: bank,
    secret: 's',
    hostNowMs: nowMs,
    payUrlOf: (reference) => reference,
  });
  const [one, two] = ledgers.map(
    (ledger) =>
      new OrderService({
        ledger,
        payments: new Payments([provider]),
        seatsOf: () => (isGone ? undefined : seatsOfShow),
        logger: silent,
        nowMs,
        paymentMs,
      }),
  ) as [OrderService, OrderService];
  const [ledger] = ledgers;
  const strays = new StrayBookings({ ledger, shows: () => [[show, seatsOfShow]], logger: silent });
  const orderOf = (userId: string, seatIds: readonly string[], priceMinor = price) => ({
    show,
    userId,
    currency: 'EUR',
    seats: seatIds.map((seatId) => ({ seatId, ticketType: 'adult', priceMinor })),
  });
  const hold = (userId: string, ...seatIds: string[]) => decide({ action: 'select', seatIds, userId });
  return {
    one,
    two,
    bank,
    ledger,
    store,
    decide,
    hold,
    orderOf,
    /** Held, ordered, not yet paid. `pay`: with a card, without a message to the shop. */
    async checkout(userId: string, ...seatIds: string[]) {
      await hold(userId, ...seatIds);
      const { order, payUrl: reference = '' } = await one.create(orderOf(userId, seatIds));
      return { id: order.id, reference, pay: (card = '4242424242424242') => bank.pay(reference, card) };
    },
    messageOf: (payment: SandboxPayment) => {
      const { raw, headers } = provider.webhookOf(payment);
      return provider.readWebhook(raw, headers);
    },
    seat: async (id: string) => (await store.open()).seats.find((seat) => seat.id === id),
    /** The show is taken off sale. */
    remove(): void {
      isGone = true;
    },
    /** Time passes; the rounds of both processes run at once. */
    async pass(ms: number, stepMs = 15_000) {
      for (const endMs = time.nowMs + ms; time.nowMs < endMs; ) {
        time.nowMs = Math.min(endMs, time.nowMs + stepMs);
        await catchUp();
        await Promise.all([one.reconcile(), two.reconcile(), freesStrays && strays.free()]);
      }
    },
    /** The violations that the audit of checkout finds. */
    async problems(): Promise<string[]> {
      const problems: string[] = [];
      const { seats } = await store.open();
      const orders = (await ledger.orders({ show, limit: 1_000 })).map(({ seats: ofOrder, tickets, ...order }) => ({
        ...order,
        seatIds: ofOrder.map(({ seatId }) => seatId),
        ticketSeatIds: tickets.flatMap(({ seatId, voidedAtMs }) => (voidedAtMs === undefined ? [seatId] : [])),
      }));
      const record = {
        orders,
        payments: [...sandbox.all.values()],
        seats: new Map(seats.map((seat) => [seat.id, seat])),
      };
      auditCheckout(record, (_check, isKept, inWords) => {
        if (!isKept) problems.push(inWords());
      });
      return problems;
    },
  };
}
