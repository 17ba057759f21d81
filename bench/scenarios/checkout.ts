import { buyForAWhile } from '../clients/buyers.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { reportProgress } from '../http/timed-run.ts';
import { percentileMs } from '../measure/recorder.ts';
import type { Scenario } from './scenario.ts';

/** Buyers who do not compete. The audit compares ledger, provider and Redis. */
export const checkout: Scenario = {
  name: 'checkout',
  summary: 'hold 1 to 3 free seats, check out, pay (5 % declined first, 5 % cancelled), and wait for the tickets',
  defaults: { show: 'arena', holdSeconds: 30 },
  sellsByOrders: true,
  async run(context) {
    const { venue, settings, auditor, signal, onProgress, recorder } = context;
    const { connections: count, durationS } = settings;
    const pool = new SeatPool((await auditor.truth.record()).seats.values(), count);
    const [orders] = await Promise.all([
      buyForAWhile({ apiUrls: venue.apiUrls, context, pool, count, durationS, signal }),
      reportProgress(durationS, signal, onProgress),
    ]);
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
