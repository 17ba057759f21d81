import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { VenueFeed } from '../../src/edge/venue-feed.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { commitNext } from '../support/commit-next.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeBus } from './edge-fixture.ts';

const startMs = 1_700_000_000_000;
const layout = { rows: 1, cols: 3 };

/** A feed between a bus with messages of the test and a store that is called directly; the test advances the clock. */
async function setUp({ keepEvents = 100_000, pageEvents = 100, askMs = 0 } = {}) {
  const clock = new VirtualClock();
  const nowMs = () => startMs + clock.nowMs();
  const rules = { plan: gridPlan(layout), holdTtlMs: 30_000, maxHoldsPerUser: 6, keepEvents, nowMs };
  let store = new MemorySeatStore(rules);
  let position = { epoch: (await store.open()).epoch, seq: 0 };
  const bus = new FakeBus();
  const told: string[] = [];
  const asked: string[] = [];
  const warned: string[] = [];
  const state = { isStale: false, fails: false, listenerThrows: false, system: 'ours' };
  const ask = async <T>(what: string, answer: () => Promise<T>): Promise<T> => {
    asked.push(what);
    if (state.fails) throw new Error('nobody answers');
    const answered = await answer();
    if (askMs > 0 && feed.isReady()) await new Promise<void>((resolve) => void clock.setTimeout(resolve, askMs));
    return answered;
  };
  const feed = new VenueFeed({
    show: 'main',
    bus,
    clock,
    booking: {
      venue: () =>
        ask('venue', async () => {
          const { epoch, seq, seats } = await store.open();
          const rest = {
            system: state.system,
            venue: 'main',
            server_time: nowMs() / 1000,
            hold_seconds: 30,
            max_holds: 6,
          };
          return { ...rest, ...layout, epoch, seq, seats, ...(state.isStale && { stale: true }) } as VenueState;
        }),
      eventsAfter: (_, from) =>
        ask('events', async () => {
          const { epoch, seq, events } = await store.eventsAfter(from, pageEvents);
          return { epoch, seq, server_time: nowMs() / 1000, ...(events && { events }) };
        }),
    },
    logger: pino(
      { level: 'info' },
      { write: (line: string) => void warned.push((JSON.parse(line) as { msg: string }).msg) },
    ),
  });
  onTestFinished(() => feed.close());
  feed.start({
    onUpdate: ({ seq }) => {
      if (state.listenerThrows) throw new Error('of the listener');
      told.push(`${seq}`);
    },
    onReset: () => void told.push('reset'),
    onStale: (isStale) => void told.push(isStale ? 'stale' : 'fresh'),
    onCatchUp: (kind) => void told.push(`caught up by ${kind}`),
  });
  const heartbeat = () => bus.tellHeartbeat({ ...position, server_time: nowMs() / 1000 });
  await feed.ready;
  heartbeat();
  const forget = () => {
    for (const list of [told, asked, warned]) list.length = 0;
  };
  forget();
  return {
    feed,
    bus,
    told,
    asked,
    warned,
    state,
    seq: () => position.seq,
    forget,
    heartbeat,
    commit: async (): Promise<SeatEvent> => {
      const event = await commitNext(store, position);
      position = { ...position, seq: event.seq };
      return event;
    },
    /** Trims the log, which then begins after `seq`. */
    trimTo: (seq: number) => store.markRelayed({ ...position, seq }),
    startOver: async () => {
      store = new MemorySeatStore(rules);
      position = { epoch: (await store.open()).epoch, seq: 0 };
    },
    /** Sends a heartbeat every 500 ms, if `beats`. */
    pass: async (ms: number, beats = false) => {
      for (let passed = 5; passed <= ms; passed += 5) {
        clock.increment(5);
        if (beats && clock.nowMs() % 500 === 0) heartbeat();
        await settle();
      }
    },
  };
}

