import { connect } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { seatMachine } from '../../machines/seat.ts';
import { chartDefinition } from '../../src/charts/chart-definition.ts';
import { VenueLostError } from '../../src/store/seat-store.ts';
import { patience } from '../support/patience.ts';
import { freePort } from '../support/servers.ts';
import { joined, newStore, ofType, openFeed, sinceJoined, startInspected } from './inspect-fixture.ts';

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const waitFor = (check: () => void) => vi.waitFor(check, patience);

describe('[R150] an actor has an observer while there is a viewer', () => {
  test('without a viewer nothing is attached, whatever the transitions of the seats', async () => {
    const { attached, command, app } = await startInspected();
    await command('select', 'A1', 'ann');
    await command('book', 'A1', 'ann');
    expect((await app.inject({ url: '/inspect/states' })).statusCode).toBe(200);
    expect((await app.inject({ url: '/inspect/history' })).statusCode).toBe(200);
    expect(attached()).toEqual([]);
  });

  test('one observer from the first viewer to the last', async () => {
    const { url, attached } = await startInspected();
    const one = await joined(await openFeed(url, 'A1,A2'));
    const two = await joined(await openFeed(url, 'A1'));
    expect(attached()).toEqual(['seat-A1: 1', 'seat-A2: 1']);
    one.close();
    await waitFor(() => expect(attached()).toEqual(['seat-A1: 1']));
    two.close();
    await waitFor(() => expect(attached()).toEqual([]));
  });

  test('after the venue is reopened, the new actors are observed and sent again', async () => {
    const { url, store, command, attached } = await startInspected();
    await command('select', 'A1', 'ann');
    const feed = await joined(await openFeed(url, 'A1'));
    vi.spyOn(store, 'eventsAfter').mockRejectedValueOnce(new VenueLostError('read it anew'));
    await waitFor(() => expect(ofType(feed, '@xstate.actor', 'seat-A1')).toHaveLength(2));
    expect(attached()).toEqual(['seat-A1: 1']);
    await command('book', 'A1', 'ann');
    await waitFor(() => expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'booked' }));
    feed.close();
    await waitFor(() => expect(attached()).toEqual([]));
  });
});

describe('[R151] a late viewer gets everything', () => {
  test('definition, id, snapshot and last events, then the new events', async () => {
    const { url, command } = await startInspected();
    await openFeed(url, 'C3').then(joined);
    await command('select', 'C3', 'ann');
    const feed = await joined(await openFeed(url, 'C3'));
    const [actor] = ofType(feed, '@xstate.actor');
    expect(actor).toMatchObject({ sessionId: 'seat-C3', name: 'seat-C3', _version: '0.7.2' });
    expect(actor?.definition).toBe(chartDefinition(seatMachine));
    expect(actor?.snapshot).toMatchObject({
      status: 'active',
      value: 'held',
      context: { seat: { id: 'C3', status: 1, held_by: 'ann', seq: 1 } },
    });
    expect(ofType(feed, '@xstate.event').map(({ event }) => event.type)).toEqual(['REQUEST', 'HELD', 'REPLY']);
    await command('book', 'C3', 'ann');
    await waitFor(() =>
      expect(
        sinceJoined(feed).map(({ type, ...rest }) => [type, 'classes' in rest ? rest.classes : undefined]),
      ).toEqual([
        ['@xstate.event', undefined],
        ['@xstate.event', undefined],
        ['transition', ['on-seat_held_BOOKED_0']],
        ['@xstate.snapshot', undefined],
        ['@xstate.event', undefined],
      ]),
    );
    expect(ofType(feed, '@xstate.event').map(({ event }) => event.type)).toEqual([
      'REQUEST',
      'HELD',
      'REPLY',
      'REQUEST',
      'BOOKED',
      'REPLY',
    ]);
    expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'booked' });
  });

  test('for all 100 seats at once, each with at most 50 events, and again after a reconnect', async () => {
    const { url, command } = await startInspected();
    for (let i = 0; i < 20; i++) {
      await command('select', 'A1', 'ann');
      await command('release', 'A1', 'ann');
    }
    const first = await joined(await openFeed(url, 'all'));
    await command('select', 'J10', 'bob');
    first.close();
    for (const feed of [first, await joined(await openFeed(url, 'all'))]) {
      const actors = ofType(feed, '@xstate.actor');
      expect(new Set(actors.map(({ sessionId }) => sessionId)).size).toBe(100);
      expect(actors.every(({ definition }) => definition !== undefined)).toBe(true);
    }
    const again = await joined(await openFeed(url, 'all'));
    expect(ofType(again, 'hello')[0]?.seats).toHaveLength(100);
    expect(ofType(again, '@xstate.event', 'seat-A1')).toHaveLength(40);
    for (let i = 0; i < 20; i++) await command('select', 'A1', `user${i}`); // 40 more: REQUEST and REPLY
    const last = await joined(await openFeed(url, 'A1'));
    expect(ofType(last, '@xstate.event')).toHaveLength(50);
  });

  test('[R152] the first viewer gets the earlier events from the log', async () => {
    const { url, command } = await startInspected();
    await command('select', 'A1', 'ann');
    await command('select', 'B2', 'bob');
    await command('book', 'A1', 'ann');
    const feed = await joined(await openFeed(url, 'A1'));
    expect(ofType(feed, '@xstate.event').map(({ event }) => [event.type, event.fact.seq])).toEqual([
      ['HELD', 1],
      ['BOOKED', 3],
    ]);
  });

  test('an unknown seat is refused with 404', async () => {
    const { url } = await startInspected();
    expect((await openFeed(url, 'Z99')).status).toBe(404);
    expect((await openFeed(url, '')).status).toBe(404);
  });
});

