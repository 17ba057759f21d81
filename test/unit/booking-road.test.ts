import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { seatMachine } from '../../machines/seat.ts';
import { BookingService, BusyError } from '../../src/booking/booking-service.ts';
import { SeatActors } from '../../src/booking/seat-actors.ts';
import type { Delivery } from '../../src/events/event-bus.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { type SeatCommand, type SeatStore, StoreTimeoutError, VenueLostError } from '../../src/store/seat-store.ts';
import { StoreClock } from '../../src/venue/store-clock.ts';
import { decideOn } from '../support/decide-on.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const holdTtlMs = 30_000;

/** A memory store whose replies to `decide` can be delayed or lost. The decisions are immediate. */
class SlowStore extends MemorySeatStore {
  readonly calls: number[] = [];
  failure: Error | undefined;
  /** Failure of `decide`, after the decision. */
  gate: Promise<unknown> = Promise.resolve();

  override async decide(...args: Parameters<MemorySeatStore['decide']>) {
    this.calls.push(args[0].length);
    const decision = await super.decide(...args);
    await this.gate;
    if (this.failure) throw this.failure;
    return decision;
  }
}

/** A booking process with a memory store, a clock that the test controls, and the bus of another process. */
async function setUp(maxWaitingPerSeat = 3) {
  const startedAtMs = 1_700_000_000_000;
  const clock = new VirtualClock();
  const nowMs = () => startedAtMs + clock.nowMs();
  const store = new SlowStore({ plan: gridPlan({ rows: 1, cols: 2 }), holdTtlMs, maxHoldsPerUser: 6, nowMs });
  const { epoch } = await store.open();
  const line = new MemoryBusLine();
  const other = new MemoryEventBus(line);
  const published: SeatEvent[] = [];
  other.subscribe({ onEvent: (event) => published.push(event) });
  const bus = new MemoryEventBus(line);
  const subscribe = vi.spyOn(bus, 'subscribe');
  const service = new BookingService({
    store,
    bus,
    logger: pino({ level: 'silent' }),
    clock,
    maxWaitingPerSeat,
  });
  service.start();
  onTestFinished(() => service.close());
  await settle();
  const actor = (seatId = 'A1') => {
    const found = service.seatActors.actor(seatId);
    if (!found) throw new Error(`There is no actor of ${seatId}`);
    return found;
  };
  return {
    service,
    store,
    published,
    command: (action: UserAction, userId: string, seatId = 'A1') =>
      service.command({ action, seatIds: [seatId], userId }),
    /** Commits as another booking process does; the event is in flight until the test publishes it. */
    elsewhere: async (action: UserAction, userId: string, seatId = 'A1'): Promise<SeatEvent[]> => {
      const commands: SeatCommand[] = [{ action, seatIds: [seatId], userId }];
      const { events } = await MemorySeatStore.prototype.decide.call(store, commands, { epoch, seq: 0 });
      return events;
    },
    receive: (event: SeatEvent, intended: Delivery) => subscribe.mock.calls[0]?.[0].onEvent(event, intended),
    publishElsewhere: (events: readonly SeatEvent[]) => Promise.all(events.map((event) => other.publish(event))),
    state: (seatId?: string) => actor(seatId).getSnapshot().value,
    /** Collects the seqs that the actor passes through. */
    seqs: () => {
      const seen: number[] = [];
      actor().subscribe(({ context }) => seen.push(context.seat.seq));
      return seen;
    },
    /** Replies of the store wait until the returned function is called. */
    delayReplies: () => {
      let release = () => {};
      store.gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      return () => {
        store.gate = Promise.resolve();
        release();
      };
    },
    pass: async (ms: number) => {
      clock.increment(ms);
      await settle();
    },
  };
}

