import { describe, expect, onTestFinished, test } from 'vitest';
import { BusyError } from '../../src/booking/batcher.ts';
import { SeatRegistry } from '../../src/booking/seat-registry.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { type SeatCommand, StoreTimeoutError } from '../../src/store/seat-store.ts';
import { StoreClock } from '../../src/venue/store-clock.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const holdTtlMs = 30_000;

/** The actor of one seat over a store in memory, with one clock for all, which the test moves. */
async function setUp(maxWaiting = 3) {
  const startedAtMs = 1_700_000_000_000;
  const clock = new VirtualClock();
  const nowMs = () => startedAtMs + clock.nowMs();
  const storeClock = new StoreClock(clock);
  const store = new MemorySeatStore({ rows: 1, cols: 1, holdTtlMs, maxHoldsPerUser: 6, nowMs });
  const { epoch, seats } = await store.open();
  storeClock.heard(nowMs());
  const known: Position = { epoch, seq: 0 };
  const published: SeatEvent[] = [];
  const calls: number[] = [];
  let gate = Promise.resolve();
  let failure: Error | undefined;
  const registry = new SeatRegistry({
    storeClock,
    clock,
    maxWaiting,
    onCommitted: () => {},
    publish: (event) => published.push(event),
    decide: async (seatId, commands) => {
      calls.push(commands.length);
      await gate;
      if (failure) throw failure;
      return store.decide(seatId, commands, known);
    },
  });
  registry.hydrate(seats);
  onTestFinished(() => registry.stop());
  const desk = () => {
    const found = registry.desk('A1');
    if (!found) throw new Error('There is no desk of A1');
    return found;
  };
  return {
    store,
    storeClock,
    nowMs,
    known,
    registry,
    published,
    calls,
    desk,
    ask: (command: SeatCommand) => desk().ask(command),
    seatState: () => JSON.stringify(desk().actor.getSnapshot().value.seat),
    /** The store's answers wait until the returned function is called. */
    holdAnswers: () => {
      let release = () => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
    fail: (error: Error | undefined) => {
      failure = error;
    },
    pass: async (ms: number) => {
      clock.increment(ms);
      await settle();
    },
  };
}

const select = (userId: string): SeatCommand => ({ action: 'select', userId });

describe('[R29] the desk of a seat', () => {
  test('[G4] has one decision under way, however many ask; the rest go together in the next', async () => {
    const { ask, calls, holdAnswers, published } = await setUp(100);
    const release = holdAnswers();
    const asked = Array.from({ length: 50 }, (_, i) => ask(select(`user${i}`)));
    await settle();
    expect(calls).toEqual([1]);
    release();
    const answers = await Promise.all(asked);
    expect(calls).toEqual([1, 49]);
    expect(answers.filter(({ refusal }) => !refusal)).toHaveLength(1);
    expect(published.map(({ seq }) => seq)).toEqual([1]);
  });

  test('[G10] is busy at once where too many wait, and serves those who do', async () => {
    const { ask, holdAnswers } = await setUp(3);
    const release = holdAnswers();
    const asked = [1, 2, 3, 4].map((n) => ask(select(`user${n}`)));
    await expect(ask(select('user5'))).rejects.toBeInstanceOf(BusyError);
    release();
    expect((await Promise.all(asked)).map(({ refusal }) => refusal ?? 'ok')).toEqual([
      'ok',
      'SEAT_HELD',
      'SEAT_HELD',
      'SEAT_HELD',
    ]);
  });

  test('[R8] shows in its actor that the store is being asked, to whoever watches it, from when they begin', async () => {
    const { ask, desk, holdAnswers } = await setUp();
    const decision = () => desk().actor.getSnapshot().value.decision;
    const release = holdAnswers();
    const asked = ask(select('alice'));
    expect(decision(), 'nobody watches').toBe('idle');
    desk().isWatched = true;
    expect(decision()).toBe('asking');
    release();
    await asked;
    await settle();
    expect(decision()).toBe('idle');
    const askedAgain = ask(select('alice'));
    expect(decision()).toBe('asking');
    desk().isWatched = false;
    await askedAgain;
    await settle();
    expect(decision(), 'the last one leaves in between').toBe('idle');
  });

  test('lives on after a store that failed', async () => {
    const { ask, desk, fail, seatState } = await setUp();
    fail(new StoreTimeoutError('no answer'));
    await expect(ask(select('alice'))).rejects.toBeInstanceOf(StoreTimeoutError);
    expect(desk().actor.getSnapshot()).toMatchObject({ status: 'active', value: { decision: 'idle' } });
    fail(undefined);
    await ask(select('alice'));
    expect(seatState()).toBe('{"held":"counting"}');
  });

  test('[G3] releases a hold at its deadline, and publishes it once', async () => {
    const { ask, pass, published, seatState } = await setUp();
    await ask(select('alice'));
    await pass(holdTtlMs);
    expect(seatState(), 'in the millisecond in which it expires the lock is still there').toBe('{"held":"counting"}');
    await pass(1);
    expect(seatState()).toBe('"available"');
    expect(published).toMatchObject([{ type: 'held' }, { type: 'released', reason: 'expired', user_id: 'alice' }]);
  });

  test('[G3] asks again where the store cannot be asked at the deadline', async () => {
    const { ask, pass, fail, seatState } = await setUp();
    await ask(select('alice'));
    fail(new StoreTimeoutError('no answer'));
    await pass(holdTtlMs + 1);
    await pass(500);
    expect(seatState()).toBe('{"held":"expiring"}');
    fail(undefined);
    await pass(500);
    expect(seatState()).toBe('"available"');
  });

  test('[G3] is told by a store that it asked too early how long the hold still runs, and waits for that', async () => {
    const { ask, pass, storeClock, nowMs, calls, seatState } = await setUp();
    storeClock.heard(nowMs() + 5_000);
    await ask(select('alice'));
    await pass(holdTtlMs - 5_000 + 1);
    expect(seatState()).toBe('{"held":"counting"}');
    await pass(4_999);
    expect(calls).toEqual([1, 1]);
    await pass(1);
    expect(calls).toEqual([1, 1, 1]);
    expect(seatState()).toBe('"available"');
  });

  test('follows what another process committed, and does not publish it', async () => {
    const { desk, store, known, published, seatState } = await setUp();
    const { events } = await store.decide('A1', [select('bob'), { action: 'book', userId: 'bob' }], known);
    for (const event of [...events, ...events]) desk().follow(event);
    expect(seatState()).toBe('"booked"');
    expect(published).toEqual([]);
  });

  test('[G5] publishes what it committed, though the log tells of it before the answer comes', async () => {
    const { ask, desk, store, known, published, holdAnswers, seatState } = await setUp();
    const release = holdAnswers();
    const asked = ask(select('alice'));
    // The store decides now; the log is heard first, then the answer.
    const { events } = await store.decide('A1', [select('alice')], known);
    const decided = store.decide.bind(store);
    store.decide = async () => ({ ...(await decided('A1', [select('alice')], known)), events });
    for (const event of events) desk().follow(event);
    expect(seatState(), 'held back').toBe('"available"');
    release();
    await asked;
    await settle();
    expect(seatState()).toBe('{"held":"counting"}');
    expect(published).toEqual(events);
  });

  test('takes what others committed while the store was asked in the order in which it happened', async () => {
    const { ask, desk, store, known, published, holdAnswers, seatState } = await setUp();
    const release = holdAnswers();
    const asked = ask(select('alice'));
    await settle();
    const before = await store.decide('A1', [select('bob'), { action: 'release', userId: 'bob' }], known);
    release();
    await asked;
    const after = await store.decide('A1', [{ action: 'book', userId: 'alice' }], known);
    for (const event of [...after.events, ...before.events]) desk().follow(event);
    expect(seatState()).toBe('"booked"');
    expect(published).toMatchObject([{ type: 'held', user_id: 'alice', seq: 3 }]);
  });

  test('takes what it held back in the order in which it happened, on both sides of its own', async () => {
    const { ask, desk, store, known, published, seatState } = await setUp();
    const seqs: number[] = [];
    desk().actor.subscribe(({ context }) => seqs.push(context.seat.seq));
    const decided = store.decide.bind(store);
    store.decide = async (...asked) => {
      const before = await decided('A1', [select('bob'), { action: 'release', userId: 'bob' }], known);
      const own = await decided(...asked);
      const after = await decided('A1', [{ action: 'book', userId: 'alice' }], known);
      for (const event of [...after.events, ...own.events, ...before.events]) desk().follow(event);
      return own;
    };
    await ask(select('alice'));
    expect(seqs).toEqual([1, 2, 3, 4]);
    expect(seatState()).toBe('"booked"');
    expect(published.map(({ seq }) => seq)).toEqual([3]);
  });

  test('follows what it held back when the store fails to answer', async () => {
    const { ask, desk, store, known, published, fail, holdAnswers, seatState } = await setUp();
    const release = holdAnswers();
    fail(new StoreTimeoutError('no answer'));
    const asked = ask(select('alice'));
    const { events } = await store.decide('A1', [select('bob')], known);
    for (const event of events) desk().follow(event);
    expect(seatState(), 'held back').toBe('"available"');
    release();
    await expect(asked).rejects.toBeInstanceOf(StoreTimeoutError);
    expect(seatState()).toBe('{"held":"counting"}');
    expect(published).toEqual([]);
  });

  test('answers though its actor was replaced while the store was asked (a venue opened anew)', async () => {
    const { ask, registry, store, holdAnswers, seatState } = await setUp();
    const release = holdAnswers();
    const asked = ask(select('alice'));
    registry.hydrate((await store.open()).seats);
    release();
    expect((await asked).seat).toMatchObject({ status: 1, held_by: 'alice' });
    expect(seatState(), 'the new actor hears of it from the log').toBe('"available"');
  });
});

test('[R29] [R38] of a large venue the actors start some at a time, those of held seats first, and any at once that is needed', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ rows: 10, cols: 100, holdTtlMs, maxHoldsPerUser: 6 });
  const { epoch, seq } = await store.open();
  await store.decide('J100', [select('alice')], { epoch, seq });
  const storeClock = new StoreClock(clock);
  const registry = new SeatRegistry({
    storeClock,
    clock,
    maxWaiting: 10,
    onCommitted: () => {},
    publish: () => {},
    decide: (seatId, commands) => store.decide(seatId, commands, { epoch, seq }),
  });
  const snapshot = await store.open();
  storeClock.heard(snapshot.nowMs);
  registry.hydrate(snapshot.seats);
  expect(registry.running).toBe(250);
  expect(registry.desk('J100')?.isRunning, 'its hold has to be timed').toBe(true);
  expect(registry.desk('J99')?.isRunning).toBe(false);
  await registry.desk('J99')?.ask(select('bob'));
  expect(registry.desk('J99')?.actor.getSnapshot().value.seat).toEqual({ held: 'counting' });
  clock.increment(1);
  expect(registry.running).toBeGreaterThan(251);
  for (let i = 0; i < 4; i++) clock.increment(1);
  expect(registry.running).toBe(1_000);
  registry.hydrate(snapshot.seats);
  registry.stop();
  clock.increment(10);
  expect(registry.running, 'nothing is started after the end').toBe(0);
});
