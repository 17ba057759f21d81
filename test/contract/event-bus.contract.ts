import { describe, expect, test, vi } from 'vitest';
import type { BusListener, Delivery, EventBus } from '../../src/events/event-bus.ts';
import type { Heartbeat, SeatEvent } from '../../src/protocol/events.ts';
import { patience } from '../support/patience.ts';

/** A bus of a show, with a connection of its own; without an id, of the default show. */
export type NewBus = (show?: string) => EventBus;

/** Each test has its own epoch, so that it ignores the events of other tests in the stream. */
export function eventsOf(epoch: string) {
  return {
    held: (seq: number): SeatEvent => ({
      type: 'held',
      seat_id: 'A1',
      user_id: 'user123',
      status: 1,
      timestamp: '2023-11-14T22:13:20.000Z',
      expires_at: 1_700_000_030.5,
      epoch,
      seq,
    }),
    released: (seq: number): SeatEvent => ({
      type: 'released',
      seat_id: 'A1',
      user_id: 'user123',
      status: 0,
      timestamp: '2023-11-14T22:13:50.501Z',
      reason: 'expired',
      epoch,
      seq,
    }),
    booked: (seq: number): SeatEvent => ({
      type: 'booked',
      seat_id: 'A1',
      user_id: 'user123',
      status: 2,
      timestamp: '2023-11-14T22:13:21.000Z',
      epoch,
      seq,
    }),
  };
}

/** A listener that records everything that it receives. */
function recording() {
  const received = {
    events: [] as SeatEvent[],
    intended: [] as Delivery[],
    heartbeats: [] as Heartbeat[],
    connected: [] as boolean[],
  };
  const listener: BusListener = {
    onEvent: (event, intended) => {
      received.events.push(event);
      received.intended.push(intended);
    },
    onHeartbeat: (heartbeat) => received.heartbeats.push(heartbeat),
    onConnected: (connected) => received.connected.push(connected),
  };
  return { listener, received };
}

export function listenTo(bus: EventBus) {
  const { listener, received } = recording();
  bus.subscribe(listener);
  return received;
}

/** As `listenTo`, on a connected bus: resolves when the listener's subscription is in place. */
export async function listening(bus: EventBus) {
  const received = listenTo(bus);
  await vi.waitFor(() => expect(received.connected).toEqual([true]), patience);
  return received;
}

export const connected = (bus: EventBus) => vi.waitFor(() => expect(bus.connected).toBe(true), patience);

