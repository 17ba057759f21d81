import { type Clock, hostClock } from '../process/clock.ts';
import { compactSubprotocol } from '../protocol/close-codes.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { SeatStatus } from '../protocol/seat-status.ts';
import type { Position, SeatChanges } from '../protocol/venue.ts';
import type { RequestId } from './client-message.ts';
import { FlushPace } from './flush-pace.ts';
import { FlushSpan } from './flush-span.ts';
import { messageFrame } from './frame.ts';
import type { EdgeMetrics } from './metrics.ts';
import type { HubClient, SeatStream } from './seat-stream.ts';
import { SeatTable } from './seat-table.ts';
import { StatePace } from './state-pace.ts';
import type { VenueFeed } from './venue-feed.ts';
import { stateFrame, type VenueStateFrame } from './venue-state-frames.ts';

/** Of a seat in a frame of changes. In a whole state a seat is one character. */
const bytesPerChange = 5;
/** Clients choose the positions from which they resume. */
const maxMissed = 1_024;
const endOfText = Buffer.from('"}}');
const nothing = Buffer.alloc(0);

interface PacedSeatsOptions {
  feed: Pick<VenueFeed, 'position' | 'seats' | 'stale' | 'header'>;
  metrics: Pick<EdgeMetrics, 'flushes' | 'flushSeconds'>;
  clock?: Clock;
}

/**
 * Sends the seats that have changed, at a pace, each with its last state only (seat-booking.v2). The holder of a seat is sent
 * to that user alone; all else is serialised once for all subscribers. A message is the state as of its position, so a seat
 * that is sent twice does no harm.
 */
export class PacedSeats implements SeatStream {
  readonly #feed: PacedSeatsOptions['feed'];
  readonly #metrics: PacedSeatsOptions['metrics'];
  readonly #clock: Clock;
  readonly #pace: FlushPace;
  readonly #statePace: StatePace<HubClient>;
  readonly #table = new SeatTable();
  readonly #subscribers = new Set<HubClient>();
  /** Indexes of the seats that have changed since `#sent`. */
  readonly #changed = new Set<number>();
  readonly #flushSpan = new FlushSpan(compactSubprotocol);
  /** The position of the last message to all subscribers: each of them has it, or gets a later one with its state. */
  #sent: Position = { epoch: '', seq: 0 };
  /** The flag that every subscriber has, or gets with its next state. */
  #sentStale = false;
  /** By the seq from which clients resume: the changes that they missed, as of `#missedTo`. Undefined: the whole state is shorter. */
  readonly #missed = new Map<number, Buffer | undefined>();
  #missedTo = 0;