describe('[G6] the feed of an edge requests missing data', () => {
  test('after 20 ms, if it has not arrived by then', async () => {
    const { bus, commit, told, asked, pass } = await setUp();
    const [first, second, third] = [await commit(), await commit(), await commit()];
    bus.emit(third, second);
    await pass(15);
    expect(asked).toEqual([]);
    bus.emit(first);
    expect(told).toEqual(['1', '2', '3']);
    await pass(100, true);
    expect(asked).toEqual([]);

    await commit();
    bus.emit(await commit());
    await pass(20);
    expect(asked).toEqual(['events']);
    expect(told.slice(3)).toEqual(['4', '5', 'caught up by events']);
  });

  test('again for later gaps while it waits', async () => {
    const { bus, commit, told, asked, pass } = await setUp();
    const first = await commit();
    bus.emit(await commit());
    await pass(10);
    bus.emit(first);
    await commit();
    bus.emit(await commit());
    await pass(10);
    expect(asked, 'what it waited for has come').toEqual([]);
    await pass(20);
    expect(asked).toEqual(['events']);
    expect(told).toEqual(['1', '2', '3', '4', 'caught up by events']);
  });

  test('if a heartbeat is ahead, and only then', async () => {
    const { commit, told, asked, heartbeat, pass } = await setUp();
    await pass(1_000, true);
    expect(asked).toEqual([]);
    await commit();
    heartbeat();
    await pass(15);
    expect(asked).toEqual([]);
    await pass(5);
    expect(told).toEqual(['1', 'caught up by events']);
  });

  test('as soon as the bus is connected again', async () => {
    const { bus, commit, told, pass } = await setUp();
    await commit();
    bus.connect();
    await pass(5);
    expect(told).toEqual(['1', 'caught up by events']);
  });

  test.each([
    ['the bus is not connected', false, true],
    ['no heartbeat comes for 2 s', true, false],
  ])('twice a second while %s', async (_, isConnected, beats) => {
    const { bus, asked, pass, forget, told, commit } = await setUp();
    bus.connected = isConnected;
    await pass(2_500, beats);
    forget();
    await commit();
    await pass(2_000, beats);
    expect(asked).toEqual(['events', 'events', 'events', 'events']);
    expect(told).toEqual(['1', 'caught up by events']);
  });

  test('not while heartbeats arrive', async () => {
    const { asked, pass } = await setUp();
    await pass(10_000, true);
    expect(asked).toEqual([]);
  });

  test.each(['an event', 'a heartbeat'] as const)(
    'by loading the whole venue if %s is of another epoch',
    async (what) => {
      const { feed, bus, asked, told, startOver, commit, heartbeat, pass } = await setUp();
      bus.emit(await commit());
      await startOver();
      const event = await commit();
      if (what === 'an event') bus.emit(event);
      else heartbeat();
      await pass(5);
      expect(asked).toEqual(['events', 'venue']);
      expect(told).toEqual(['1', 'caught up by venue', 'reset']);
      expect(feed.position).toEqual({ epoch: event.epoch, seq: 1 });
    },
  );

  test('by loading the whole venue if the log does not reach back', async () => {
    const { asked, told, commit, trimTo, heartbeat, pass } = await setUp({ keepEvents: 1 });
    for (let i = 0; i < 5; i++) await commit();
    await trimTo(5);
    heartbeat();
    await pass(20);
    expect(asked).toEqual(['events', 'venue']);
    expect(told).toEqual(['caught up by venue', 'reset']);
  });

  test('again after 250 ms if there is no reply, and logs it once', async () => {
    const { state, told, asked, warned, commit, heartbeat, pass } = await setUp();
    state.fails = true;
    await commit();
    heartbeat();
    await pass(20 + 600);
    expect(asked).toEqual(['events', 'events', 'events']);
    expect(warned).toEqual(['Cannot catch up with the venue, retrying']);
    state.fails = false;
    await pass(200);
    expect(told).toEqual(['1', 'caught up by events']);
    expect(warned.slice(1)).toEqual(['The booking service is available again']);
  });

  test('if its listener fails', async () => {
    const { bus, state, asked, warned, commit, pass } = await setUp();
    state.listenerThrows = true;
    bus.emit(await commit());
    await pass(5);
    expect(warned).toEqual(['A message about the venue could not be processed']);
    expect(asked).toEqual(['events']);
  });

  test('but not once it is closed', async () => {
    const { feed, bus, told, asked, commit, heartbeat, pass } = await setUp();
    const event = await commit();
    await commit();
    heartbeat();
    feed.close();
    bus.emit(event);
    bus.connect();
    await pass(5_000);
    expect([...asked, ...told]).toEqual([]);
  });
});

