import type { Logger } from 'pino';
import type { Access } from '../identity/access.ts';
import type { Checkout } from './checkout.ts';
import type { BookingMetrics } from './metrics.ts';
import type { ShowsOnSale } from './shows-on-sale.ts';

export interface BookingAppOptions {
  shows: ShowsOnSale;
  metrics: BookingMetrics;
  logger: Logger;
  access: Access;
  /** The folder of index.html. Absent: only the API is served, no page. */
  publicDir?: string;
  /** Absent: seats of shows with prices are booked without a payment. */
  checkout?: Checkout | undefined;
  /** A further condition for readiness: in the embedded mode, that of the edge. */
  isReady?: () => boolean;
}
