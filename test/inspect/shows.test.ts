import { describe, expect, test, vi } from 'vitest';
import { MemoryBusLine } from '../../src/events/memory-event-bus.ts';
import type { RateLimits } from '../../src/identity/access.ts';
import { NodeDifferences } from '../../src/inspect-page/node-differences.ts';
import { SaleHistory } from '../../src/inspect-page/sale-history.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import { readShow } from '../../src/shows/read-shows.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import type { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { patience } from '../support/patience.ts';
import { freePort } from '../support/servers.ts';
import { type FeedReader, joined, newStore, ofType, openFeed, sinceJoined, startInspected } from './inspect-fixture.ts';

const chamber = readShow('shows/chamber.json');
/** 9,930 seats. */
const arena = readShow('shows/arena.json');
const waitFor = (check: () => void) => vi.waitFor(check, patience);

async function startShows(options: Parameters<typeof startInspected>[0] = {}) {
  const started = await startInspected({ shows: [arena, chamber], ...options });
  const { onSale, app } = started;
  const change = (show: string, action: 'select' | 'release' | 'book', seatId: string, userId = 'ann') =>
    onSale.get(show).service.command({ action, seatIds: [seatId], userId });
  const openIds = () => [...onSale.opened].map(({ show }) => show.id);
  const running = (show: string) => onSale.get(show).service.seatActors.running;
  const read = async (url: string) => (await app.inject({ url })).json();
  return { ...started, change, openIds, running, read };
}

const actorIds = (feed: FeedReader) => ofType(feed, '@xstate.actor').map(({ sessionId }) => sessionId);
const historyLines = (payload: string) =>
  payload
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('[R610] every route of the inspector is about the show of its query, by default the default show', () => {
  test('feed, states and history', async () => {
    const { url, app, change, command, read } = await startShows();
    await command('select', 'A1', 'bob');
    await change('chamber', 'select', 'A1', 'eve');
    await change('chamber', 'book', 'A1', 'eve');
    for (const [show, value, seats, last] of [
      [undefined, 'held', 100, 1],
      ['main', 'held', 100, 1],
      ['chamber', 'booked', 120, 2],
    ] as const) {
      const query = show ? `?show=${show}` : '';
      const feed = await joined(await openFeed(url, 'A1', show ? { show } : {}));
      expect(ofType(feed, '@xstate.actor')[0]?.snapshot).toMatchObject({ value });
      expect(await read(`/inspect/states${query}`)).toEqual([
        { node: 'booking-1', seats: { A1: { state: value, seq: last } } },
      ]);
      const [start, ...events] = historyLines((await app.inject({ url: `/inspect/history${query}` })).payload);
      expect([start.seats.length, events.length]).toEqual([seats, last]);
    }
    const feed = await joined(await openFeed(url, 'all', { show: 'chamber' }));
    expect(actorIds(feed)).toHaveLength(120);
  });

  test('an unknown show is 404 and named; the pages list the existing shows', async () => {
    const odd = { ...chamber, id: 'odd', name: '<b>Odd</b>' };
    const { app, openIds } = await startShows({ shows: [odd] });
    for (const path of ['feed?seats=A1&', 'states?', 'history?', 'settings?']) {
      const reply = await app.inject({ url: `/inspect/${path}show=opera` });
      expect([path, reply.statusCode, reply.json().error]).toMatchObject([
        path,
        404,
        { code: 'UNKNOWN_SHOW', message: 'There is no show opera' },
      ]);
    }
    for (const path of ['/inspect', '/inspect/live']) {
      const reply = await app.inject({ url: `${path}?show=%3Ci%3Eopera` });
      expect(reply.statusCode).toBe(404);
      expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(reply.body).toContain('There is no show &#60;i&#62;opera');
      expect(reply.body).toContain(`<a href="${path}?show=odd">&#60;b&#62;Odd&#60;/b&#62;</a>`);
      expect(reply.body).not.toMatch(/<i>|<b>/);
      expect((await app.inject({ url: `${path}?show=odd` })).statusCode).toBe(200);
    }
    expect(openIds()).toEqual(['main']);
  });

  test('an unknown seat of the show is named with the show', async () => {
    const { app, read } = await startShows();
    const { message } = (await read('/inspect/feed?seats=A1,F2-A7,Z9&show=arena')).error;
    expect(message).toBe('No such seat in the show arena: A1, Z9');
    expect(await read('/inspect/settings?show=arena&seats=f2-a7,A1')).toMatchObject({
      show: 'arena',
      shows: [
        { id: 'main', name: 'Main' },
        { id: 'arena', name: 'Summer night in the arena' },
        { id: 'chamber', name: 'String quartet in the chamber hall' },
      ],
      size: 9_930,
      seats: ['F2-A7'],
      unknown_seats: ['A1'],
    });
    expect((await app.inject({ url: '/inspect/feed?seats=F2-A7' })).statusCode).toBe(404);
  });
});

test.each(['feed?seats=A1', 'states', 'history'])(
  '[R611] a show that is not open yet is opened by /inspect/%s',
  async (path) => {
    const { url, app, openIds, onSale } = await startShows();
    expect(openIds()).toEqual(['main']);
    if (path.startsWith('feed')) await joined(await openFeed(url, 'A1', { show: 'chamber' }));
    else expect((await app.inject({ url: `/inspect/${path}?show=chamber` })).statusCode).toBe(200);
    expect(openIds()).toEqual(['main', 'chamber']);
    expect(onSale.get('chamber').service.isOpen).toBe(true);
  },
);

describe('[R612] watching starts no actor', () => {
  test('whatever is watched; an actor that does not run is shown in its initial state', async () => {
    const { url, change, running, app } = await startShows();
    await change('chamber', 'select', 'B2', 'bob');
    const feed = await joined(await openFeed(url, 'all', { show: 'chamber' }));
    await joined(await openFeed(url, 'all,F2-A7,101-A1', { show: 'arena' }));
    for (const path of ['states', 'history', 'settings']) await app.inject({ url: `/inspect/${path}?show=arena` });
    expect([running('chamber'), running('arena')]).toEqual([1, 0]);
    expect(actorIds(feed)).toHaveLength(120);
    const [shown] = ofType(feed, '@xstate.actor', 'seat-C3');
    expect(shown?.snapshot).toMatchObject({ status: 'active', value: 'available', context: { seat: { id: 'C3' } } });
  });

  test('it is observed from its first transition on, and sent like any other', async () => {
    const { url, change, running } = await startShows();
    const feed = await joined(await openFeed(url, 'C3', { show: 'chamber' }));
    await change('chamber', 'select', 'C3', 'bob');
    await waitFor(() => expect(sinceJoined(feed).filter(({ type }) => type !== 'time')).toHaveLength(5));
    expect(ofType(feed, '@xstate.event').map(({ event }) => event.type)).toEqual(['REQUEST', 'HELD', 'REPLY']);
    expect(ofType(feed, 'transition')).toMatchObject([{ classes: ['on-seat_available_HELD_0'] }]);
    expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'held' });
    expect(running('chamber')).toBe(1);
    await change('chamber', 'book', 'C3', 'bob');
    await waitFor(() => expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'booked' }));
  });

  test('a failure while it starts to observe does not affect the seat', async () => {
    const { url, change, onSale } = await startShows();
    const { service } = onSale.get('chamber');
    await joined(await openFeed(url, 'C3', { show: 'chamber' }));
    vi.spyOn(service.seatActors, 'actor').mockImplementationOnce(() => {
      throw new Error('broken');
    });
    expect((await change('chamber', 'select', 'C3')).refusal).toBeUndefined();
    expect(service.seatActors.started('C3')?.getSnapshot().value).toBe('held');
  });
});

