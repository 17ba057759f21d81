import { setTimeout as delay } from 'node:timers/promises';
import { closeCodes } from '../protocol/close-codes.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { SeatUpdate } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import type { HoldSettings, Position, VenueState } from '../protocol/venue.ts';
import type { RequestId } from './client-message.ts';
import { messageFrame } from './frame.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import { UpdateLog } from './update-log.ts';
import type { VenueFeed, VenueFeedListener } from './venue-feed.ts';
import { type VenueStateFrame, VenueStateFrames } from './venue-state-frames.ts';

/** The part of a client connection that the hub uses. */
export interface HubClient {
  /** True: it gets SEATS in place of VENUE_STATE. */
  readonly isCompact: boolean;
  /** As the client names itself. */
  readonly userId: string | undefined;
  /** Takes complete frames. */
  sendUpdates(frames: Buffer): void;
  sendState(frame: VenueStateFrame): void;
  ping(): void;
  close(reason: { code: number }): void;
  terminate(reason: string): void;
}

interface HubOptions {
  feed: VenueFeed;
  limits: EdgeLimits;
  metrics: EdgeMetrics;
  /** Called when the last client has left. */
  onEmpty?: () => void;
}

/** Broadcasts a show to its clients: a change is serialised once, and written once per client and turn of the event loop. */
export class Hub implements VenueFeedListener {
  readonly #feed: VenueFeed;
  readonly #limits: EdgeLimits;
  readonly #metrics: EdgeMetrics;
  readonly #states: VenueStateFrames;
  readonly #log: UpdateLog;
  readonly #clients = new Set<HubClient>();
  /** Clients that have the venue as of the last flush. */
  readonly #subscribers = new Set<HubClient>();
  /** Clients that subscribed to PRESENCE. */
  readonly #presenceClients = new Set<HubClient>();
  readonly #pingTimer: NodeJS.Timeout;
  readonly #onEmpty: () => void;
  #unsent: Buffer[] = [];
  #flushPlanned = false;

  constructor({ feed, limits, metrics, onEmpty = () => {} }: HubOptions) {
    this.#onEmpty = onEmpty;
    this.#feed = feed;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#states = new VenueStateFrames(feed);
    this.#log = new UpdateLog(limits.resumableUpdates);
    this.#pingTimer = setInterval(() => this.#pingAll(), limits.pingIntervalMs).unref();
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
    this.#metrics.connections.inc();
  }

  remove(client: HubClient): void {
    this.#subscribers.delete(client);
    this.#presenceClients.delete(client);
    if (!this.#clients.delete(client)) return;
    this.#metrics.connections.dec();
    if (this.#clients.size === 0) this.#onEmpty();
  }

  /** Sends the current venue, then all changes. */
  sendState(client: HubClient, requestId?: RequestId): void {
    this.#flush(); // updates that the state contains must not follow it
    client.sendState(client.isCompact ? this.#states.compact(client.userId, requestId) : this.#states.frame(requestId));
    this.#subscribe(client);
  }

  /** Sends the changes since `position`, then all further ones; false if the log does not reach back that far. */
  resume(client: HubClient, position: Position): boolean {
    if (this.#feed.stale) return false; // only VENUE_STATE has the stale flag
    this.#flush();
    const missed = this.#log.since(position);
    if (!missed) return false;
    if (missed.length > 0) client.sendUpdates(Buffer.concat(missed));
    this.#subscribe(client);
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

  onUpdate({ epoch, seq }: SeatEvent, { id, status, held_by, expires_at }: Seat): void {
    const update: SeatUpdate = { seat_id: id, status, seq };
    if (held_by !== undefined) update.held_by = held_by;
    if (expires_at !== undefined) update.expires_at = expires_at;
    const frame = messageFrame({ type: 'SEAT_UPDATE', data: update });
    this.#log.append({ epoch, seq }, frame);
    this.#metrics.updates.inc();
    this.#broadcast(frame);
  }

  onReset(): void {
    this.#log.restart(this.#feed.position);
    this.#sendStateToAll();
  }

  onStale(): void {
    this.#sendStateToAll(); // so that the page can show it
  }

  onCatchUp(kind: 'events' | 'venue'): void {
    this.#metrics.catchUps.inc({ kind });
  }

  close(): void {
    clearInterval(this.#pingTimer);
  }

  /** Makes all clients reconnect elsewhere, in batches: all at once would overload the other edges. */
  async drain(): Promise<void> {
    this.close();
    const { drainBatchClients, drainBatchIntervalMs, drainTimeoutMs } = this.#limits;
    const deadlineMs = performance.now() + drainTimeoutMs;
    const leaving = [...this.#clients];
    const batches = Math.max(1, Math.floor(drainTimeoutMs / 2 / drainBatchIntervalMs));
    const batchSize = Math.max(drainBatchClients, Math.ceil(leaving.length / batches));
    for (let start = 0; start < leaving.length; start += batchSize) {
      if (start > 0) await delay(drainBatchIntervalMs);
      for (const client of leaving.slice(start, start + batchSize)) client.close(closeCodes.serviceRestart);
    }
    while (this.#clients.size > 0 && performance.now() < deadlineMs) await delay(drainBatchIntervalMs);
    for (const client of this.#clients) client.terminate('drain');
  }

  #subscribe(client: HubClient): void {
    if (this.#clients.has(client)) this.#subscribers.add(client);
  }

  #broadcast(frame: Buffer): void {
    this.#unsent.push(frame);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const frames = Buffer.concat(this.#unsent);
    this.#unsent = [];
    for (const client of this.#subscribers) client.sendUpdates(frames);
  }

  #sendStateToAll(): void {
    this.#unsent = []; // the state contains it
    if (this.#subscribers.size === 0) return;
    let shared: VenueStateFrame | undefined;
    for (const client of this.#subscribers) {
      if (client.isCompact) {
        client.sendState(this.#states.compact(client.userId));
      } else {
        shared ??= this.#states.sharedFrame();
        client.sendState(shared);
      }
    }
  }

  #pingAll(): void {
    for (const client of this.#clients) client.ping();
  }
}

function presenceFrame(watching: number): Buffer {
  return messageFrame({ type: 'PRESENCE', data: { watching } });
}
