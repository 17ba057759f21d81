import { LRUCache } from 'lru-cache';
import type { Order } from '../ledger/order.ts';
import { type BegunPayment, type PaymentProvider, paymentKey } from './payment-provider.ts';

const maxPayUrls = 10_000;

/** The payment providers of a process. The first takes new payments; the others settle those that they began earlier. */
export class Payments {
  readonly #providers: readonly PaymentProvider[];
  /** By idempotency key of `begin`. */
  readonly #begun = new LRUCache<string, BegunPayment>({ max: maxPayUrls });

  constructor(providers: readonly PaymentProvider[]) {
    this.#providers = providers;
  }

  /** The provider of new payments. */
  get current(): PaymentProvider {
    return this.of(this.#providers[0]?.name ?? '');
  }

  has(name: string): boolean {
    return this.#providers.some((provider) => provider.name === name);
  }

  /** Throws an `UnknownProviderError`: the ledger has payments of a provider that is not configured any more. */
  of(name: string): PaymentProvider {
    const provider = this.#providers.find((each) => each.name === name);
    if (!provider) throw new UnknownProviderError(`The payment provider ${name} is not configured`);
    return provider;
  }

  /** The same attempt gives the same payment. Rejects with the errors of `PaymentProvider.begin`. */
  async begin(order: Order, attempt: number, provider: string): Promise<BegunPayment> {
    const { id: orderId, amountMinor, currency, payUntilMs, seats, show } = order;
    const key = paymentKey(orderId, attempt, 'begin');
    const known = this.#begun.get(key);
    if (known) return known;
    const description = `${show}: ${seats.map(({ seatId }) => seatId).join(', ')}`;
    const request = { key, orderId, attempt, amountMinor, currency, payUntilMs, description };
    const begun = await this.of(provider).begin(request);
    this.#begun.set(key, begun);
    return begun;
  }
}

export class UnknownProviderError extends Error {
  override name = 'UnknownProviderError';
}
