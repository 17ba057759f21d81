import { describe, expect, test, vi } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { patience } from '../support/patience.ts';
import {
  becomesReady,
  natsListener,
  newBooking,
  ownServers,
  startedBooking,
  storedEvents,
  type TestBooking,
} from './booking-fixture.ts';

const venueOf = async (booking: TestBooking) => (await booking.app.inject({ url: '/api/venue' })).json();
const seqsOf = (events: readonly SeatEvent[]) => events.map(({ seq }) => seq);

describe('a booking process ends and another begins', () => {
  test('[G2] [R83] finds every seat as it was: available, held by whom, booked by whom', async () => {
    const servers = await ownServers();
    const before = await startedBooking(servers);
    await before.command('select', 'A1', 'alice');
    await before.command('book', 'A1', 'alice');
    await before.command('select', 'A2', 'bob');
    const venue = await venueOf(before);
    await before.app.close();

    const after = await startedBooking(servers);
    expect(await venueOf(after)).toMatchObject({ epoch: venue.epoch, seq: venue.seq, seats: venue.seats });
    expect(after.actorState('A1')).toBe('booked');
    expect(after.actorState('A2')).toBe('held');
    expect(after.actorState('A3')).toBe('available');
    expect((await after.command('book', 'A2', 'bob')).status).toBe(200);
  });

  test('[G3] [R83] a running hold ends at its original deadline', async () => {
    const servers = await ownServers();
    const options = { ...servers, holdSeconds: 5 };
    const before = await startedBooking(options);
    const { body } = await before.command('select', 'A1', 'alice');
    const expiresAtMs = (body.seat?.expires_at as number) * 1000;
    // A second of it has passed before the restart: a restarted timer would end it a second too late.
    await vi.waitFor(async () => {
      expect((await venueOf(before)).server_time * 1000).toBeGreaterThan(expiresAtMs - 4_000);
    }, patience);
    await before.app.close();

    const after = await startedBooking({ ...options, holdSeconds: 30 });
    expect(after.actorState('A1')).toBe('held');
    expect(await after.seat('A1')).toMatchObject({ expires_at: expiresAtMs / 1000 });
    await vi.waitFor(() => expect(after.actorState('A1')).toBe('available'), patience);
    const { epoch } = await venueOf(after);
    const { events } = (await after.app.inject({ url: `/api/events?epoch=${epoch}&after=1` })).json();
    expect(events).toMatchObject([{ type: 'released', reason: 'expired', user_id: 'alice' }]);
    const endedAtMs = Date.parse(events[0].timestamp);
    expect(endedAtMs).toBeGreaterThanOrEqual(expiresAtMs);
    expect(endedAtMs, 'not a whole hold later').toBeLessThan(expiresAtMs + 10_000);
  });

  test('[G3] [R83] a hold that expired while no process was running ends when one starts', async () => {
    const servers = await ownServers();
    const options = { ...servers, holdSeconds: 0.3 };
    const before = await startedBooking(options);
    await before.command('select', 'A1', 'alice');
    await before.app.close();
    await vi.waitFor(async () => expect(await servers.admin.exists('seat:A1:lock')).toBe(0), patience);
    expect(JSON.parse((await servers.admin.hget('venue:seats', 'A1')) as string)).toMatchObject({ status: 1 });
    const heard = await natsListener(servers.nats);
    const after = await startedBooking(options);
    await vi.waitFor(() => expect(after.actorState('A1')).toBe('available'), patience);
    await vi.waitFor(
      () => expect(heard.filter(({ event }) => event.reason === 'expired').map(({ event }) => event.seq)).toEqual([2]),
      patience,
    );
  });

  test('[G6] [R84] the next process publishes events that were committed and never published', async () => {
    const servers = await ownServers();
    const before = await startedBooking(servers);
    before.bus.publish = () => Promise.reject(new Error('dies before it publishes'));
    await before.command('select', 'A1', 'alice');
    await before.command('book', 'A1', 'alice');
    expect(await storedEvents(servers.nats)).toEqual([]);
    await before.app.close();
    await startedBooking(servers);
    await vi.waitFor(async () => expect(seqsOf(await storedEvents(servers.nats))).toEqual([1, 2]), patience);
  });
});

