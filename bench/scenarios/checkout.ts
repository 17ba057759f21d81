import { randomInt } from 'node:crypto';
import { Buyer } from '../clients/buyer.ts';
import { CheckoutClient } from '../clients/checkout-client.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { CommandSender } from '../http/command-sender.ts';
import { reportProgress } from '../http/timed-run.ts';
import { percentileMs } from '../measure/recorder.ts';
import type { Scenario } from './scenario.ts';

const mostSeats = 3;

/** Buyers who do not compete. The audit compares ledger, provider and Redis. */
export const checkout: Scenario = {
  name: 'checkout',
  summary: 'hold 1 to 3 free seats, check out, pay (5 % declined first, 5 % cancelled), and wait for the tickets',
  defaults: { show: 'arena', holdSeconds: 30 },
  sellsByOrders: true,
  async run(context) {
    const { venue, settings, auditor, newUserId, signal, onProgress, recorder, show } = context;
    const { connections, durationS } = settings;
    const pool = new SeatPool((await auditor.truth.record()).seats.values(), connections);
    const client = new CheckoutClient(venue.apiUrls, show.id, connections);
    const sender = new CommandSender(venue.apiUrls, context, connections);
    const buyer = new Buyer({ client, sender, recorder });
    const orders = { sold: 0, free: 0, unknown: 0 };
    const endMs = performance.now() + durationS * 1000;
    const buyAWhile = async () => {
      while (performance.now() < endMs && !signal.aborted && pool.canSell()) {
        const seatIds = Array.from({ length: randomInt(1, mostSeats + 1) }, () => pool.take());
        const outcome = await buyer.buy(seatIds, newUserId());
        orders[outcome]++;
        if (outcome === 'free') pool.giveBack(seatIds);
      }
    };
    await Promise.all([
      ...Array.from({ length: connections }, buyAWhile),
      reportProgress(durationS, signal, onProgress),
    ]);
    await Promise.all([client.close(), sender.close()]);
    const toTicket = recorder.byKind.get('pay to ticket');
    return {
      figures: {
        ordersPerSecond: orders.sold / recorder.elapsedS,
        unfinishedOrders: orders.unknown,
        ...(toTicket && { payToTicketP99Ms: percentileMs(toTicket, 99) }),
      },
    };
  },
};
