import { parseSessionKeys, SessionKeysError } from '../identity/session-keys.ts';
import type { CheckoutConfig } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';

const neededByStripe = ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'SHOP_URL'] as const;

/** Throws a `ConfigError` if checkout cannot run with these settings, each of which is acceptable by itself. */
export function requireCheckoutSettings(config: CheckoutConfig): void {
  if (config.TICKET_KEYS !== undefined) requireKeys('TICKET_KEYS', config.TICKET_KEYS);
  if (config.PAYMENT_PROVIDER !== 'stripe') return;
  const missing = neededByStripe.filter((name) => !config[name]);
  if (missing.length > 0) throw new ConfigError(`PAYMENT_PROVIDER=stripe needs ${missing.join(', ')} too.`);
}

/** The message quotes no secret. */
function requireKeys(setting: string, keys: string): void {
  try {
    parseSessionKeys(keys);
  } catch (error) {
    if (error instanceof SessionKeysError) throw new ConfigError(`${setting}: ${error.message}.`, { cause: error });
    throw error;
  }
}
