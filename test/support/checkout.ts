import type { CheckoutOptions } from '../../src/booking/checkout.ts';
import { newSessionKey, parseSessionKeys } from '../../src/identity/session-keys.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { Payments } from '../../src/orders/payments.ts';
import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { SandboxSite } from '../../src/orders/sandbox/sandbox-site.ts';
import { MemorySandboxStore } from '../../src/orders/sandbox/sandbox-store.ts';
import { TicketCodes } from '../../src/orders/ticket-codes.ts';
import { hostClock } from '../../src/process/clock.ts';
import type { Show } from '../../src/shows/show.ts';
import { testShow } from './several-shows.ts';
import { silent } from './silent.ts';

/** A show with the prices 45.00 (adult) and 20.00 (child) for every seat. */
export function pricedShow(id: string): Show {
  const show = testShow(id);
  const ofCategory = new Map([
    ['adult', 4_500],
    ['child', 2_000],
  ]);
  const prices = new Map(show.plan.categories.map((category) => [category, ofCategory]));
  return { ...show, pricing: { currency: 'EUR', ticketTypes: ['adult', 'child'], prices } };
}

export interface TestCheckout extends CheckoutOptions {
  ledger: MemoryLedger;
  provider: SandboxProvider;
  bank: SandboxPayments;
  sandbox: SandboxSite;
}

/** Checkout in memory with the sandbox as provider. Its webhooks go to `webhookUrl`, if there is one. */
export function sandboxCheckout({
  webhookUrl = () => undefined,
  paymentMs = 600_000,
  nowMs = Date.now,
}: {
  webhookUrl?: () => string | undefined;
  paymentMs?: number;
  /** The clock of the store. */
  nowMs?: () => number;
} = {}): TestCheckout {
  const bank = new SandboxPayments({ store: new MemorySandboxStore(), nowMs });
  const provider = new SandboxProvider({
    payments: bank,
    secret: 'a secret of the test',
    hostNowMs: () => Date.now(),
    payUrlOf: (reference) => `/sandbox/${reference}`,
  });
  const returnUrlOf = (orderId: string) => `/orders/${orderId}`;
  const sandbox = new SandboxSite({
    payments: bank,
    provider,
    webhookUrl,
    returnUrlOf,
    clock: hostClock,
    logger: silent,
  });
  return {
    ledger: new MemoryLedger(),
    payments: new Payments([provider]),
    tickets: new TicketCodes(parseSessionKeys(newSessionKey())),
    paymentMs,
    provider,
    bank,
    sandbox,
  };
}