  constructor({ feed, metrics, clock = hostClock }: PacedSeatsOptions) {
    this.#feed = feed;
    this.#metrics = metrics;
    this.#clock = clock;
    const send = (client: HubClient, id?: RequestId) => client.sendState(this.#state(client.userId, id));
    this.#statePace = new StatePace({ send, clock });
    this.#pace = new FlushPace({ flush: () => this.#flush(), clock });
  }

  /** While the client waits for its state, changes may reach it, which do no harm. */
  sendState(client: HubClient, requestId?: RequestId, sent?: () => void): void {
    this.#statePace.send(client, requestId, sent);
  }

  resume(client: HubClient, { epoch, seq: from }: Position): boolean {
    const { stale, position } = this.#feed;
    if (stale || epoch !== position.epoch) return false;
    const missed = this.#missedSince(from, position);
    if (!missed) return false;
    const { userId } = client;
    const own = userId === undefined ? [] : this.#table.seatsOf(userId).filter(({ seq }) => seq > from);
    if (missed.length > 0) client.sendUpdates(afterOwn(position, own, missed));
    return true;
  }

  subscribe(client: HubClient): void {
    this.#subscribers.add(client);
    this.#pace.arrived();
  }

  unsubscribe(client: HubClient): void {
    this.#subscribers.delete(client);
    this.#statePace.left(client);
  }

  onUpdate(event: SeatEvent, seat: Seat): void {
    const index = this.#table.update(seat);
    if (index === undefined) return;
    this.#changed.add(index);
    this.#flushSpan.add(event);
    this.#pace.plan();
  }

  onReset(): void {
    const { position, seats, stale } = this.#feed;
    const areSameSeats = this.#table.reset(seats);
    this.#missed.clear();
    if (areSameSeats && position.epoch === this.#sent.epoch) {
      for (const index of this.#table.changedSince(this.#sent.seq)) this.#changed.add(index);
      this.#pace.plan();
      if (stale !== this.#sentStale) this.onStale(stale);
    } else {
      this.#changed.clear();
      this.#sent = position;
      this.#sentStale = stale;
      for (const client of this.#subscribers) this.sendState(client);
      this.#flushSpan.end(this.#subscribers.size);
    }
  }

  onStale(stale: boolean): void {
    this.#sentStale = stale;
    const frame = messageFrame({ type: 'STALE', data: { stale } });
    for (const client of this.#subscribers) client.sendUpdates(frame);
  }

  close(): void {
    this.#pace.close();
    this.#statePace.close();
  }

  #flush(): void {
    if (this.#changed.size === 0) return;
    const { position } = this.#feed;
    const changed = [...this.#changed];
    this.#changed.clear();
    this.#sent = position;
    const sockets = this.#subscribers.size;
    if (sockets > 0) this.#send(position, changed);
    this.#flushSpan.end(sockets);
  }

  #send(position: Position, changed: readonly number[]): void {
    const startMs = this.#clock.nowMs();
    const shared = this.#changesFrame(position, changed);
    const ownOf = this.#byHolder(changed);
    for (const client of this.#subscribers) {
      const own = client.userId === undefined ? undefined : ownOf.get(client.userId);
      client.sendUpdates(own ? afterOwn(position, own, shared) : shared);
    }
    this.#metrics.flushes.inc();
    this.#metrics.flushSeconds.inc((this.#clock.nowMs() - startMs) / 1000);
  }

  #state(userId: string | undefined, requestId: RequestId | undefined): VenueStateFrame {
    const own = userId === undefined ? [] : this.#table.seatsOf(userId);
    const head = { ...this.#feed.header(), own };
    return stateFrame('SEATS', head, '"statuses":"', [this.#table.statuses, endOfText], requestId);
  }

  /** Empty: nothing was missed. Undefined: the whole state is shorter. */
  #missedSince(from: number, { epoch, seq }: Position): Buffer | undefined {
    if (seq !== this.#missedTo || this.#missed.size >= maxMissed) this.#missed.clear();
    this.#missedTo = seq;
    if (this.#missed.has(from)) return this.#missed.get(from);
    const changed = this.#table.changedSince(from);
    const isMuch = changed.length * bytesPerChange > this.#table.size;
    const missed = from >= seq ? nothing : isMuch ? undefined : this.#changesFrame({ epoch, seq }, changed);
    this.#missed.set(from, missed);
    return missed;
  }

  #changesFrame({ epoch, seq }: Position, indexes: readonly number[]): Buffer {
    const byStatus: Record<SeatStatus, number[]> = { 0: [], 1: [], 2: [] };
    for (const index of indexes) byStatus[this.#table.seat(index).status].push(index);
    const { 0: available, 1: held, 2: booked } = byStatus;
    const data: SeatChanges = {
      epoch,
      seq,
      ...(available.length > 0 && { available }),
      ...(held.length > 0 && { held }),
      ...(booked.length > 0 && { booked }),
    };
    return messageFrame({ type: 'SEATS', data });
  }

  #byHolder(indexes: readonly number[]): Map<string, Seat[]> {
    const seatsOf = new Map<string, Seat[]>();
    for (const index of indexes) {
      const seat = this.#table.seat(index);
      if (seat.held_by === undefined) continue;
      const seats = seatsOf.get(seat.held_by);
      if (seats) seats.push(seat);
      else seatsOf.set(seat.held_by, [seat]);
    }
    return seatsOf;
  }
}

/** A client must know its own seats before it learns that they are held. */
function afterOwn({ epoch, seq }: Position, own: Seat[], shared: Buffer): Buffer {
  if (own.length === 0) return shared;
  return Buffer.concat([messageFrame({ type: 'SEATS', data: { epoch, seq, own } }), shared]);
}
