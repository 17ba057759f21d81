import type { ShowList, ShowSummary } from '../protocol/show.ts';
import type { LaunchConfig } from './launch-config.ts';

const timeoutMs = 5_000;

/** A line about checkout with a show to try it with: the smallest one with prices that is on sale. `url`: of a process with the API. */
export async function checkoutSummary(
  provider: NonNullable<LaunchConfig['paymentProvider']>,
  url: string,
  page: string,
): Promise<string> {
  if (provider === 'off') return '  Checkout  off: seats with prices are booked without a payment\n';
  const show = await pricedShow(url).catch(() => undefined);
  const how = provider === 'sandbox' ? 'test payments: card 4242 4242 4242 4242' : `payments by ${provider}`;
  const where = show ? `${page}/shows/${show.id}` : 'no show with prices is on sale';
  return `  Checkout  ${where}  (${how})\n`;
}

async function pricedShow(url: string): Promise<ShowSummary | undefined> {
  const response = await fetch(`${url}/api/shows`, { signal: AbortSignal.timeout(timeoutMs) });
  const { shows } = (await response.json()) as ShowList;
  const onSale = shows.filter(({ currency, sale, unavailable }) => currency && sale === 'open' && !unavailable);
  return onSale.sort((a, b) => a.seats - b.seats)[0];
}

export const sandboxWarning =
  'PAYMENT_PROVIDER=sandbox: everyone who reaches this address gets tickets for test payments. Set stripe or off to sell.';
