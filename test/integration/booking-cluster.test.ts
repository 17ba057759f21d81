import { describe, expect, test, vi } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { patience } from '../support/patience.ts';
import { natsListener, ownServers, startedBooking } from './booking-fixture.ts';

const brief = ({ type, seat_id, user_id, reason }: SeatEvent) =>
  [type, seat_id, user_id, ...(reason ? [reason] : [])].join(' ');

describe('two booking processes on one Redis', () => {
  test('[R80] a transition made by one moves the actor of the other', async () => {
    const servers = await ownServers();
    const [one, two] = [await startedBooking(servers), await startedBooking(servers)];
    for (const [action, state] of [
      ['select', 'held'],
      ['release', 'available'],
      ['select', 'held'],
      ['book', 'booked'],
    ] as const) {
      await one.command(action, 'E5', 'alice');
      expect(one.actorState('E5')).toBe(state);
      await vi.waitFor(() => expect(two.actorState('E5')).toBe(state), patience);
    }
    expect(await two.seat('E5')).toEqual(await one.seat('E5'));
  });

  test('[G4] [R80] a reply of one process is visible in the next reply of the other', async () => {
    const servers = await ownServers();
    const [one, two] = [await startedBooking(servers), await startedBooking(servers)];
    for (let i = 1; i <= 10; i++) {
      const seatId = `D${i}`;
      const [first, second] = i % 2 ? [one, two] : [two, one];
      await first.command('select', seatId, 'alice');
      expect(await second.seat(seatId)).toMatchObject({ status: 1, held_by: 'alice' });
      expect((await second.command('book', seatId, 'alice')).status).toBe(200);
      expect(await first.seat(seatId)).toMatchObject({ status: 2, held_by: 'alice' });
    }
  });

  test('[G1] [R80] users of both race: every seat has one holder, and both agree on the holder', async () => {
    const servers = await ownServers();
    const both = [await startedBooking(servers), await startedBooking(servers)];
    const winners = new Map<string, string[]>();
    await Promise.all(
      Array.from({ length: 50 }, async (_, user) => {
        for (let col = 1; col <= 10; col++) {
          const booking = both[(user + col) % 2] as (typeof both)[number];
          const { status } = await booking.command('select', `F${col}`, `user${user}`);
          if (status === 200) winners.set(`F${col}`, [...(winners.get(`F${col}`) ?? []), `user${user}`]);
        }
      }),
    );
    expect([...winners.values()].map((users) => users.length)).toEqual(Array(10).fill(1));
    for (const [seatId, [winner]] of winners) {
      for (const booking of both) expect((await booking.seat(seatId)).held_by).toBe(winner);
    }
  });

  test('[G3] [R81] a hold ends at its time although the process that made it is gone: the other has its timer', async () => {
    const servers = await ownServers();
    const heard = await natsListener(servers.nats);
    const options = { ...servers, holdSeconds: 1 };
    const two = await startedBooking(options);
    const one = await startedBooking(options);
    const { body } = await one.command('select', 'A1', 'alice');
    await vi.waitFor(() => expect(two.actorState('A1')).toBe('held'), patience);
    await one.app.close();
    // Reads would end the hold as well; the actor is only watched.
    await vi.waitFor(() => expect(two.actorState('A1')).toBe('available'), patience);
    await vi.waitFor(() => expect(heard).toHaveLength(2), patience);
    const ended = heard[1]?.event as SeatEvent;
    expect(brief(ended)).toBe('released A1 alice expired');
    expect(Date.parse(ended.timestamp)).toBeGreaterThanOrEqual((body.seat?.expires_at ?? 0) * 1000);
  });

  test('[G3] [R81] with both alive, a hold ends once: one released event', async () => {
    const servers = await ownServers();
    const heard = await natsListener(servers.nats);
    const options = { ...servers, holdSeconds: 0.5 };
    const [one, two] = [await startedBooking(options), await startedBooking(options)];
    const seatIds = Array.from({ length: 20 }, (_, i) => `${'AB'[i % 2]}${(i >> 1) + 1}`);
    for (const [i, seatId] of seatIds.entries()) await (i % 2 ? one : two).command('select', seatId, 'alice');
    await vi.waitFor(() => {
      for (const seatId of seatIds) {
        expect(one.actorState(seatId)).toBe('available');
        expect(two.actorState(seatId)).toBe('available');
      }
    }, patience);
    // On a busy machine the relay may publish one again: it is the same event, of the same seq.
    const transitions = () => [...new Map(heard.map(({ event }) => [event.seq, event])).values()];
    await vi.waitFor(() => expect(transitions()).toHaveLength(40), patience);
    // One more transition, received after all earlier ones, shows that nothing else was published.
    await one.command('select', 'J10', 'bob');
    await vi.waitFor(() => expect(transitions().at(-1)).toMatchObject({ seat_id: 'J10' }), patience);
    const ends = transitions()
      .map(brief)
      .filter((text) => text.startsWith('released'));
    expect(ends.sort()).toEqual(seatIds.map((seatId) => `released ${seatId} alice expired`).sort());
    expect((await one.app.inject({ url: '/api/venue' })).json().seq).toBe(41);
  });

  test('[R81] a hold that is booked elsewhere in time has no timer left here', async () => {
    const servers = await ownServers();
    const options = { ...servers, holdSeconds: 1 };
    const [one, two] = [await startedBooking(options), await startedBooking(options)];
    const { body } = await one.command('select', 'A1', 'alice');
    await two.command('book', 'A1', 'alice');
    await vi.waitFor(() => expect(one.actorState('A1')).toBe('booked'), patience);
    await vi.waitFor(async () => {
      const { server_time } = (await one.app.inject({ url: '/api/venue' })).json();
      expect(server_time).toBeGreaterThan((body.seat?.expires_at ?? 0) + 0.2);
    }, patience);
    for (const booking of [one, two]) {
      expect(booking.actorState('A1')).toBe('booked');
      expect((await booking.app.inject({ url: '/api/venue' })).json().seq).toBe(2);
    }
  });
});

