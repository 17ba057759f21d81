import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { EventBus } from '../events/event-bus.ts';
import type { PresenceBus } from '../events/presence-bus.ts';
import { Audience } from './audience.ts';
import type { BookingApi } from './booking-client.ts';
import { Hub } from './hub.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import { VenueFeed } from './venue-feed.ts';

export interface WatchedShowOptions {
  id: string;
  bus: EventBus & PresenceBus;
  booking: Pick<BookingApi, 'venue' | 'eventsAfter'>;
  logger: Logger;
  limits: EdgeLimits;
  metrics: EdgeMetrics;
  /** Called when the last client has left. */
  onEmpty?: () => void;
}

/** A show at this edge: its view, its clients, and the number of browsers that watch it at all edges. */
export class WatchedShow {
  readonly id: string;
  readonly feed: VenueFeed;
  readonly hub: Hub;
  readonly audience: Audience;

  constructor({ id, bus, booking, logger, limits, metrics, onEmpty }: WatchedShowOptions) {
    this.id = id;
    this.feed = new VenueFeed({ show: id, bus, booking, logger });
    this.hub = new Hub({ feed: this.feed, limits, metrics, ...(onEmpty && { onEmpty }) });
    this.audience = new Audience({
      bus,
      edgeId: randomUUID(),
      origin: () => this.feed.origin,
      clientCount: () => this.hub.clientCount,
      onChange: (watching) => this.hub.sendPresence(watching),
    });
  }

  start(): void {
    this.feed.start(this.hub);
    this.audience.start();
  }

  /** Makes all clients reconnect elsewhere. */
  async drain(): Promise<void> {
    await this.hub.drain();
    this.close();
  }

  close(): void {
    this.hub.close();
    this.audience.close();
    this.feed.close();
  }
}