describe('[R271] the feed of an edge catches up completely', () => {
  /** Commits events while NATS is unavailable, every `everyMs`, for `ms`. */
  async function commitWithoutNats(
    { commit, bus, pass }: Awaited<ReturnType<typeof setUp>>,
    perStep: number,
    ms: number,
  ) {
    bus.connected = false;
    for (let passed = 0; passed < ms; passed += 100) {
      for (let i = 0; i < perStep; i++) await commit();
      await pass(100);
    }
  }

  test('without NATS, with many more events between two requests than a page has', async () => {
    const venue = await setUp({ pageEvents: 10 });
    await commitWithoutNats(venue, 30, 3_000);
    await venue.pass(500);
    expect([venue.feed.position.seq, venue.feed.stale]).toEqual([900, false]);
    expect(venue.asked).not.toContain('venue');
    expect(venue.told.filter((what) => /^[0-9]+$/.test(what)).map(Number)).toEqual(
      Array.from({ length: 900 }, (_, i) => i + 1),
    );
  });

  test('with the whole venue if that is cheaper than the missing events', async () => {
    const { bus, commit, feed, asked, told, pass } = await setUp({ pageEvents: 10 });
    bus.connected = false;
    for (let i = 0; i < 4_100; i++) await commit();
    await pass(500);
    expect(asked).toEqual(['events', 'venue']);
    expect(told).toEqual(['caught up by venue', 'reset']);
    expect(feed.position.seq).toBe(4_100);
  });

  test('although events are committed faster than it reads', async () => {
    const { bus, commit, asked, feed, pass, forget } = await setUp({ pageEvents: 5, askMs: 5 });
    bus.connected = false;
    for (let i = 0; i < 50; i++) await commit();
    await pass(495);
    forget();
    for (let passed = 0; passed < 400; passed += 5) {
      for (let i = 0; i < 6; i++) await commit();
      await pass(5);
    }
    expect(asked, 'for the 56 events that there were when it began').toHaveLength(12);
    expect(feed.position.seq).toBe(60);
  });

  test('[G5] and is stale while an event has been missing for more than 2 s, whatever else arrives', async () => {
    const { bus, state, commit, feed, told, pass } = await setUp();
    state.fails = true;
    await commit();
    for (let passed = 0; passed < 1_900; passed += 100) {
      bus.emit(await commit());
      await pass(100, true);
    }
    expect(feed.stale).toBe(false);
    for (let passed = 0; passed < 700; passed += 100) {
      bus.emit(await commit());
      await pass(100, true);
    }
    expect([feed.stale, feed.position.seq]).toEqual([true, 0]);
    state.fails = false;
    await pass(300, true);
    expect([feed.stale, feed.position.seq]).toEqual([false, 27]);
    expect(told.filter((what) => what === 'stale' || what === 'fresh')).toEqual(['stale', 'fresh']);
  });

  test('[G5] and is stale while it advances but stays behind', async () => {
    const { bus, commit, feed, pass, heartbeat } = await setUp({ pageEvents: 5, askMs: 500 });
    for (let passed = 0; passed < 6_000; passed += 100) {
      bus.connected = false;
      for (let i = 0; i < 3; i++) await commit();
      await pass(100);
      if (passed % 500 === 0) heartbeat();
    }
    expect(feed.position.seq).toBeGreaterThan(20);
    expect(feed.stale).toBe(true);
  });

  test('[G10] with the whole venue if a page does not help, instead of repeating the request forever', async () => {
    const { bus, asked, commit, feed, pass } = await setUp({ pageEvents: 0 });
    bus.connected = false;
    await commit();
    await pass(500);
    expect(asked).toEqual(['events', 'venue']);
    expect(feed.position.seq).toBe(1);
  });

  test('[G10] and does not become stale within a second after it became fresh', async () => {
    const { bus, state, told, commit, trimTo, pass, heartbeat, seq } = await setUp({ keepEvents: 1 });
    state.isStale = true;
    bus.connected = false;
    for (let passed = 0; passed < 4_000; passed += 100) {
      for (let i = 0; i < 3; i++) await commit();
      await trimTo(seq());
      await pass(100);
      heartbeat();
    }
    const changes = told.filter((what) => what === 'stale' || what === 'fresh').length;
    expect(changes).toBeLessThanOrEqual(8);
  });
});

