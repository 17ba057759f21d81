import type { Ledger } from '../../src/ledger/ledger.ts';
import { OrderService } from '../../src/orders/order-service.ts';
import { PaymentOutcomeUnknownError, type PaymentProvider } from '../../src/orders/payment-provider.ts';
import { Payments } from '../../src/orders/payments.ts';
import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore } from '../../src/orders/sandbox/sandbox-store.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { type SeatCommand, StoreUnavailableError } from '../../src/store/seat-store.ts';
import { silent } from './silent.ts';

export const dayMs = 86_400_000;
const startMs = 1_700_000_000_000;

/** Alice's order of seat A1 for 45.00, which she has begun to pay, in a show in memory, at a time that only the test moves. */
export async function startOrders(ledger: Ledger, show = 'gala') {
  const time = { nowMs: startMs };
  const nowMs = () => time.nowMs;
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: 3 }),
    holdTtlMs: 30_000,
    maxHoldsPerUser: 3,
    nowMs,
  });
  const position = await store.open();
  const decide = async (command: SeatCommand) => {
    const { answers } = await store.decide([command], position);
    return answers[0] as NonNullable<(typeof answers)[0]>;
  };
  let areRepliesLost = false;
  const bank = new SandboxPayments({ store: new MemorySandboxStore(), nowMs });
  const sandbox = new SandboxProvider({
    payments: bank,
    secret: 's',
    hostNowMs: nowMs,
    payUrlOf: (reference) => reference,
  });
  let isSilent = false;
  const asked: string[] = [];
  const ask = <T>(what: string, call: () => Promise<T>): Promise<T> => {
    asked.push(what);
    return isSilent ? Promise.reject(new PaymentOutcomeUnknownError('no reply')) : call();
  };
  const provider: PaymentProvider = {
    name: sandbox.name,
    begin: (request) => ask('begin', () => sandbox.begin(request)),
    inquire: (reference) => ask('inquire', () => sandbox.inquire(reference)),
    expire: (request) => ask('expire', () => sandbox.expire(request)),
    capture: (request) => ask('capture', () => sandbox.capture(request)),
    cancel: (request) => ask('cancel', () => sandbox.cancel(request)),
    refund: (request) => ask('refund', () => sandbox.refund(request)),
    readWebhook: (raw, headers) => sandbox.readWebhook(raw, headers),
  };
  const orders = new OrderService({
    ledger,
    payments: new Payments([provider]),
    seatsOf: () => ({
      bookedSeats: () => [],
      async commandOfOrder(command) {
        const answer = await decide(command);
        if (areRepliesLost) throw new StoreUnavailableError('the reply was lost');
        return answer;
      },
    }),
    logger: silent,
    nowMs,
    paymentMs: 600_000,
  });
  const seats = [{ seatId: 'A1', ticketType: 'adult', priceMinor: 4_500 }];
  const buy = async (userId: string) => {
    await decide({ action: 'select', seatIds: ['A1'], userId });
    return orders.create({ show, userId, currency: 'EUR', seats });
  };
  const { order, payUrl = '' } = await buy('alice');
  return {
    orderId: order.id,
    orders,
    bank,
    buy,
    decide,
    asked,
    nowMs,
    reference: payUrl,
    state: async () => (await ledger.order(order.id))?.state,
    order: () => ledger.order(order.id),
    seat: async () => (await store.open()).seats[0],
    /** The payment provider does not reply. */
    silence: (value: boolean) => {
      isSilent = value;
    },
    /** Checkout's changes in the store take effect, but it gets no reply. */
    loseReplies: (value: boolean) => {
      areRepliesLost = value;
    },
    /** Time passes, in steps of the reconciler. */
    async pass(ms: number, stepMs = 10_000) {
      for (const endMs = time.nowMs + ms; time.nowMs < endMs; ) {
        time.nowMs = Math.min(endMs, time.nowMs + stepMs);
        await orders.reconcile();
      }
    },
  };
}
