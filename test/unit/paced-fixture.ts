import { Registry } from 'prom-client';
import { edgeMetrics } from '../../src/edge/metrics.ts';
import { PacedSeats } from '../../src/edge/paced-seats.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { VenueView } from '../../src/venue/venue-view.ts';
import { CompactPage } from '../support/compact-page.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A show, and an edge's stream of it; the test commits the events and delivers them. */
export function startPacedSeats({ rows, cols }: { rows: number; cols: number }) {
  const plan = gridPlan({ rows, cols });
  const clock = new VirtualClock();
  const empty = (): Seat[] => [...plan.seats()].map((seat) => ({ ...seat, status: 0, seq: 0 }));
  /** The state in Redis; an edge may be behind it. */
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
      reset: (isStale = stale) => {
        stale = isStale;
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