describe('[R613] of a show with too many seats, `all` shows those that changed last', () => {
  const few = { inspect: { limits: { seats: 3 } } };

  test('at first those that have changed, then each that changes, and at most as many as fit', async () => {
    const { url, change } = await startShows(few);
    for (const id of ['A1', 'A2', 'A3', 'A4']) await change('chamber', 'select', id);
    await change('chamber', 'release', 'A2');
    const feed = await joined(await openFeed(url, 'all', { show: 'chamber' }));
    expect(ofType(feed, 'hello')[0]?.seats.sort()).toEqual(['A2', 'A3', 'A4']);
    await change('chamber', 'select', 'B1', 'bob');
    await change('chamber', 'book', 'A4');
    await change('chamber', 'select', 'B2', 'bob');
    await waitFor(() => expect(ofType(feed, '@xstate.snapshot', 'seat-B2')).toHaveLength(1));
    expect(ofType(feed, 'dropped').map(({ seat }) => seat)).toEqual(['A3', 'A2']);
    expect(actorIds(feed).slice(3)).toEqual(['seat-B1', 'seat-B2']);
    // A seat that is new to the feed is sent in the state before its transition, with the request that led to it.
    const types = feed.messages.flatMap((message) =>
      'sessionId' in message && message.sessionId === 'seat-B1' ? [message.type] : [],
    );
    expect(types.slice(0, 5)).toEqual([
      '@xstate.actor',
      '@xstate.event',
      '@xstate.event',
      'transition',
      '@xstate.snapshot',
    ]);
    expect(ofType(feed, '@xstate.actor', 'seat-B1')[0]?.snapshot).toMatchObject({ value: 'available' });
    expect(ofType(feed, '@xstate.snapshot', 'seat-B1').at(-1)?.snapshot).toMatchObject({ value: 'held' });

    await change('chamber', 'book', 'A3');
    await waitFor(() => expect(ofType(feed, '@xstate.actor', 'seat-A3')).toHaveLength(2));
    const again = feed.messages.indexOf(ofType(feed, '@xstate.actor', 'seat-A3')[1] as never);
    const earlier = feed.messages.slice(again).filter((message) => message.type === '@xstate.event');
    expect(earlier[0]?.event, 'its earlier events').toMatchObject({ type: 'HELD', fact: { seq: 3 } });
  });

  test('named seats are not dropped', async () => {
    const { url, change } = await startShows(few);
    const feed = await joined(await openFeed(url, 'all,J1', { show: 'chamber' }));
    expect(ofType(feed, 'hello')[0]?.seats).toEqual(['J1']);
    for (const id of ['J1', 'A1', 'A2', 'A3', 'A4']) await change('chamber', 'select', id);
    await change('chamber', 'book', 'J1');
    await waitFor(() =>
      expect(ofType(feed, '@xstate.snapshot', 'seat-J1').at(-1)?.snapshot).toMatchObject({ value: 'booked' }),
    );
    expect(ofType(feed, 'dropped').map(({ seat }) => seat)).toEqual(['A1', 'A2']);
    expect(actorIds(feed)).toEqual(['J1', 'A1', 'A2', 'A3', 'A4'].map((id) => `seat-${id}`));
  });

  test('transitions of another process count too; nothing is observed after the viewer has left', async () => {
    const [near, far] = await startTwo();
    const feed = await joined(await openFeed(near.url, 'all', { show: 'arena' }));
    await far.change('arena', 'select', 'F2-A7', 'bob');
    await waitFor(() => expect(ofType(feed, '@xstate.snapshot').at(-1)?.snapshot).toMatchObject({ value: 'held' }));
    expect(actorIds(feed)).toEqual(['seat-F2-A7']);
    const { service } = near.onSale.get('arena');
    feed.close();
    await waitFor(() => expect(service.watcher).toBeUndefined());
  });
});

