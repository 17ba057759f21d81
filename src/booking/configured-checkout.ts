import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { newSessionKey, parseSessionKeys } from '../identity/session-keys.ts';
import { Payments } from '../orders/payments.ts';
import { SandboxPayments } from '../orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../orders/sandbox/sandbox-provider.ts';
import { SandboxSite } from '../orders/sandbox/sandbox-site.ts';
import type { SandboxStore } from '../orders/sandbox/sandbox-store.ts';
import { stripeProvider } from '../orders/stripe-provider.ts';
import { TicketCodes } from '../orders/ticket-codes.ts';
import { hostClock } from '../process/clock.ts';
import type { CheckoutConfig } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import type { CheckoutOptions } from './checkout.ts';
import { requireCheckoutSettings } from './checkout-settings.ts';

/**
 * Checkout as it is configured; undefined if it is not. `host`: where this process listens, for the webhooks of its own
 * sandbox. Rejects with a `ConfigError`.
 */
export async function configuredCheckout(
  config: CheckoutConfig & { HOST: string; PORT: number },
  sandboxStore: SandboxStore,
  logger: Logger,
): Promise<CheckoutOptions | undefined> {
  const { PAYMENT_PROVIDER: provider, PAYMENT_SECONDS: seconds } = config;
  if (provider === 'off') return undefined;
  requireCheckoutSettings(config);
  const common = { tickets: ticketCodes(config.TICKET_KEYS, logger), paymentMs: Math.round(seconds * 1000) };
  const returnUrlOf = (orderId: string) => `${config.SHOP_URL}/orders/${orderId}`;
  if (provider === 'sandbox') {
    logger.warn('PAYMENT_PROVIDER=sandbox: tickets are sold for test payments, no money moves');
    return { ...common, ...sandbox(config, { store: sandboxStore, returnUrlOf, logger }) };
  }
  const {
    STRIPE_SECRET_KEY: secretKey = '',
    STRIPE_WEBHOOK_SECRET: webhookSecret = '',
    STRIPE_API_URL: apiUrl,
  } = config;
  if (apiUrl !== undefined) logger.warn('STRIPE_API_URL is set: payments go to a stand-in for Stripe, no money moves');
  try {
    const stripe = await stripeProvider({ secretKey, webhookSecret, returnUrlOf, ...(apiUrl && { apiUrl }) });
    return { ...common, payments: new Payments([stripe]) };
  } catch (cause) {
    throw new ConfigError('PAYMENT_PROVIDER=stripe needs the optional package stripe: npm install stripe', { cause });
  }
}

function sandbox(
  { HOST, PORT, SANDBOX_WEBHOOK_SECRET }: CheckoutConfig & { HOST: string; PORT: number },
  { store, returnUrlOf, logger }: { store: SandboxStore; returnUrlOf: (orderId: string) => string; logger: Logger },
): Pick<CheckoutOptions, 'payments' | 'sandbox'> {
  const host = HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
  const webhookUrl = `http://${host.includes(':') ? `[${host}]` : host}:${PORT}/api/payments/sandbox/webhook`;
  const payments = new SandboxPayments({ store, nowMs: () => Date.now() });
  const provider = new SandboxProvider({
    payments,
    // Without a common secret, only this process accepts its webhooks: they are sent to it.
    secret: SANDBOX_WEBHOOK_SECRET ?? randomBytes(32).toString('base64url'),
    hostNowMs: () => Date.now(),
    payUrlOf: (reference) => `/sandbox/${reference}`,
  });
  const site = new SandboxSite({
    payments,
    provider,
    webhookUrl: () => webhookUrl,
    returnUrlOf,
    clock: hostClock,
    logger,
  });
  return { payments: new Payments([provider]), sandbox: site };
}

function ticketCodes(keys: string | undefined, logger: Logger): TicketCodes {
  if (!keys)
    logger.warn('TICKET_KEYS is not set: no other process accepts the codes of tickets, nor this one once restarted');
  return new TicketCodes(parseSessionKeys(keys ?? newSessionKey()));
}
