import type { Logger } from 'pino';
import type { BookingService } from './booking-service.ts';
import type { BookingMetrics } from './metrics.ts';

export interface BookingAppOptions {
  service: BookingService;
  metrics: BookingMetrics;
  logger: Logger;
  venue: { name: string; rows: number; cols: number; holdSeconds: number };
  /** Holds index.html. Without it there is no page here, only the API. */
  publicDir?: string;
  /** What else has to be there before the process is ready: in the embedded mode, the edge. */
  isReady?: () => boolean;
}