describe('Redis', () => {
  test('[R85] FLUSHALL: a new epoch, every seat available, and the sale continues', async () => {
    const servers = await ownServers();
    const [one, two] = [await startedBooking(servers), await startedBooking(servers)];
    const heard = await natsListener(servers.nats);
    await one.command('select', 'A1', 'alice');
    await one.command('book', 'A1', 'alice');
    const before = await venueOf(one);
    await servers.admin.flushall();

    await vi.waitFor(async () => expect((await venueOf(one)).epoch).not.toBe(before.epoch), patience);
    const after = await venueOf(one);
    expect(after.seq).toBe(0);
    expect(after.seats).toHaveLength(100);
    expect(after.seats.every(({ status }: { status: number }) => status === 0)).toBe(true);
    expect(one.actorState('A1')).toBe('available');
    await vi.waitFor(async () => expect((await venueOf(two)).epoch).toBe(after.epoch), patience);

    expect((await two.command('select', 'A1', 'bob')).status).toBe(200);
    await vi.waitFor(() => expect(one.actorState('A1')).toBe('held'), patience);
    await vi.waitFor(
      () => expect(heard.at(-1)?.event).toMatchObject({ type: 'held', user_id: 'bob', epoch: after.epoch, seq: 1 }),
      patience,
    );
  });

  test('[R85] a command is the first to notice FLUSHALL: it is decided in the new epoch', async () => {
    const servers = await ownServers();
    const booking = await startedBooking(servers);
    for (let i = 1; i <= 5; i++) {
      await booking.command('select', 'A1', `user${i}`);
      await servers.admin.flushall();
      const outcomes = await Promise.all([
        booking.command('select', 'A1', 'bob'),
        booking.command('select', 'A2', 'carol'),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([200, 200]);
      expect(await booking.seat('A1')).toMatchObject({ status: 1, held_by: 'bob' });
    }
  });

  test('[R86] killed: commands are STORE_UNAVAILABLE, reads are marked stale, /ready is 503, /health 200; then it recovers', async () => {
    const servers = await ownServers();
    const booking = await startedBooking(servers);
    await booking.command('select', 'A1', 'alice');
    await booking.command('book', 'A1', 'alice');
    await servers.redis.kill('SIGKILL');

    const { status, body } = await booking.command('select', 'A2', 'bob');
    expect(status).toBe(503);
    expect(body).toMatchObject({ success: false, error: { code: 'STORE_UNAVAILABLE', retryable: true } });
    expect((await booking.app.inject({ url: '/ready' })).statusCode).toBe(503);
    expect((await booking.app.inject({ url: '/health' })).json()).toEqual({ status: 'ok' });
    expect(await venueOf(booking)).toMatchObject({ stale: true, seq: 2 });
    expect((await booking.app.inject({ url: '/api/seats' })).headers['x-venue-stale']).toBe('true');
    const reads = (staleReads: string) =>
      booking.app.inject({ url: '/api/seats', headers: { 'x-venue-stale': staleReads } });
    const refused = await reads('refuse');
    expect([refused.statusCode, refused.json()]).toMatchObject([503, { error: { code: 'STORE_UNAVAILABLE' } }]);
    expect((await reads('accept')).headers['x-venue-stale']).toBe('true');
    expect((await booking.app.inject({ url: '/metrics' })).statusCode).toBe(200);

    await servers.redis.restart();
    await becomesReady(booking);
    expect((await booking.command('select', 'A2', 'bob')).status).toBe(200);
    expect(await booking.seat('A1')).toMatchObject({ status: 2, held_by: 'alice' });
    expect(await venueOf(booking)).not.toHaveProperty('stale');
  });

  test('[R86] stopped (SIGSTOP): commands are 504 TIMEOUT, and again after SIGCONT they succeed', async () => {
    const servers = await ownServers();
    const booking = await startedBooking(servers);
    await servers.redis.kill('SIGSTOP');
    try {
      const { status, body } = await booking.command('select', 'A1', 'alice');
      expect(status).toBe(504);
      expect(body).toMatchObject({ success: false, error: { code: 'TIMEOUT', retryable: true } });
      expect((await booking.app.inject({ url: '/ready' })).statusCode).toBe(503);
    } finally {
      await servers.redis.kill('SIGCONT');
    }
    await vi.waitFor(async () => expect((await booking.command('select', 'A1', 'alice')).status).toBe(200), patience);
    await becomesReady(booking);
  });

  test('[G3] [R86] a hold that expires while Redis is unavailable ends when Redis is back', async () => {
    const servers = await ownServers();
    const booking = await startedBooking({ ...servers, holdSeconds: 1 });
    await booking.command('select', 'A1', 'alice');
    await servers.redis.kill('SIGKILL');
    await vi.waitFor(() => expect(booking.actorState('A1')).toBe('expiring'), patience);
    await servers.redis.restart();
    await vi.waitFor(() => expect(booking.actorState('A1')).toBe('available'), patience);
  });

  test('[R86] not available at the start: the process keeps running, and opens the venue once Redis is available', async () => {
    const servers = await ownServers();
    await servers.redis.kill('SIGKILL');
    const booking = await newBooking(servers);
    try {
      expect((await booking.app.inject({ url: '/health' })).statusCode).toBe(200);
      expect((await booking.app.inject({ url: '/ready' })).statusCode).toBe(503);
      for (const url of ['/api/seats', '/api/venue', '/api/events?epoch=e&after=0']) {
        const reply = await booking.app.inject({ url });
        expect(reply.statusCode).toBe(503);
        expect(reply.json()).toMatchObject({ success: false, error: { code: 'STORE_UNAVAILABLE', retryable: true } });
      }
      const { status, body } = await booking.command('select', 'A1', 'alice');
      expect(status).toBe(503);
      expect(body.error?.code).toBe('STORE_UNAVAILABLE');
      await servers.redis.restart();
      await becomesReady(booking);
      expect((await booking.command('select', 'A1', 'alice')).status).toBe(200);
    } finally {
      await booking.app.close();
    }
  });
});

describe('NATS', () => {
  test('[G6] [R84] unavailable while seats are booked: every event arrives once when it is back, in order', async () => {
    const servers = await ownServers();
    const booking = await startedBooking(servers);
    await vi.waitFor(() => expect(booking.bus.connected).toBe(true), patience);
    const heard = await natsListener(servers.nats);
    await booking.command('select', 'A1', 'alice');
    await vi.waitFor(() => expect(heard).toHaveLength(1), patience);
    await servers.nats.kill('SIGKILL');
    await vi.waitFor(() => expect(booking.bus.connected).toBe(false), patience);

    expect((await booking.command('book', 'A1', 'alice')).status).toBe(200);
    for (let col = 1; col <= 10; col++) {
      expect((await booking.command('select', `B${col}`, 'bob')).status).toBe(200);
    }
    expect((await booking.app.inject({ url: '/ready' })).statusCode, 'bookings do not need NATS').toBe(200);
    expect((await booking.app.inject({ url: '/metrics' })).body).toMatch(/^booking_events_unrelayed 11$/m);

    await servers.nats.restart();
    const all = Array.from({ length: 12 }, (_, i) => i + 1);
    await vi.waitFor(async () => expect(seqsOf(await storedEvents(servers.nats))).toEqual(all), patience);
    await vi.waitFor(async () => {
      expect((await booking.app.inject({ url: '/metrics' })).body).toMatch(/^booking_events_unrelayed 0$/m);
    }, patience);
    await booking.command('book', 'B1', 'bob');
    await vi.waitFor(
      async () => expect(seqsOf(await storedEvents(servers.nats)), 'nothing twice').toEqual([...all, 13]),
      patience,
    );
  });

  test('[G6] [R84] unavailable, and detected by two processes: still once', async () => {
    const servers = await ownServers();
    const both = [await startedBooking(servers), await startedBooking(servers)];
    for (const { bus } of both) await vi.waitFor(() => expect(bus.connected).toBe(true), patience);
    await servers.nats.kill('SIGKILL');
    for (const { bus } of both) await vi.waitFor(() => expect(bus.connected).toBe(false), patience);
    for (let col = 1; col <= 10; col++) await both[col % 2]?.command('select', `C${col}`, 'alice');
    await servers.nats.restart();
    const all = Array.from({ length: 10 }, (_, i) => i + 1);
    await vi.waitFor(
      async () => expect(seqsOf(await storedEvents(servers.nats)).sort((a, b) => a - b)).toEqual(all),
      patience,
    );
    await vi.waitFor(async () => expect(await servers.admin.get('venue:relayed')).toMatch(/:10$/), patience);
    expect(await storedEvents(servers.nats)).toHaveLength(10);
  });

  test('[R87] not available at the start: seats are booked anyway', async () => {
    const servers = await ownServers();
    await servers.nats.kill('SIGKILL');
    const booking = await startedBooking(servers);
    expect((await booking.command('select', 'A1', 'alice')).status).toBe(200);
    expect((await booking.command('book', 'A1', 'alice')).status).toBe(200);
    await servers.nats.restart();
    await vi.waitFor(async () => expect(seqsOf(await storedEvents(servers.nats))).toEqual([1, 2]), patience);
  });

  test('[R87] lost while the process ends: it still ends in good order', async () => {
    const servers = await ownServers();
    const booking = await newBooking(servers);
    await becomesReady(booking);
    await vi.waitFor(() => expect(booking.bus.connected).toBe(true), patience);
    // Suspended first: it cannot reply to the last flush before it is killed.
    await servers.nats.kill('SIGSTOP');
    const closed = expect(Promise.resolve(booking.app.close())).resolves.toBeUndefined();
    await servers.nats.kill('SIGKILL');
    await closed;
  });
});