describe('[R154] only listed fields are sent', () => {
  test('user ids are shortened; other fields of an event or a context are not sent', async () => {
    const { url, service, command } = await startInspected();
    const feed = await joined(await openFeed(url, 'A1'));
    await command('select', 'A1', 'user_0123456789abcdef');
    service.seatActors.actor('A1')?.send({
      type: 'REQUEST',
      commands: [{ action: 'select', userId: 'user_0123456789abcdef', token: 'SECRET' } as never],
      address: '203.0.113.9',
    } as never);
    await waitFor(() => expect(ofType(feed, '@xstate.event').length).toBeGreaterThan(3));
    const late = await joined(await openFeed(url, 'A1'));
    const told = JSON.stringify([feed.messages, late.messages]);
    expect(told).toContain('user_…def');
    expect(told).not.toMatch(/0123456789|SECRET|203\.0\.113/);
  });

  test('user ids of the history are shortened too', async () => {
    const { app, command } = await startInspected();
    await command('select', 'A1', 'user_0123456789abcdef');
    const { payload } = await app.inject({ url: '/inspect/history' });
    expect(payload).toContain('user_…def');
    expect(payload).not.toContain('0123456789');
  });
});

describe('[R155] only our own pages may read', () => {
  test.each([
    ['another page', { host: 'localhost:8000', origin: 'https://evil.example' }, 403],
    ['another port of this machine', { host: 'localhost:8000', origin: 'http://localhost:3000' }, 403],
    ['a sandboxed page', { host: 'localhost:8000', origin: 'null' }, 403],
    ['a foreign name that resolves to this host', { host: 'evil.example', origin: 'http://evil.example' }, 403],
    ['another site that sends no Origin', { host: 'localhost:8000', 'sec-fetch-site': 'cross-site' }, 403],
    ['our page', { host: 'localhost:8000', origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' }, 200],
    ['our page at an address', { host: '[::1]:8000', origin: 'http://[::1]:8000' }, 200],
    ['a configured host name', { host: 'seats.example', origin: 'http://seats.example' }, 200],
    ['a program', { host: '127.0.0.1:8000' }, 200],
  ])('%s', async (_who, headers, status) => {
    const { app } = await startInspected({ inspect: { hosts: ['seats.example'] } });
    for (const url of ['/inspect/states', '/inspect/history', '/inspect/settings']) {
      expect((await app.inject({ url, headers })).statusCode).toBe(status);
    }
    if (status === 403) expect((await app.inject({ url: '/inspect/feed?seats=A1', headers })).statusCode).toBe(403);
  });

  test('[R158] turned off, every path is 404', async () => {
    const { app } = await startInspected({ inspect: 'off' });
    for (const path of ['', '/live', '/feed', '/states', '/history', '/settings', '/assets/live.js']) {
      expect((await app.inject({ url: `/inspect${path}` })).statusCode).toBe(404);
    }
  });
});

describe('[R156] viewers are bounded', () => {
  test('20 viewers are served; the next gets 429, and a place once a viewer has left', async () => {
    const { url } = await startInspected();
    let address = 0;
    const open = () => openFeed(url, 'A1', from(`203.0.113.${address++}`));
    const feeds = await Promise.all(Array.from({ length: 20 }, () => open().then(joined)));
    expect((await open()).status).toBe(429);
    feeds[0]?.close();
    await waitFor(async () => expect((await open()).status).toBe(200));
  });

  test('[R350] one address gets 8 of the 20 places, through any process; other addresses get theirs', async () => {
    const store = newStore();
    const [near, far] = [await freePort(), await freePort()];
    const peerUrls = [near, far].map((port) => `http://127.0.0.1:${port}`);
    const one = await startInspected({ store, inspect: { node: `booking-${near}`, peerUrls } });
    await startInspected({ store, inspect: { node: `booking-${far}`, peerUrls }, port: far });
    const hostile = from('2001:db8::1');
    const relayed = { ...hostile, node: `booking-${far}` };
    const feeds = await Promise.all(Array.from({ length: 8 }, () => openFeed(one.url, 'A1', relayed).then(joined)));
    expect((await openFeed(one.url, 'A1', hostile)).status, 'relays take places of both processes').toBe(429);
    expect((await openFeed(`http://127.0.0.1:${far}`, 'A1', from('2001:db8::2'))).status, 'one /64').toBe(429);
    expect((await openFeed(`http://127.0.0.1:${far}`, 'A1', from('203.0.113.7'))).status).toBe(200);
    feeds[0]?.close();
    await waitFor(async () => expect((await openFeed(one.url, 'A1', hostile)).status).toBe(200));
  });

  test('[R352] a feed that is opened repeatedly reads no log, and is soon refused', async () => {
    const { url, store, command } = await startInspected({ inspect: { limits: { feedStarts: 10 } } });
    for (let i = 0; i < 20; i++) await command(i % 2 === 0 ? 'select' : 'release', 'A1', 'ann');
    const read = vi.spyOn(store, 'eventsAfter');
    const histories = () => read.mock.calls.filter(([position]) => position.seq < 20);
    for (let i = 0; i < 10; i++) {
      const feed = await joined(await openFeed(url, 'A1'));
      expect(ofType(feed, '@xstate.event')).toHaveLength(20);
      feed.close();
    }
    expect(histories()).toEqual([]);
    expect((await openFeed(url, 'A1')).status).toBe(429);
    expect((await openFeed(url, 'A1', from('203.0.113.7'))).status).toBe(200);
  });

  test('a viewer that does not read is disconnected; other viewers and the seats are not affected', async () => {
    const { url, service, command, attached } = await startInspected({
      inspect: { limits: { bufferedBytes: 50_000 } },
    });
    const reading = await joined(await openFeed(url, 'A1'));
    const { port } = new URL(url);
    const silent = connect(Number(port), '127.0.0.1');
    let isCutOff = false;
    silent.pause();
    silent.on('close', () => {
      isCutOff = true;
    });
    silent.on('error', () => {});
    silent.write(`GET /inspect/feed?seats=all HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await waitFor(() => expect(attached()).toHaveLength(100));
    // Each of these commands is an event of 20 seats: the buffers fill soon.
    const seatIds = Array.from({ length: 10 }, (_, col) => [`A${col + 1}`, `B${col + 1}`]).flat();
    let commands = 0;
    await vi.waitFor(
      async () => {
        for (let i = 0; i < 20; i++) await service.command({ action: 'select', seatIds, userId: `user${commands++}` });
        silent.resume(); // reads the kernel's buffer, so that the close event comes
        silent.pause();
        expect(attached()).toEqual(['seat-A1: 1']);
      },
      { timeout: 60_000, interval: 1 },
    );
    silent.resume();
    await waitFor(() => expect(isCutOff).toBe(true));
    await waitFor(() =>
      expect(ofType(reading, '@xstate.event').filter(({ event }) => event.type === 'REQUEST')).toHaveLength(commands),
    );
    expect(await command('select', 'C1', 'ann')).toMatchObject({ success: true });
  }, 90_000);

  test('a process that ends closes the feeds, and waits for none', async () => {
    const { app, url } = await startInspected();
    const feed = await joined(await openFeed(url, 'all'));
    await app.close();
    await waitFor(() => expect(feed.ended).toBe(true));
  });
});

test('[R157] a failure of the inspector does not affect the seat', async () => {
  const { url, service, command } = await startInspected();
  const feed = await joined(await openFeed(url, 'A1'));
  // JSON.stringify of this event throws.
  service.seatActors.actor('A1')?.send({
    type: 'REQUEST',
    get commands() {
      throw new Error('broken');
    },
  } as never);
  service.seatActors.actor('A1')?.send({ type: 'REPLY' } as never);
  expect(await command('select', 'A1', 'ann')).toMatchObject({ success: true });
  await waitFor(() => expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'held' }));
});

describe('[R162] every process can be watched through any other', () => {
  test('its feed, its states, and its silence', async () => {
    const store = newStore();
    // Each needs the address of the other before the other is started.
    const [near, far] = [await freePort(), await freePort()];
    const peerUrls = [near, far].map((port) => `http://127.0.0.1:${port}`);
    const one = await startInspected({ store, inspect: { node: `booking-${near}`, peerUrls } });
    const states = async () => (await fetch(`${one.url}/inspect/states`)).json();
    expect(await states()).toMatchObject([near, far].sort().map((port) => ({ node: `booking-${port}` })));
    expect((await states()).filter(({ seats }: { seats?: object }) => !seats)).toEqual([{ node: `booking-${far}` }]);
    expect((await openFeed(one.url, 'A1', { node: `booking-${far}` })).status).toBe(503);
    expect((await openFeed(one.url, 'A1', { node: 'booking-1' })).status).toBe(404);

    const two = await startInspected({ store, inspect: { node: `booking-${far}`, peerUrls }, port: far });
    const feed = await joined(await openFeed(one.url, 'A1', { node: `booking-${far}` }));
    expect(ofType(feed, 'hello')[0]?.node).toBe(`booking-${far}`);
    expect([one.attached(), two.attached()]).toEqual([[], ['seat-A1: 1']]);
    await two.command('select', 'A1', 'ann');
    await waitFor(() =>
      expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({
        context: { seat: { held_by: 'ann' } },
      }),
    );
    expect(await states()).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({
          node: `booking-${far}`,
          seats: expect.objectContaining({ A1: { state: 'held', seq: 1 } }),
        }),
      ]),
    );
    feed.close();
    await waitFor(() => expect(two.attached()).toEqual([]));
  });
});
