import { Registry } from 'prom-client';
import { changedSeats, expandedState, isWholeState } from '../../src/browser/compact-seats.ts';
import { Venue } from '../../src/browser/venue.ts';
import { edgeMetrics } from '../../src/edge/metrics.ts';
import { PacedSeats } from '../../src/edge/paced-seats.ts';
import type { HubClient } from '../../src/edge/seat-stream.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { VenueView } from '../../src/venue/venue-view.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** The text messages in some unmasked frames. */
function messagesIn(frames: Buffer): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (let at = 0; at < frames.length; ) {
    const short = (frames[at + 1] as number) & 127;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126 ? short : short === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2));
    messages.push(JSON.parse(frames.toString('utf8', start, start + length)));
    at = start + length;
  }
  return messages;
}

/** A page without its DOM, connected to the stream of an edge. */
export class CompactPage implements HubClient {
  readonly isCompact = true;
  userId: string | undefined;
  readonly messages: ServerMessage[] = [];
  readonly drawn: string[] = [];
  readonly venue = new Venue(({ id }) => this.drawn.push(id));
  readonly #plan: ReturnType<typeof gridPlan>;
  /** While true, it is skipped like a client that does not read. */
  isBehind = false;

  constructor(userId: string | undefined, plan: ReturnType<typeof gridPlan>) {
    this.userId = userId;
    this.#plan = plan;
  }

  sendUpdates(frames: Buffer): void {
    if (!this.isBehind) for (const message of messagesIn(frames)) this.receive(message);
  }

  sendState({ parts }: { parts: readonly Buffer[] }): void {
    if (!this.isBehind) this.sendUpdates(Buffer.concat(parts));
  }

  receive(message: ServerMessage): void {
    this.messages.push(message);
    if (message.type === 'STALE') this.venue.setStale(message.data.stale);
    if (message.type !== 'SEATS') return;
    const { data } = message;
    if (isWholeState(data)) {
      this.venue.replace(expandedState(data, { plan: this.#plan, known: this.venue, userId: this.userId }));
    } else {
      this.venue.moveTo(data, changedSeats(data, this.#plan));
    }
  }

  ping(): void {}
  close(): void {}
  terminate(): void {}
}

/** A show, and an edge's stream of it; the test commits the events and delivers them. */
export function startPacedSeats({ rows, cols }: { rows: number; cols: number }) {
  const plan = gridPlan({ rows, cols });
  const clock = new VirtualClock();
  const empty = (): Seat[] => [...plan.seats()].map((seat) => ({ ...seat, status: 0, seq: 0 }));
  /** What Redis says; an edge may be behind it. */
  const truth = { epoch: 'e1', seats: empty(), events: [] as SeatEvent[] };
  const commit = (index: number, status: Seat['status'], userId: string): SeatEvent => {
    const seq = truth.events.length + 1;
    const { id, row, col } = truth.seats[index] as Seat;
    const end = status === 1 ? { expires_at: seq } : {};
    const type = (['released', 'held', 'booked'] as const)[status];
    const event = { type, seat_id: id, user_id: userId, status, timestamp: '', ...end, epoch: truth.epoch, seq };
    truth.seats[index] = { id, row, col, status, seq, ...end, ...(status !== 0 && { held_by: userId }) };
    truth.events.push(event);
    return event;
  };
  const startOver = (epoch: string) => Object.assign(truth, { epoch, seats: empty(), events: [] });
  const startEdge = () => {
    const view = new VenueView((event, seat) => stream.onUpdate(event, seat));
    let stale = false;
    const header = { venue: 'main', server_time: 1, hold_seconds: 30, max_holds: 6, rows, cols };
    const feed = {
      get position() {
        return view.position;
      },
      get seats() {
        return view.seats;
      },
      get stale() {
        return stale;
      },
      header: () => ({ ...header, ...view.position, ...(stale && { stale: true as const }) }),
    };
    const { flushes, flushSeconds } = edgeMetrics(new Registry());
    const stream = new PacedSeats({ feed, metrics: { flushes, flushSeconds }, clock });
    const edge = {
      stream,
      deliver: (event: SeatEvent) => view.apply(event),
      /** Delivers all events up to the next one, or all. */
      deliverNext: (all = false) => {
        for (const event of truth.events.slice(view.seq, all ? undefined : view.seq + 1)) view.apply(event);
      },
      /** As after a catch-up by the whole venue. */
      reset: () => {
        view.reset({ epoch: truth.epoch, seq: truth.events.length, seats: truth.seats });
        stream.onReset();
      },
      setStale: (value: boolean) => {
        stale = value;
        stream.onStale(value);
      },
      connect: (client: CompactPage, isResuming = false) => {
        const { position } = client.venue;
        if (!(isResuming && position && stream.resume(client, position))) stream.sendState(client);
        stream.subscribe(client);
        return client;
      },
    };
    edge.reset();
    return edge;
  };
  const page = (userId?: string) => new CompactPage(userId, plan);
  return { clock, truth, commit, startOver, page, startEdge, ...startEdge() };
}