describe('[R29] the commands on a seat', () => {
  test('[G4] have one decision in flight; all further ones share the next', async () => {
    const { command, store, delayReplies, published } = await setUp(100);
    const release = delayReplies();
    const selecting = Array.from({ length: 50 }, (_, i) => command('select', `user${i}`));
    await settle();
    expect(store.calls).toEqual([1]);
    release();
    const answers = await Promise.all(selecting);
    expect(store.calls).toEqual([1, 49]);
    expect(answers.filter(({ refusal }) => !refusal)).toHaveLength(1);
    expect(published.map(({ seq }) => seq)).toEqual([1]);
  });

  test('[R264] go to the store in calls of bounded size', async () => {
    const { command, store, delayReplies } = await setUp(2_000);
    const release = delayReplies();
    const selecting = Array.from({ length: 1_501 }, (_, i) => command('select', `user${i}`));
    await settle();
    release();
    await Promise.all(selecting);
    expect(store.calls).toEqual([1, 1_000, 500]);
  });

  test('[G10] are refused as busy immediately if too many wait; the waiting ones are decided', async () => {
    const { command, delayReplies } = await setUp(3);
    const release = delayReplies();
    const selecting = [1, 2, 3, 4].map((n) => command('select', `user${n}`));
    await expect(command('select', 'user5')).rejects.toBeInstanceOf(BusyError);
    release();
    expect((await Promise.all(selecting)).map(({ refusal }) => refusal ?? 'ok')).toEqual([
      'ok',
      'SEAT_HELD',
      'SEAT_HELD',
      'SEAT_HELD',
    ]);
  });

  test('[R8] are reported to the watcher, with the reply; a late watcher can query the pending ones', async () => {
    const { service, command, delayReplies } = await setUp();
    const release = delayReplies();
    const selecting = command('select', 'alice');
    expect(service.commandsUnderWay('A1')).toMatchObject([{ action: 'select', userId: 'alice' }]);
    const seen: unknown[] = [];
    service.watcher = {
      requested: (commands) => void seen.push(commands.map(({ action, seatIds }) => [action, ...seatIds])),
      replied: (commands, hasDecided) => void seen.push([commands.length, hasDecided]),
      changing: () => {},
    };
    release();
    await selecting;
    expect(service.commandsUnderWay('A1')).toBeUndefined();
    await command('book', 'alice');
    expect(seen).toEqual([[1, true], [['book', 'A1']], [1, true]]);
  });

  test('survive a failure of the store', async () => {
    const { service, command, store, state } = await setUp();
    const seen: unknown[] = [];
    service.watcher = { requested: () => {}, replied: (_, hasDecided) => seen.push(hasDecided), changing: () => {} };
    store.failure = new StoreTimeoutError('no answer');
    await expect(command('book', 'alice')).rejects.toBeInstanceOf(StoreTimeoutError);
    store.failure = undefined;
    await command('select', 'alice');
    expect(state()).toBe('held');
    expect(seen).toEqual([false, true]);
  });
});

describe('[G3] the end of a hold', () => {
  test('releases the seat at the deadline, and is published once', async () => {
    const { command, pass, published, state } = await setUp();
    await command('select', 'alice');
    await pass(holdTtlMs);
    expect(state(), 'in the millisecond in which it expires the lock still exists').toBe('held');
    await pass(1);
    expect(state()).toBe('available');
    expect(published).toMatchObject([{ type: 'held' }, { type: 'released', reason: 'expired', user_id: 'alice' }]);
  });

  test('is requested again if the store is unavailable at the deadline', async () => {
    const { command, pass, store, state } = await setUp();
    await command('select', 'alice');
    store.failure = new StoreTimeoutError('no answer');
    store.eventsAfter = () => Promise.reject(new StoreTimeoutError('no answer'));
    await pass(holdTtlMs + 1);
    await pass(500);
    expect(state()).toBe('expiring');
    expect(store.calls).toEqual([1, 1, 1]);
    store.failure = undefined;
    Reflect.deleteProperty(store, 'eventsAfter');
    await pass(500);
    expect(state()).toBe('available');
  });

  test("requested too early, is delayed by the time in the store's reply", async () => {
    const { command, pass, service, store, state } = await setUp();
    vi.spyOn(service.storeClock, 'remainingMs').mockReturnValueOnce(holdTtlMs - 5_000 + 1);
    await command('select', 'alice');
    await pass(holdTtlMs - 5_000 + 1);
    expect(state()).toBe('held');
    await pass(4_999);
    expect(store.calls).toEqual([1, 1]);
    await pass(1);
    expect(store.calls).toEqual([1, 1, 1]);
    expect(state()).toBe('available');
  });
});