/** The contract of every event bus. */
export function eventBusContract(busOf: NewBus): void {
  async function newBus(show?: string): Promise<EventBus> {
    const bus = busOf(show);
    await connected(bus);
    return bus;
  }

  let epochs = 0;
  const newEvents = () => eventsOf(`contract-${Date.now()}-${epochs++}`);

  describe('every bus', () => {
    test('[R60] an event reaches every listener of every other bus unchanged', async () => {
      const [from, to, other] = [await newBus(), await newBus(), await newBus()];
      const received = [await listening(to), await listening(to), await listening(other)];
      const { held, released, booked } = newEvents();
      for (const event of [held(1), released(2), held(3), booked(4)]) await from.publish(event);
      for (const each of received) {
        await vi.waitFor(() => expect(each.events).toEqual([held(1), released(2), held(3), booked(4)]), patience);
      }
    });

    test('[R60] an event never reaches the bus that published it', async () => {
      const [one, two] = [await newBus(), await newBus()];
      const [byOne, byTwo] = [await listening(one), await listening(two)];
      const { held } = newEvents();
      await one.publish(held(1));
      one.publishHeartbeat({ epoch: 'e', seq: 1, server_time: 1 });
      // The event of the other bus proves that there was enough time to receive the own one.
      await vi.waitFor(() => expect(byTwo.events).toEqual([held(1)]), patience);
      await two.publish(held(2));
      await vi.waitFor(() => expect(byOne.events).toEqual([held(2)]), patience);
      expect(byOne.heartbeats).toEqual([]);
    });

    test('[R60] events arrive in the order of publishing', async () => {
      const [from, to] = [await newBus(), await newBus()];
      const received = await listening(to);
      const { held, released } = newEvents();
      const events = Array.from({ length: 300 }, (_, i) => (i % 2 ? released(i + 1) : held(i + 1)));
      await Promise.all(events.map((event) => from.publish(event)));
      await vi.waitFor(() => expect(received.events).toHaveLength(300), patience);
      expect(received.events).toEqual(events);
    });

    test('[R61] a heartbeat reaches the other buses', async () => {
      const [from, to] = [await newBus(), await newBus()];
      const received = await listening(to);
      const heartbeat = { epoch: 'e1', seq: 7, server_time: 1_700_000_000.25 };
      await vi.waitFor(() => {
        from.publishHeartbeat(heartbeat);
        expect(received.heartbeats[0]).toEqual(heartbeat);
      }, patience);
    });

    test('[R61] a listener without a heartbeat callback still receives events', async () => {
      const [from, to] = [await newBus(), await newBus()];
      const seqs: number[] = [];
      to.subscribe({ onEvent: ({ seq }) => seqs.push(seq) });
      await listening(to);
      from.publishHeartbeat({ epoch: 'e1', seq: 7, server_time: 1 });
      await from.publish(newEvents().held(1));
      await vi.waitFor(() => expect(seqs).toEqual([1]), patience);
    });

    test('[R595] the buses of two shows are separate', async () => {
      const shows = [undefined, 'chamber', 'arena'];
      const senders = await Promise.all(shows.map(newBus));
      const received = await Promise.all(shows.map(async (show) => listening(await newBus(show))));
      const { held, released, booked } = newEvents();
      for (const [i, from] of senders.entries()) {
        const { epoch } = held(1);
        await vi.waitFor(() => {
          from.publishHeartbeat({ epoch, seq: i, server_time: 1 });
          expect(received[i]?.heartbeats.length).toBeGreaterThan(0);
        }, patience);
        for (const event of [held(i + 1), released(i + 2), booked(i + 3)]) await from.publish(event);
      }
      for (const [i, { events, heartbeats }] of received.entries()) {
        // It arrives after everything that was published before.
        senders[i]?.publishHeartbeat({ epoch: 'last', seq: i, server_time: 1 });
        await vi.waitFor(() => expect(heartbeats.at(-1)?.epoch).toBe('last'), patience);
        expect(events).toEqual([held(i + 1), released(i + 2), booked(i + 3)]);
        expect(new Set(heartbeats.map(({ seq }) => seq))).toEqual(new Set([i]));
      }
    });

    test('[R62] a new listener is notified once: events published from then on arrive', async () => {
      const from = await newBus();
      const { held } = newEvents();
      for (let i = 1; i <= 10; i++) {
        const { connected, events } = await listening(await newBus());
        await from.publish(held(i));
        await vi.waitFor(() => expect(events).toEqual([held(i)]), patience);
        expect(connected).toEqual([true]);
      }
    });

    test('[R62] after the end of a subscription it receives nothing; the others of its bus continue', async () => {
      const [from, to] = [await newBus(), await newBus()];
      const [ended, other] = [recording(), recording()];
      const end = to.subscribe(ended.listener);
      to.subscribe(other.listener);
      await listening(to);
      const { held, released } = newEvents();
      await from.publish(held(1));
      await vi.waitFor(() => expect(ended.received.events).toHaveLength(1), patience);
      end();
      end();
      await from.publish(released(2));
      await vi.waitFor(() => {
        from.publishHeartbeat({ epoch: 'e1', seq: 2, server_time: 1 });
        expect(other.received.heartbeats.length).toBeGreaterThan(0);
      }, patience);
      expect(other.received.events).toEqual([held(1), released(2)]);
      expect(ended.received).toMatchObject({ events: [held(1)], heartbeats: [] });
    });
  });
}
