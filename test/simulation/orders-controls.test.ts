import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import type { Order } from '../../src/ledger/order.ts';
import type { Step } from '../../src/orders/next-step.ts';
import { OrderSeats } from '../../src/orders/order-seats.ts';
import { OrderService } from '../../src/orders/order-service.ts';
import { OrderSteps } from '../../src/orders/order-steps.ts';
import type { PaymentMessage } from '../../src/orders/payment-provider.ts';
import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { noOrderFaults, type OrderFaults } from './orders/faults.ts';
import { type OrderVariant, runOrderHistory } from './orders/order-history.ts';

/** Own seeds: the controls are the same for all settings of the simulation. */
const firstSeed = 900_000_000;

async function isCaught(
  control: string,
  variant: OrderVariant,
  rules: readonly string[],
  limit: number,
): Promise<void> {
  for (let histories = 1; histories <= limit; histories++) {
    const { violation } = await runOrderHistory(firstSeed + histories, variant);
    if (!violation || !rules.includes(violation.rule)) continue;
    process.stdout.write(`control: ${control}: ${violation.rule} after ${histories}\n`);
    return;
  }
  expect.fail(`${control} must be caught within ${limit} histories`);
}

function faults(
  change: Partial<Omit<OrderFaults, 'incidents'>> & { incidents?: Partial<OrderFaults['incidents']> },
): OrderFaults {
  return { ...noOrderFaults, ...change, incidents: { ...noOrderFaults.incidents, ...change.incidents } };
}

type Perform = (order: Order, step: Step) => Promise<Order>;

/** Performs other steps in the place of some. `perform`: as it is. */
function insteadOf(instead: (order: Order, step: Step, perform: Perform) => Promise<Order>): void {
  const { perform } = OrderSteps.prototype;
  vi.spyOn(OrderSteps.prototype, 'perform').mockImplementation(function (this: OrderSteps, order, step) {
    return instead(order, step, (...args) => perform.apply(this, args));
  });
}

const isLastQuestion = (step: Step) => step.kind === 'ask' && step.isOver;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a simulation of checkout that can fail', () => {
  test('is clean without faults', async () => {
    for (let i = 0; i < 50; i++) {
      expect((await runOrderHistory(firstSeed + i, { faults: noOrderFaults })).violation).toBeUndefined();
    }
  });

  test('[G11] catches a payment that counts as cancelled without a query to the provider', async () => {
    vi.spyOn(OrderSteps.prototype, 'endPayment').mockImplementation(function (this: OrderSteps, order, { attempt }) {
      const fact = { kind: 'cancelled', attempt, atMs: order.changedAtMs } as const;
      return this.change(order, { dueAtMs: order.dueAtMs, facts: [fact] });
    });
    await isCaught('refunding without looking', { faults: faults({ webhookLost: 0.5 }) }, ['G11'], 50);
  });

  test('[G11] [R764] catches deduplication by a cache', async () => {
    // Captures count by message: right if each message is applied exactly once.
    const { recordPayment } = MemoryLedger.prototype;
    vi.spyOn(MemoryLedger.prototype, 'recordPayment').mockImplementation(async function (
      this: MemoryLedger,
      id,
      facts,
      notice,
    ) {
      const others = facts.filter(({ kind }) => kind !== 'captured');
      const captured = facts.flatMap((fact) => (fact.kind === 'captured' && notice ? [fact] : []));
      const order = await this.order(id);
      const takenMinor = (attempt: number) =>
        order?.payments.find((payment) => payment.attempt === attempt)?.capturedMinor ?? 0;
      const added = captured.map((fact) => ({ ...fact, totalMinor: fact.totalMinor + takenMinor(fact.attempt) }));
      return recordPayment.call(this, id, [...others, ...added]);
    });
    const { change } = MemoryLedger.prototype;
    vi.spyOn(MemoryLedger.prototype, 'change').mockImplementation(async function (this: MemoryLedger, at, to) {
      return to.facts?.some(({ kind }) => kind === 'captured') ? at : change.call(this, at, to);
    });
    const { receive } = OrderService.prototype;
    const seen = new WeakMap<OrderService, Set<string>>();
    vi.spyOn(OrderService.prototype, 'receive').mockImplementation(async function (
      this: OrderService,
      provider,
      message: PaymentMessage,
    ) {
      const known = seen.get(this) ?? new Set();
      seen.set(this, known);
      if (known.has(message.id)) return;
      known.add(message.id);
      await receive.call(this, provider, message);
    });
    await isCaught('deduplication by a cache', { faults: faults({ webhookTwice: 0.5 }) }, ['R764'], 50);
  });

  test('[R761] catches seats that are released while the outcome is unknown', async () => {
    insteadOf((order, step, perform) => perform(order, isLastQuestion(step) ? { kind: 'lapse' } : step));
    await isCaught('releasing while the outcome is unknown', { faults: faults({ webhookLost: 0.5 }) }, ['R761'], 50);
  });

  test('[R766] catches a payment that is cancelled because it is late, although it may have been made', async () => {
    const { expire, cancel } = SandboxPayments.prototype;
    vi.spyOn(SandboxPayments.prototype, 'expire').mockImplementation(async function (this: SandboxPayments, reference) {
      await cancel.call(this, reference);
      return expire.call(this, reference);
    });
    const variant = { faults: faults({ webhookLost: 0.5, incidents: { kill: 3 } }) };
    await isCaught('cancelling without looking', variant, ['R766'], 300);
  });

  test('[G12] catches a new epoch that opens without the ledger', async () => {
    const variant = { faults: faults({ incidents: { storeLosesWrites: 3 } }), fenced: false };
    await isCaught('a new epoch without the ledger', variant, ['G12'], 100);
  });

  test('[R762] catches a capture before the seats are booked', async () => {
    const { sell } = OrderSeats.prototype;
    let sellsNothing = false;
    vi.spyOn(OrderSeats.prototype, 'sell').mockImplementation(function (this: OrderSeats, order, reholdMs) {
      return sellsNothing ? Promise.resolve({ seats: [] }) : sell.call(this, order, reholdMs);
    });
    insteadOf(async (order, step, perform) => {
      const payment = order.payments.at(-1);
      if (step.kind !== 'commit' || !payment) return perform(order, step);
      sellsNothing = true;
      const captured = perform(order, { kind: 'capture', payment });
      sellsNothing = false;
      return perform(await captured, step);
    });
    await isCaught('capture before booking', { faults: noOrderFaults }, ['R762'], 20);
  });
});