describe('[R381] a transition reaches the seat once, in order of seq, and its process publishes it once', () => {
  test('of another process, even if it arrives repeatedly: it is not published here', async () => {
    const { service, elsewhere, publishElsewhere, published, seqs, state } = await setUp();
    const seen = seqs();
    const events = [...(await elsewhere('select', 'bob')), ...(await elsewhere('book', 'bob'))];
    await publishElsewhere([...events, ...events]);
    await service.confirm(); // and from the log
    expect(state()).toBe('booked');
    expect(seen).toEqual([1, 2]);
    expect(published).toEqual([]);
  });

  test('of another process, in the wrong order', async () => {
    const { elsewhere, publishElsewhere, seqs, state } = await setUp();
    const seen = seqs();
    const events = [...(await elsewhere('select', 'bob')), ...(await elsewhere('book', 'bob'))];
    await publishElsewhere(events.reverse());
    expect(state()).toBe('booked');
    expect(seen).toEqual([1, 2]);
  });

  test('[G5] of this process, although the log contains it before the reply arrives', async () => {
    const { service, command, published, delayReplies, seqs, state } = await setUp();
    const seen = seqs();
    const release = delayReplies();
    const selecting = command('select', 'alice');
    const read = service.confirm();
    await settle();
    release();
    await Promise.all([selecting, read]);
    expect(service.view.seq, 'the read shows it').toBe(1);
    expect(state()).toBe('held');
    expect(seen).toEqual([1]);
    expect(published.map(({ seq }) => seq)).toEqual([1]);
  });

  test('of both, before and after a decision whose reply is late', async () => {
    const { command, elsewhere, publishElsewhere, published, delayReplies, seqs, state } = await setUp();
    const seen = seqs();
    const before = [...(await elsewhere('select', 'bob')), ...(await elsewhere('release', 'bob'))];
    const release = delayReplies();
    const selecting = command('select', 'alice');
    await settle();
    const after = await elsewhere('book', 'alice');
    await publishElsewhere([...after, ...before]);
    release();
    await selecting;
    expect(state()).toBe('booked');
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(published.map(({ seq }) => seq)).toEqual([3]);
  });

  test('[R382] of this process, although an earlier event was lost: the log closes the gap immediately', async () => {
    const { service, command, elsewhere, published, state } = await setUp();
    await elsewhere('select', 'bob', 'A2'); // its process ended before it published this
    await command('select', 'alice', 'A1');
    await settle();
    expect(service.view.seq).toBe(2);
    expect([state('A1'), state('A2')]).toEqual(['held', 'held']);
    expect(published.map(({ seq }) => seq)).toEqual([2]);
  });

  test('of this process, whose reply was lost: it comes from the log, and the relay publishes it', async () => {
    const { service, command, store, published, pass, state } = await setUp();
    store.failure = new StoreTimeoutError('no answer');
    await expect(command('select', 'alice')).rejects.toBeInstanceOf(StoreTimeoutError);
    await service.confirm();
    expect(state()).toBe('held');
    expect(published).toEqual([]);
    await pass(500);
    await pass(500);
    expect(published.map(({ seq }) => seq)).toEqual([1]);
  });

  test.each([
    ['stored', []],
    ['sent', [1]],
  ] as const)(
    '[R412] of another process that ended and had it %s: it is published here only if it was not stored',
    async (intended, seqs) => {
      const { service, elsewhere, receive, published, pass } = await setUp();
      for (const event of await elsewhere('select', 'bob')) receive(event, intended);
      expect(service.unrelayedEvents).toBe(intended === 'stored' ? 0 : 1);
      await pass(500);
      await pass(500);
      expect(published.map(({ seq }) => seq)).toEqual(seqs);
      expect(service.unrelayedEvents).toBe(0);
    },
  );

  test('a command gets its reply although the actors are replaced during the call to the store', async () => {
    const { service, command, store, delayReplies, state } = await setUp();
    const release = delayReplies();
    const selecting = command('select', 'alice');
    await settle();
    vi.spyOn(store, 'eventsAfter').mockRejectedValueOnce(new VenueLostError('open it again'));
    await service.confirm();
    release();
    expect((await selecting).seats).toMatchObject([{ status: 1, held_by: 'alice' }]);
    expect(state(), 'the new actor starts from it').toBe('held');
  });
});

