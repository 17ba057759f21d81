import { approvedCard, type CheckoutClient } from '../../bench/clients/checkout-client.ts';
import { until } from './time.ts';

/** Holds the seats, pays with an approved card, and waits for the tickets. Retries whatever a fault interrupts. */
export async function buyTickets(client: CheckoutClient, seatIds: readonly string[], userId: string): Promise<void> {
  const isStatus = async (status: number, request: () => Promise<{ status: number }>) =>
    (await request().catch(() => undefined))?.status === status;
  await until(`${userId} holds seats`, () => isStatus(200, () => client.hold(seatIds, userId)));
  let order: { id: string; pay_url?: string } | undefined;
  await until(`${userId} has an order`, async () => {
    order = (await client.order(seatIds, userId).catch(() => undefined))?.body;
    return order?.pay_url !== undefined;
  });
  const { id = '', pay_url: payUrl = '' } = order ?? {};
  await until(`${userId} has paid`, () => isStatus(200, () => client.pay(payUrl, approvedCard)));
  await until(`${userId} has tickets`, async () => {
    return (await client.read(id, userId).catch(() => undefined))?.body?.state === 'issued';
  });
}
