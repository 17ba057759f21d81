import { randomInt } from 'node:crypto';
import { CommandSender } from '../http/command-sender.ts';
import { Buyer } from './buyer.ts';
import { CheckoutClient } from './checkout-client.ts';
import type { ClientContext } from './client-context.ts';
import type { SeatPool } from './seat-pool.ts';

const mostSeats = 3;

export interface BuyersOptions {
  apiUrls: readonly string[];
  context: ClientContext;
  pool: SeatPool;
  count: number;
  durationS: number;
  signal: AbortSignal;
}

/** Buyers who do not compete, each with one order after another. Resolves when the last order has its tickets. */
export async function buyForAWhile(options: BuyersOptions): Promise<{ sold: number; free: number; unknown: number }> {
  const { apiUrls, context, pool, count, durationS, signal } = options;
  const client = new CheckoutClient(apiUrls, context.show.id, count);
  const sender = new CommandSender(apiUrls, context, count);
  const buyer = new Buyer({ client, sender, recorder: context.recorder });
  const orders = { sold: 0, free: 0, unknown: 0 };
  const endMs = performance.now() + durationS * 1000;
  const buyInTurn = async () => {
    while (performance.now() < endMs && !signal.aborted && pool.canSell()) {
      const seatIds = Array.from({ length: randomInt(1, mostSeats + 1) }, () => pool.take());
      const outcome = await buyer.buy(seatIds, context.newUserId());
      orders[outcome]++;
      if (outcome === 'free') pool.giveBack(seatIds);
    }
  };
  await Promise.all(Array.from({ length: count }, buyInTurn));
  await Promise.all([client.close(), sender.close()]);
  return orders;
}