test('[R413] the audit goes through all seats, 256 with each heartbeat, and starts again', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 10, cols: 60 }), holdTtlMs, maxHoldsPerUser: 6 });
  const audit = vi.spyOn(store as SeatStore, 'audit');
  const bus = new MemoryEventBus(new MemoryBusLine());
  const service = new BookingService({ store, bus, logger: pino({ level: 'silent' }), clock });
  service.start();
  onTestFinished(() => service.close());
  await settle();
  for (let beat = 1; beat < 4; beat++) {
    await service.command({ action: 'select', seatIds: [`A${beat}`], userId: 'alice' }); // the seats change meanwhile
    clock.increment(500);
    await settle();
  }
  const audited = audit.mock.calls.map(([seats]) => seats.map(({ id }) => id));
  const all = [...service.view.seats].map(({ id }) => id);
  expect(audited).toEqual([all.slice(0, 256), all.slice(256, 512), all.slice(512), all.slice(0, 256)]);
});

test('[R411] reading the states of all seats of a large venue starts no actor', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 10, cols: 100 }), holdTtlMs, maxHoldsPerUser: 6 });
  const { epoch, seq } = await store.open();
  await decideOn(store, 'J100', [{ action: 'select', userId: 'alice' }], { epoch, seq });
  const actors = new SeatActors({ machine: seatMachine, storeClock: new StoreClock(clock), clock, startsAll: true });
  const { seats } = await store.open();
  actors.hydrate(seats);
  const shown = [...actors.shown()];
  expect(actors.running, 'the held seat, and 250 others').toBe(251);
  const running = actors.actors.map((actor) => actor.getSnapshot().value);
  expect(shown.map(({ seat }) => seat.id).sort()).toEqual(seats.map(({ id }) => id).sort());
  expect(shown.slice(0, 251).map(({ state }) => state)).toEqual(running);
  for (let i = 0; i < 4; i++) clock.increment(1);
  const later = new Map([...actors.shown()].map(({ seat, state }) => [seat.id, state]));
  expect(actors.running).toBe(1_000);
  for (const { seat, state } of shown) expect(later.get(seat.id), seat.id).toBe(state);
  actors.stop();
});

test('[R29] [R38] in a large venue the actors start in batches, held seats first, and immediately when needed', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 10, cols: 100 }), holdTtlMs, maxHoldsPerUser: 6 });
  const { epoch, seq } = await store.open();
  await decideOn(store, 'J100', [{ action: 'select', userId: 'alice' }], { epoch, seq });
  const actors = new SeatActors({ machine: seatMachine, storeClock: new StoreClock(clock), clock, startsAll: true });
  const { seats } = await store.open();
  actors.hydrate(seats);
  expect(actors.running).toBe(251);
  expect(actors.actor('J100')?.getSnapshot().value, 'its hold has to be timed').toBe('held');
  expect(actors.running, 'it was among the first').toBe(251);
  const { events, answers } = await decideOn(store, 'J99', [{ action: 'select', userId: 'bob' }], { epoch, seq });
  for (const event of events) actors.apply(event, answers[0]?.seat as never, true);
  expect(actors.running).toBe(252);
  expect(actors.actor('J99')?.getSnapshot().value).toBe('held');
  clock.increment(1);
  expect(actors.running).toBeGreaterThan(252);
  for (let i = 0; i < 4; i++) clock.increment(1);
  expect(actors.running).toBe(1_000);
  actors.hydrate(seats);
  actors.stop();
  clock.increment(10);
  expect(actors.running, 'nothing is started after the end').toBe(0);
});

test('[R38] where actors start as needed, all held seats have one at once, and a free seat from its first hold on', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 10, cols: 60 }), holdTtlMs, maxHoldsPerUser: 600 });
  const { seats: free, ...known } = await store.open();
  const held = free.slice(0, 300).map(({ id }) => id);
  await store.decide([{ action: 'select', userId: 'alice', seatIds: held }], known);
  const actors = new SeatActors({ machine: seatMachine, storeClock: new StoreClock(clock), clock, startsAll: false });
  const { seats, seq } = await store.open();
  actors.hydrate(seats);
  for (let i = 0; i < 4; i++) clock.increment(1);
  expect(actors.actors.map((actor) => actor.getSnapshot().context.seat.id)).toEqual(held);
  const { events, answers } = await decideOn(store, 'J60', [{ action: 'select', userId: 'bob' }], { ...known, seq });
  for (const event of events) actors.apply(event, answers[0]?.seat as never, true);
  expect(actors.running).toBe(301);
  expect(actors.actor('J60')?.getSnapshot().value).toBe('held');
  actors.stop();
});
