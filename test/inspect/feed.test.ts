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

describe('[R150] an actor is watched while somebody watches', () => {
  test('nobody: nothing is attached, whatever happens to the seats', async () => {
    const { attached, command, app } = await startInspected();
    await command('select', 'A1', 'ann');
    await command('book', 'A1', 'ann');
    expect((await app.inject({ url: '/inspect/states' })).statusCode).toBe(200);
    expect((await app.inject({ url: '/inspect/history' })).statusCode).toBe(200);
    expect(attached()).toEqual([]);
  });

  test('from the first that comes to the last that leaves, once', async () => {
    const { url, attached } = await startInspected();
    const one = await joined(await openFeed(url, 'A1,A2'));
    const two = await joined(await openFeed(url, 'A1'));
    expect(attached()).toEqual(['seat-A1: 1', 'seat-A2: 1']);
    one.close();
    await waitFor(() => expect(attached()).toEqual(['seat-A1: 1']));
    two.close();
    await waitFor(() => expect(attached()).toEqual([]));
  });

  test('after the venue was opened anew, the new actors, told anew', async () => {
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

describe('[R151] who joins late is told all', () => {
  test('definition, id, snapshot, last events, then what happens now', async () => {
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
    expect(ofType(feed, '@xstate.event').map(({ event }) => event.type)).toEqual(['ASK', 'HELD', 'ANSWERED']);
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
      'ASK',
      'HELD',
      'ANSWERED',
      'ASK',
      'BOOKED',
      'ANSWERED',
    ]);
    expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'booked' });
  });

  test('of all 100 seats at once, each with its events, at most 50, and again after a reconnect', async () => {
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
    for (let i = 0; i < 20; i++) await command('select', 'A1', `user${i}`); // 40 more: ASK and ANSWERED
    const last = await joined(await openFeed(url, 'A1'));
    expect(ofType(last, '@xstate.event')).toHaveLength(50);
  });

  test('[R152] the first to come is told from the log what happened before', async () => {
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

  test('a venue without that seat says so', async () => {
    const { url } = await startInspected();
    expect((await openFeed(url, 'Z99')).status).toBe(404);
    expect((await openFeed(url, '')).status).toBe(404);
  });
});

describe('[R154] only what is named is sent', () => {
  test('users are shortened; what else is in an event or a context stays here', async () => {
    const { url, service, command } = await startInspected();
    const feed = await joined(await openFeed(url, 'A1'));
    await command('select', 'A1', 'user_0123456789abcdef');
    service.seatActors.actor('A1')?.send({
      type: 'ASK',
      commands: [{ action: 'select', userId: 'user_0123456789abcdef', token: 'SECRET' } as never],
      address: '203.0.113.9',
    } as never);
    await waitFor(() => expect(ofType(feed, '@xstate.event').length).toBeGreaterThan(3));
    const late = await joined(await openFeed(url, 'A1'));
    const told = JSON.stringify([feed.messages, late.messages]);
    expect(told).toContain('user_…def');
    expect(told).not.toMatch(/0123456789|SECRET|203\.0\.113/);
  });

  test('the history as well', async () => {
    const { app, command } = await startInspected();
    await command('select', 'A1', 'user_0123456789abcdef');
    const { payload } = await app.inject({ url: '/inspect/history' });
    expect(payload).toContain('user_…def');
    expect(payload).not.toContain('0123456789');
  });
});

describe('[R155] only our own pages', () => {
  test.each([
    ['another page', { host: 'localhost:8000', origin: 'https://evil.example' }, 403],
    ['another port of this machine', { host: 'localhost:8000', origin: 'http://localhost:3000' }, 403],
    ['a sandboxed page', { host: 'localhost:8000', origin: 'null' }, 403],
    ['a name that somebody made lead here', { host: 'evil.example', origin: 'http://evil.example' }, 403],
    ['another site, which tells no origin', { host: 'localhost:8000', 'sec-fetch-site': 'cross-site' }, 403],
    ['our page', { host: 'localhost:8000', origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' }, 200],
    ['our page at an address', { host: '[::1]:8000', origin: 'http://[::1]:8000' }, 200],
    ['a name that was named', { host: 'seats.example', origin: 'http://seats.example' }, 200],
    ['a program', { host: '127.0.0.1:8000' }, 200],
  ])('%s', async (_who, headers, status) => {
    const { app } = await startInspected({ inspect: { hosts: ['seats.example'] } });
    for (const url of ['/inspect/states', '/inspect/history', '/inspect/settings']) {
      expect((await app.inject({ url, headers })).statusCode).toBe(status);
    }
    if (status === 403) expect((await app.inject({ url: '/inspect/feed?seats=A1', headers })).statusCode).toBe(403);
  });

  test('[R158] off: there is nothing there', async () => {
    const { app } = await startInspected({ inspect: 'off' });
    for (const path of ['', '/live', '/feed', '/states', '/history', '/settings', '/assets/live.js']) {
      expect((await app.inject({ url: `/inspect${path}` })).statusCode).toBe(404);
    }
  });
});

describe('[R156] viewers are bounded', () => {
  test('20 may watch; the next is told to come back, and may when one has gone', async () => {
    const { url } = await startInspected();
    let address = 0;
    const open = () => openFeed(url, 'A1', from(`203.0.113.${address++}`));
    const feeds = await Promise.all(Array.from({ length: 20 }, () => open().then(joined)));
    expect((await open()).status).toBe(429);
    feeds[0]?.close();
    await waitFor(async () => expect((await open()).status).toBe(200));
  });

  test('[R350] one address gets 8 of the 20 places, through whichever process it watches; others get theirs', async () => {
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

  test('[R352] a feed that is opened again and again reads no log, and is soon refused', async () => {
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

  test('who does not read is cut off; the others and the seats notice nothing', async () => {
    const { url, command, attached } = await startInspected({ inspect: { limits: { bufferedBytes: 50_000 } } });
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
    let commands = 0;
    await vi.waitFor(
      async () => {
        for (let i = 0; i < 200; i++) await command('select', 'A1', `user${commands++}`);
        silent.resume(); // what the kernel has taken in is read, so that the end is seen
        silent.pause();
        expect(attached()).toEqual(['seat-A1: 1']);
      },
      { timeout: 60_000, interval: 1 },
    );
    silent.resume();
    await waitFor(() => expect(isCutOff).toBe(true));
    await waitFor(() =>
      expect(ofType(reading, '@xstate.event').filter(({ event }) => event.type === 'ASK')).toHaveLength(commands),
    );
    expect(await command('book', 'A1', 'user0')).toMatchObject({ success: true });
  }, 90_000);

  test('the end of the process ends the feeds, and waits for none', async () => {
    const { app, url } = await startInspected();
    const feed = await joined(await openFeed(url, 'all'));
    await app.close();
    await waitFor(() => expect(feed.ended).toBe(true));
  });
});

test('[R157] a failure of the inspector is not the seat’s', async () => {
  const { url, service, command } = await startInspected();
  const feed = await joined(await openFeed(url, 'A1'));
  // Nothing of this can be written as JSON.
  service.seatActors.actor('A1')?.send({
    type: 'ASK',
    get commands() {
      throw new Error('broken');
    },
  } as never);
  service.seatActors.actor('A1')?.send({ type: 'ANSWERED' } as never);
  expect(await command('select', 'A1', 'ann')).toMatchObject({ success: true });
  await waitFor(() => expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'held' }));
});

describe('[R162] every process can be watched through any other', () => {
  test('its feed, its states, and that it does not answer', async () => {
    const store = newStore();
    // Each has to know where the other will be before it is there.
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
