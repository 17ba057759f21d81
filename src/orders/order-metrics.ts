import { Gauge, type Registry } from 'prom-client';
import type { Ledger } from '../ledger/ledger.ts';
import { type OrderState, orderStates } from '../protocol/order-state.ts';

/** A scrape reads all orders: no more often than this, however many programs scrape. */
const maxAgeMs = 5_000;

/** The metrics of checkout, from the ledger: each process reports the same. While the ledger is unavailable they have no values. */
export function registerOrderMetrics(
  registry: Registry,
  ledger: Pick<Ledger, 'totals' | 'paymentTotals'>,
  nowMs = () => performance.now(),
): void {
  const orders = cached(() => ledger.totals(), nowMs);
  const payments = cached(() => ledger.paymentTotals(), nowMs);
  new Gauge({
    name: 'booking_orders',
    help: 'Number of orders in the ledger by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      this.reset();
      const totals = await orders();
      if (!totals) return;
      const counts = new Map<OrderState, number>(orderStates.map((state) => [state, 0]));
      for (const { state, orders } of totals) counts.set(state, (counts.get(state) ?? 0) + orders);
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'booking_payments',
    help: 'Number of payments in the ledger by provider and outcome; begun: the outcome is not known yet.',
    labelNames: ['provider', 'outcome'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { provider, state, payments: count } of (await payments()) ?? [])
        this.set({ provider, outcome: state }, count);
    },
  });
}

/** undefined: it could not be read. Concurrent calls share one. */
function cached<T>(read: () => Promise<T>, nowMs: () => number): () => Promise<T | undefined> {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let latest: Promise<T | undefined> = Promise.resolve(undefined);
  return () => {
    if (nowMs() - readAtMs >= maxAgeMs) {
      readAtMs = nowMs();
      latest = read().catch(() => undefined);
    }
    return latest;
  };
}
