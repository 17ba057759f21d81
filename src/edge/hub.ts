import { setTimeout as delay } from 'node:timers/promises';
import { closeCodes } from '../protocol/close-codes.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { HoldSettings, Position, VenueState } from '../protocol/venue.ts';
import type { RequestId } from './client-message.ts';
import { EachUpdate } from './each-update.ts';
import { messageFrame } from './frame.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import { PacedSeats } from './paced-seats.ts';
import { PingRounds } from './ping-rounds.ts';
import type { HubClient, SeatStream } from './seat-stream.ts';
import type { VenueFeed, VenueFeedListener } from './venue-feed.ts';

interface HubOptions {
  feed: VenueFeed;
  limits: EdgeLimits;
  metrics: EdgeMetrics;
  /** Called when the last client has left. */
  onEmpty?: () => void;
}

/** The clients of a show. Each gets its state and its changes from the stream of its subprotocol. */
export class Hub implements VenueFeedListener {
  readonly #feed: VenueFeed;
  readonly #limits: EdgeLimits;
  readonly #metrics: EdgeMetrics;
  readonly #eachUpdate: SeatStream;
  readonly #pacedSeats: PacedSeats;
  readonly #clients = new Set<HubClient>();
  /** Clients that subscribed to PRESENCE. */
  readonly #presenceClients = new Set<HubClient>();
  readonly #pings: PingRounds;
  readonly #onEmpty: () => void;

  constructor({ feed, limits, metrics, onEmpty = () => {} }: HubOptions) {
    this.#onEmpty = onEmpty;
    this.#feed = feed;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#eachUpdate = new EachUpdate(feed, limits.resumableUpdates);
    this.#pacedSeats = new PacedSeats({ feed, metrics });
    this.#pings = new PingRounds({ intervalMs: limits.pingIntervalMs });
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Current settings that the page needs for its countdown and its limit of holds. */
  get holdSettings(): HoldSettings & Pick<VenueState, 'server_time'> {
    const { server_time, hold_seconds, max_holds, hold_extensions = 0 } = this.#feed.header();
    return { server_time, hold_seconds, max_holds, hold_extensions };
  }

  add(client: HubClient): void {
    this.#clients.add(client);
    this.#pings.add(client);
    this.#metrics.connections.inc();
  }

  remove(client: HubClient): void {
    this.#streamOf(client).unsubscribe(client);
    this.#presenceClients.delete(client);
    this.#pings.remove(client);
    if (!this.#clients.delete(client)) return;
    this.#metrics.connections.dec();
    if (this.#clients.size === 0) this.#onEmpty();
  }

  /** Sends the current venue, calls `sent`, and sends all changes. */
  sendState(client: HubClient, requestId?: RequestId, sent?: () => void): void {
    const stream = this.#streamOf(client);
    stream.sendState(client, requestId, sent);
    if (this.#clients.has(client)) stream.subscribe(client);
  }

  /** Sends the changes since `position`, then all further ones; false if they are not known any more, or longer than the venue. */
  resume(client: HubClient, position: Position): boolean {
    const stream = this.#streamOf(client);
    if (!stream.resume(client, position)) return false;
    if (this.#clients.has(client)) stream.subscribe(client);
    return true;
  }

  /** Sends the number of watching browsers, now and whenever it changes. */
  subscribePresence(client: HubClient, watching: number): void {
    if (!this.#clients.has(client)) return;
    this.#presenceClients.add(client);
    client.sendUpdates(presenceFrame(watching));
  }

  sendPresence(watching: number): void {
    const frame = presenceFrame(watching);
    for (const client of this.#presenceClients) client.sendUpdates(frame);
  }

  onUpdate(event: SeatEvent, seat: Seat): void {
    this.#metrics.updates.inc();
    for (const stream of this.#streams) stream.onUpdate(event, seat);
  }

  onReset(): void {
    for (const stream of this.#streams) stream.onReset();
  }

  onStale(stale: boolean): void {
    for (const stream of this.#streams) stream.onStale(stale);
  }

  onCatchUp(kind: 'events' | 'venue'): void {
    this.#metrics.catchUps.inc({ kind });
  }

  close(): void {
    this.#pings.close();
    this.#pacedSeats.close();
  }

  /** Makes all clients reconnect elsewhere, in batches: all at once would overload the other edges. */
  async drain(): Promise<void> {
    this.#pings.close();
    const { drainBatchClients, drainBatchIntervalMs, drainTimeoutMs } = this.#limits;
    const deadlineMs = performance.now() + drainTimeoutMs;
    const leaving = [...this.#clients];
    const batches = Math.max(1, Math.floor(drainTimeoutMs / 2 / drainBatchIntervalMs));
    const batchSize = Math.max(drainBatchClients, Math.ceil(leaving.length / batches));
    for (let start = 0; start < leaving.length; start += batchSize) {
      if (start > 0) await delay(drainBatchIntervalMs);
      for (const client of leaving.slice(start, start + batchSize)) void client.leave(closeCodes.serviceRestart);
    }
    while (this.#clients.size > 0 && performance.now() < deadlineMs) await delay(drainBatchIntervalMs);
    for (const client of this.#clients) client.terminate('drain');
  }

  get #streams(): SeatStream[] {
    return [this.#eachUpdate, this.#pacedSeats];
  }

  #streamOf({ isCompact }: HubClient): SeatStream {
    return isCompact ? this.#pacedSeats : this.#eachUpdate;
  }
}

function presenceFrame(watching: number): Buffer {
  return messageFrame({ type: 'PRESENCE', data: { watching } });
}