describe('[R272] two systems on one NATS', () => {
  const foreign = { system: 'theirs', epoch: 'foreign-epoch', server_time: 5 };
  const foreignEvent = (seq: number) => ({
    type: 'held' as const,
    seat_id: 'A1',
    user_id: 'mallory',
    status: 1 as const,
    timestamp: '2023-11-14T22:13:20.000Z',
    system: 'theirs',
    epoch: 'foreign-epoch',
    seq,
  });

  test('events and heartbeats of the other one change nothing, after one request', async () => {
    const { feed, bus, asked, told, pass } = await setUp();
    const before = feed.serverTime();
    for (let seq = 1; seq <= 680; seq++) {
      bus.emit(foreignEvent(seq));
      if (seq % 50 === 0) bus.tellHeartbeat({ ...foreign, seq, hold_seconds: 999 });
      await pass(5, true);
    }
    expect(asked).toEqual(['events']);
    expect([told, feed.header().hold_seconds]).toEqual([[], 30]);
    expect(feed.serverTime() - before).toBeCloseTo(3.4, 1);
  });

  test('a heartbeat of another venue changes nothing either, whatever its position', async () => {
    const { feed, bus, asked, pass } = await setUp();
    const { epoch } = feed.position;
    for (let i = 0; i < 20; i++) {
      bus.tellHeartbeat({ system: 'ours', venue: 'friday', epoch, seq: 1_000, server_time: 5 });
      await pass(500, true);
    }
    expect(asked).toEqual(['events']);
    expect(feed.stale).toBe(false);
  });

  test('the heartbeats of the other one do not show that our Redis is available', async () => {
    const { feed, bus, state, pass } = await setUp();
    state.fails = true;
    for (let i = 0; i < 10; i++) {
      bus.tellHeartbeat({ ...foreign, seq: 1 });
      await pass(500);
    }
    expect(feed.stale).toBe(true);
  });

  test('our own system with a new id, after the loss of its data, is detected immediately', async () => {
    const { feed, bus, state, startOver, commit, pass } = await setUp();
    await startOver();
    state.system = 'ours-again';
    const event = await commit();
    bus.emit({ ...event, system: 'ours-again' });
    await pass(5);
    expect([feed.position, feed.origin.system]).toEqual([{ epoch: event.epoch, seq: 1 }, 'ours-again']);
  });

  test('many late events of an ended epoch trigger one request', async () => {
    const { bus, asked, pass } = await setUp();
    for (let seq = 1; seq <= 200; seq++) {
      bus.emit({ ...foreignEvent(seq), system: 'ours' });
      await pass(5, true);
    }
    expect(asked).toEqual(['events']);
  });

  test('repeated heartbeats of another epoch trigger a request every 500 ms', async () => {
    const { bus, asked, pass } = await setUp();
    for (let passed = 0; passed < 2_000; passed += 50) {
      bus.tellHeartbeat({ ...foreign, system: 'ours', seq: 1 });
      await pass(50, true);
    }
    expect(asked).toEqual(Array(4).fill('events'));
  });
});

