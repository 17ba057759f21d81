import type { Logger } from 'pino';
import type { Access } from '../identity/access.ts';
import type { BookingService } from './booking-service.ts';
import type { BookingMetrics } from './metrics.ts';
import type { VenueSettings } from './venue-settings.ts';

export interface BookingAppOptions {
  service: BookingService;
  metrics: BookingMetrics;
  logger: Logger;
  venue: VenueSettings;
  access: Access;
  /** The folder of index.html. Absent: only the API is served, no page. */
  publicDir?: string;
  /** A further condition for readiness: in the embedded mode, that of the edge. */
  isReady?: () => boolean;
}