describe('events on NATS', () => {
  test('[R82] every transition is published on its subject, with the body of the plan', async () => {
    const servers = await ownServers();
    const heard = await natsListener(servers.nats);
    const booking = await startedBooking(servers);
    const { epoch } = (await booking.app.inject({ url: '/api/venue' })).json();
    const { body } = await booking.command('select', 'A1', 'alice');
    await booking.command('release', 'A1', 'alice');
    await booking.command('select', 'A1', 'bob');
    await booking.command('book', 'A1', 'bob');
    await vi.waitFor(() => expect(heard).toHaveLength(4), patience);
    const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const common = { seat_id: 'A1', timestamp, system: expect.any(String), epoch };
    expect(heard).toEqual([
      {
        subject: 'seats.held',
        event: { ...common, type: 'held', user_id: 'alice', status: 1, expires_at: body.seat?.expires_at, seq: 1 },
      },
      {
        subject: 'seats.released',
        event: { ...common, type: 'released', user_id: 'alice', status: 0, reason: 'user', seq: 2 },
      },
      {
        subject: 'seats.held',
        event: { ...common, type: 'held', user_id: 'bob', status: 1, expires_at: expect.any(Number), seq: 3 },
      },
      { subject: 'seats.booked', event: { ...common, type: 'booked', user_id: 'bob', status: 2, seq: 4 } },
    ]);
  });

  test('[G5] [R82] a transition is published by the process that made it, even while the venue is being read', async () => {
    const servers = await ownServers();
    const booking = await startedBooking(servers);
    // A bus that only records the messages and their times.
    const given = new Set<number>();
    const { bus } = booking;
    const publish = bus.publish.bind(bus);
    bus.publish = (event) => {
      given.add(event.seq);
      return publish(event);
    };
    const late: number[] = [];
    for (let i = 0; i < 200; i++) {
      // The reads catch up from the log, and may receive the transition before the decision's own reply.
      const reading = Array.from({ length: 3 }, () => booking.app.inject({ url: '/api/seats' }));
      const { body } = await booking.command(i % 2 ? 'release' : 'select', 'A1', 'alice');
      await Promise.all(reading);
      const seq = body.seat?.seq as number;
      if (!given.has(seq)) late.push(seq);
    }
    expect(late.length, 'transitions that were left to the relay').toBe(0);
  });
});