test('[R273] the hold settings of a heartbeat apply to the venue from then on', async () => {
  const { feed, bus, told, asked, pass } = await setUp();
  bus.tellHeartbeat({
    ...feed.position,
    server_time: startMs / 1000,
    hold_seconds: 120,
    max_holds: 2,
    hold_extensions: 3,
  });
  expect(feed.header()).toMatchObject({ hold_seconds: 120, max_holds: 2, hold_extensions: 3 });
  bus.tellHeartbeat({ ...feed.position, server_time: startMs / 1000 });
  expect(feed.header()).toMatchObject({ hold_seconds: 120, max_holds: 2, hold_extensions: 3 });
  await pass(1_000, true);
  expect([told, asked]).toEqual([[], []]);
});

test('[R270] after the clock of Redis steps back by 20 s, the next heartbeat corrects the time', async () => {
  const { feed, bus, pass } = await setUp();
  await pass(3_000, true);
  bus.tellHeartbeat({ ...feed.position, server_time: startMs / 1000 + 3 - 20 });
  expect(feed.serverTime()).toBeCloseTo(startMs / 1000 + 3 - 20, 1);
});

describe('[G5] the feed of an edge reports whether its data is current', () => {
  test('without data for 3 s the venue is stale until data arrives', async () => {
    const { feed, state, told, pass, heartbeat, warned } = await setUp();
    state.fails = true;
    await pass(3_000);
    expect([feed.stale, feed.header().stale]).toEqual([false, undefined]);
    await pass(1_000);
    expect([feed.stale, feed.header().stale]).toEqual([true, true]);
    state.fails = false;
    heartbeat();
    expect(feed.stale).toBe(false);
    expect(told).toEqual(['stale', 'fresh']);
    expect(warned.filter((text) => text.includes('Redis'))).toEqual([
      'No data from Redis: the venue may be stale',
      'Data from Redis arrives again',
    ]);
  });

  test('a venue that is loaded as stale is stale and does not count as fresh data', async () => {
    const { feed, state, told, commit, trimTo, heartbeat, pass, asked } = await setUp({ keepEvents: 1 });
    for (let i = 0; i < 3; i++) await commit();
    await trimTo(3);
    state.isStale = true;
    heartbeat();
    await pass(50);
    expect([feed.stale, feed.position.seq]).toEqual([true, 3]);
    expect([...asked, ...told]).toEqual(['events', 'venue', 'caught up by venue', 'reset']);
  });

  test('a stale venue of another epoch may be older: the current view stays, marked as stale', async () => {
    const { feed, state, told, startOver, heartbeat, pass } = await setUp();
    const { epoch } = feed.position;
    state.isStale = true;
    await startOver();
    heartbeat();
    await pass(5);
    expect([feed.stale, feed.position.epoch, told]).toEqual([true, epoch, ['stale']]);
    state.isStale = false;
    heartbeat();
    await pass(5);
    expect([feed.stale, feed.position.epoch === epoch, told.at(-1)]).toEqual([false, false, 'reset']);
  });

  test('its time is that of Redis', async () => {
    const { feed, pass } = await setUp();
    await pass(1_000, true);
    expect(feed.serverTime()).toBe(startMs / 1000 + 1);
  });
});

test('[G6] before it has loaded the venue it is not ready and has no state', () => {
  const booking = { venue: () => new Promise<never>(() => {}), eventsAfter: () => new Promise<never>(() => {}) };
  const feed = new VenueFeed({ show: 'main', bus: new FakeBus(), booking, logger: pino({ level: 'silent' }) });
  expect(feed.isReady()).toBe(false);
  expect(() => feed.header()).toThrow('has not been read');
});