async function startTwo() {
  const store = newStore();
  const stores = new Map<string, MemorySeatStore>();
  const [near, far] = [await freePort(), await freePort()];
  const peerUrls = [near, far].map((port) => `http://127.0.0.1:${port}`);
  const line = new MemoryBusLine();
  const start = (port: number) =>
    startShows({ store, stores, line, port, inspect: { node: `booking-${port}`, peerUrls } });
  return [await start(near), await start(far)] as const;
}

describe('[R614] processes are compared for each show', () => {
  test('through any process, without the seats that never changed', async () => {
    const [near, far] = await startTwo();
    await far.change('arena', 'select', 'F2-A7', 'bob');
    await waitFor(async () => {
      const states = await near.read('/inspect/states?show=arena');
      const seats = { 'F2-A7': { state: 'held', seq: 1 } };
      expect(states).toMatchObject([{ seats }, { seats }]);
      expect(Object.keys(states[0].seats)).toHaveLength(1);
    });
    expect(await near.read('/inspect/states')).toMatchObject([{ seats: {} }, { seats: {} }]);
    const farNode = new URL(far.url).port;
    const feed = await joined(await openFeed(near.url, 'F2-A7', { show: 'arena', node: `booking-${farNode}` }));
    expect(ofType(feed, '@xstate.actor')[0]?.snapshot).toMatchObject({ value: 'held' });
  });

  test('a seat that changed in one process only is a difference', () => {
    const differences = new NodeDifferences();
    const nodes = [
      { node: 'one', seats: {} },
      { node: 'two', seats: { A1: { state: 'held', seq: 1 } } },
    ];
    differences.compare(nodes);
    expect(differences.compare(nodes)).toEqual([
      {
        seatId: 'A1',
        states: new Map([
          ['one', 'available · 0'],
          ['two', 'held · 1'],
        ]),
      },
    ]);
  });
});

