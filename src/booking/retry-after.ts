import type { Refusal } from '../protocol/errors.ts';
import type { ShowOnSale } from './shows-on-sale.ts';

/** Whole seconds after which a retry of a refused command may succeed; undefined if waiting does not help. */
export function retryAfterSeconds(
  refusal: Refusal,
  userId: string,
  { service, rules }: Pick<ShowOnSale, 'service' | 'rules'>,
): number | undefined {
  if (refusal === 'COOLDOWN') return atLeastOne(rules.reholdCooldownMs ?? 0); // an upper bound
  if (refusal !== 'HOLD_LIMIT' && refusal !== 'EXTENSION_LIMIT') return undefined;
  const ends = service.view.holdsOf(userId).flatMap((seat) => seat.expires_at ?? []);
  const nowMs = service.storeClock.nowMs();
  return atLeastOne(ends.length > 0 ? Math.min(...ends) * 1000 - nowMs : rules.holdTtlMs);
}

const atLeastOne = (ms: number) => Math.max(1, Math.ceil(ms / 1000));
