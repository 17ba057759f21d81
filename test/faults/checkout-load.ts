import type { onTestFinished } from 'vitest';
import { CheckoutClient } from '../../bench/clients/checkout-client.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import type { Random } from '../simulation/random.ts';
import { CheckoutBuyer } from './checkout-buyer.ts';
import { type CheckoutShop, show } from './checkout-shop.ts';
import { nowMs, pause } from './time.ts';

/** One user's way through the shop. */
export interface Checkout {
  begunAtMs: number;
  endedAtMs: number;
  /** As the user saw it last; undefined: the user got none. */
  order: OrderReply | undefined;
}

export interface CheckoutLoad {
  atEnd: typeof onTestFinished;
  random: Random;
  /** Users at a time. */
  buyers?: number;
  /** Receives those that have ended. */
  checkouts: Checkout[];
  isOver: () => boolean;
}

/** Users buy random seats, each of them once. */
export async function buyUntil(
  { bookings, seatIds }: CheckoutShop,
  { atEnd, random, buyers = 8, checkouts, isOver }: CheckoutLoad,
): Promise<void> {
  let begun = 0;
  const buyAWhile = async () => {
    const client = new CheckoutClient(
      bookings.map(({ url }) => url),
      show,
    );
    atEnd(() => client.close());
    while (!isOver()) {
      const begunAtMs = nowMs();
      const buyer = new CheckoutBuyer(client, `user-${begun++}`, random);
      const order = await buyer.buy(random.sample(seatIds, random.int(1, 2)));
      checkouts.push({ begunAtMs, endedAtMs: nowMs(), order });
      if (!order) await pause(100);
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyAWhile));
}

/** The orders that their users saw as issued. */
export const issuedOf = (checkouts: readonly Checkout[]): OrderReply[] =>
  checkouts.flatMap(({ order }) => (order?.state === 'issued' ? [order] : []));