describe('[R615] limits are those of the process', () => {
  test('one address has 8 viewers, of whatever shows; each page shows the number of all viewers', async () => {
    const { url } = await startShows({ inspect: { limits: { timeEveryMs: 50 } } });
    const shows = ['main', 'chamber', 'arena'];
    const feeds: FeedReader[] = [];
    for (let n = 0; n < 8; n++) feeds.push(await openFeed(url, 'all', { show: shows[n % 3] as string }).then(joined));
    for (const show of shows) expect((await openFeed(url, 'all', { show })).status).toBe(429);
    await waitFor(() => expect(feeds.map((feed) => ofType(feed, 'time').at(-1)?.viewers)).toEqual(Array(8).fill(8)));
  });

  test('the serialised transitions of few shows are kept; the history of another show is read again', async () => {
    const { app, change, onSale } = await startShows({ inspect: { limits: { keptHistories: 1 } } });
    await change('chamber', 'select', 'A1');
    await change('arena', 'select', 'F2-A7');
    const read = vi.spyOn(onSale.get('chamber').service, 'eventsAfter');
    const history = async (show: string) => {
      read.mockClear();
      expect(historyLines((await app.inject({ url: `/inspect/history?show=${show}` })).payload)).toHaveLength(2);
      return read.mock.calls.length > 0;
    };
    expect([await history('chamber'), await history('chamber')]).toEqual([true, false]);
    expect([await history('arena'), await history('chamber')]).toEqual([false, true]);
  });

  test('a request costs 5 points, and 1 more for each 1,000 seats of its show', async () => {
    const rateLimits = { requestsPerSecondPerAddress: 30 } as RateLimits;
    const { app } = await startShows({ access: { rateLimits } });
    const served = async (query: string, from: string) => {
      const headers = { 'x-forwarded-for': from };
      const replies = [];
      for (let n = 0; n < 8; n++)
        replies.push((await app.inject({ url: `/inspect/settings${query}`, headers })).statusCode);
      return replies.filter((status) => status === 200).length;
    };
    expect(await served('', '203.0.113.1')).toBe(6);
    expect(await served('?show=chamber', '203.0.113.2')).toBe(6);
    expect(await served('?show=arena', '203.0.113.3')).toBe(2);
  });
});

test('[R617] a moment of a replay: the seats that had changed last, at most the requested number', async () => {
  const seats = [...emptySeats(defaultShow({ rows: 1, cols: 6 }).plan)];
  const event = (seat_id: string, seq: number, type: 'held' | 'released' = 'held'): SeatEvent => ({
    ...{ type, seat_id, user_id: 'ann', status: type === 'held' ? 1 : 0, timestamp: '', epoch: 'e', seq },
  });
  const events = [event('A2', 1), event('A1', 2), event('A2', 3, 'released'), event('A4', 4), event('A6', 5)];
  const history = new SaleHistory({ epoch: 'e', from: 0, to: 5, seats }, events);
  const latest = (moment: number, max: number) =>
    history
      .latestAt(moment, max)
      .map(({ id, status }) => `${id} ${status}`)
      .sort();
  expect(latest(0, 3)).toEqual([]);
  expect(latest(2, 3)).toEqual(['A1 1', 'A2 1']);
  expect(latest(3, 1)).toEqual(['A2 0']);
  expect(latest(5, 3)).toEqual(['A2 0', 'A4 1', 'A6 1']);
  expect(latest(5, 4)).toEqual(['A1 1', 'A2 0', 'A4 1', 'A6 1']);
});

test('[R618] the context of a seat names its place for people', async () => {
  const { url } = await startShows();
  const feed = await joined(await openFeed(url, 'F2-A7', { show: 'arena' }));
  expect(ofType(feed, '@xstate.actor')[0]?.snapshot).toMatchObject({ context: { place: 'Floor 2, row A, seat 7' } });
});
