import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Relay } from '../../src/booking/relay.ts';
import type { Delivery, EventBus } from '../../src/events/event-bus.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { commitNext } from '../support/commit-next.ts';
import { settle } from '../support/settle.ts';

const startMs = 1_700_000_000_000;

/** A bus whose acknowledgements the test controls. */
class FakeBus implements EventBus {
  connected = true;
  storesEvents = true;
  acknowledgesAtOnce = false;
  readonly #open: { event: SeatEvent; acknowledge: () => void; fail: () => void }[] = [];
  readonly acknowledged = new Set<number>();
  readonly published: number[] = [];

  publish(event: SeatEvent): Promise<Delivery> {
    this.published.push(event.seq);
    if (!this.storesEvents) return Promise.resolve('sent');
    if (this.acknowledgesAtOnce) {
      this.acknowledged.add(event.seq);
      return Promise.resolve('stored');
    }
    return new Promise((resolve, reject) => {
      this.#open.push({
        event,
        acknowledge: () => {
          this.acknowledged.add(event.seq);
          resolve('stored');
        },
        fail: () => reject(new Error('not acknowledged')),
      });
    });
  }
  /** Settles one pending publish. */
  async answer(how: 'acknowledge' | 'fail', seq?: number): Promise<void> {
    const i = seq === undefined ? 0 : this.#open.findIndex(({ event }) => event.seq === seq);
    this.#open.splice(i, 1)[0]?.[how]();
    await settle();
  }
  get open(): number[] {
    return this.#open.map(({ event }) => event.seq);
  }
  publishHeartbeat(): void {}
  subscribe = () => () => {};
}

async function setUp({ keepEvents = 100_000 } = {}) {
  const rules = { holdTtlMs: 30_000, maxHoldsPerUser: 6 };
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: 1 }),
    ...rules,
    keepEvents,
    nowMs: () => startMs,
  });
  const { epoch } = await store.open();
  const bus = new FakeBus();
  const logged: Record<string, unknown>[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line));
  const relay = new Relay({ store, bus, logger: pino({ level: 'info' }, { write }) });
  await relay.reset({ system: 'sys', epoch, seq: 0 });
  const marked: number[] = [];
  const markRelayed = store.markRelayed.bind(store);
  store.markRelayed = (position: Position) => {
    marked.push(position.seq);
    return markRelayed(position);
  };
  let seq = 0;
  return {
    bus,
    relay,
    store,
    epoch,
    marked,
    logged,
    commit: (): Promise<SeatEvent> => commitNext(store, { epoch, seq: seq++ }),
    repair: async () => {
      await relay.repair({ epoch, seq });
      await settle();
    },
  };
}

describe('[R50] a committed event is published until the bus has acknowledged it', () => {
  test('immediately, and only once if it is acknowledged', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    relay.publish(await commit());
    expect(bus.published).toEqual([1]);
    await bus.answer('acknowledge');
    await repair();
    await repair();
    expect(bus.published).toEqual([1]);
    expect(marked).toEqual([1]);
  });

  test('again from the log if it was not acknowledged', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    relay.publish(await commit());
    await bus.answer('fail');
    await repair();
    await repair();
    expect(bus.published).toEqual([1, 1]);
    expect(marked).toEqual([]);
    await bus.answer('acknowledge');
    await repair();
    expect(marked).toEqual([1]);
  });

  test('from the log if the bus was unavailable, or the process that committed it has died', async () => {
    const { bus, relay, commit, repair } = await setUp();
    bus.connected = false;
    relay.publish(await commit());
    await commit();
    await repair();
    await repair();
    expect(bus.published).toEqual([]);
    bus.connected = true;
    await repair();
    expect(bus.published).toEqual([1, 2]);
  });

  test('not while it may be in flight from its own process', async () => {
    const { bus, commit, repair } = await setUp();
    await commit();
    await repair();
    expect(bus.published).toEqual([]);
    await repair();
    await repair();
    expect(bus.published).toEqual([1]);
  });

  test('not again while its acknowledgement is pending', async () => {
    const { bus, relay, commit, repair } = await setUp();
    relay.publish(await commit());
    await repair();
    await repair();
    await repair();
    expect(bus.published).toEqual([1]);
  });

  test('not if another process has published it', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    const events = [await commit(), await commit(), await commit()];
    for (const event of [...events].reverse()) relay.storedElsewhere(event);
    await repair();
    await repair();
    expect(bus.published).toEqual([]);
    expect(marked).toEqual([3]);
  });

  test('not if it is trimmed from the log: other processes have published it, but no later event', async () => {
    const { bus, relay, store, commit, epoch, repair } = await setUp({ keepEvents: 1 });
    for (let i = 0; i < 6; i++) await commit();
    for (const seq of [3, 6]) relay.storedElsewhere({ epoch, seq });
    await store.markRelayed({ epoch, seq: 5 });
    await repair();
    expect(relay.position).toEqual({ epoch, seq: 0 });
    await repair();
    expect(relay.position).toEqual({ epoch, seq: 6 });
    await commit();
    await repair();
    await repair();
    expect(bus.published).toEqual([7]);
  });

  test('from the relayed position of the previous process on', async () => {
    const { bus, store, relay, commit, epoch, repair } = await setUp();
    for (let i = 0; i < 4; i++) await commit();
    await store.markRelayed({ epoch, seq: 2 });
    await relay.reset({ system: 'sys', epoch, seq: 4 });
    await repair();
    await repair();
    expect(bus.published).toEqual([3, 4]);
  });
});

describe('[G6] [R51] an event that was not relayed never counts as relayed, nor does any later one', () => {
  test('an acknowledgement waits for the earlier ones', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    for (let i = 0; i < 3; i++) relay.publish(await commit());
    await bus.answer('acknowledge', 3);
    await bus.answer('acknowledge', 2);
    await bus.answer('fail', 1);
    await repair();
    expect(relay.position.seq).toBe(0);
    expect(marked).toEqual([]);
    await repair();
    await repair();
    expect(bus.published, 'those that were acknowledged are not sent again').toEqual([1, 2, 3, 1]);
    await bus.answer('acknowledge', 1);
    await repair();
    expect(marked).toEqual([3]);
  });

  test('an acknowledgement of an ended epoch does not count in the new one', async () => {
    const { bus, relay, store, commit, repair } = await setUp();
    relay.publish(await commit());
    await store.eventsAfter({ epoch: (await store.open()).epoch, seq: 5 }, 1).catch(() => {}); // ends it
    const reopened = await store.open();
    await relay.reset(reopened);
    const before = relay.position;
    await bus.answer('acknowledge');
    await repair();
    expect(relay.position).toEqual(before);
  });

  test('for acknowledgements, failures, received events and repairs in any order', async () => {
    const step = fc.constantFrom('commit', 'commit unheard', 'acknowledge', 'fail', 'away', 'back', 'hear', 'repair');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat()), async (steps, random) => {
        const { bus, relay, commit, repair, marked } = await setUp();
        const committed: SeatEvent[] = [];
        const received = new Set<number>();
        const pick = <T>(list: readonly T[]) => list[(random.next().value as number) % list.length];
        for (const what of [...steps, 'back' as const]) {
          if (what.startsWith('commit')) committed.push(await commit());
          if (what === 'commit') relay.publish(committed.at(-1) as SeatEvent);
          if (what === 'acknowledge' || what === 'fail') await bus.answer(what, pick(bus.open));
          if (what === 'away') bus.connected = false;
          if (what === 'back') bus.connected = true;
          if (what === 'hear' && committed.length > 0) {
            const event = pick(committed) as SeatEvent;
            received.add(event.seq);
            relay.storedElsewhere(event);
          }
          if (what === 'repair') {
            await repair();
            await repair();
          }
          for (let seq = 1; seq <= (marked.at(-1) ?? 0); seq++) {
            expect(bus.acknowledged.has(seq) || received.has(seq), `${seq} was published`).toBe(true);
          }
        }
        for (let turn = 0; turn < 5; turn++) {
          await repair();
          await repair();
          while (bus.open.length > 0) await bus.answer('acknowledge');
        }
        await repair();
        expect(marked.at(-1) ?? 0, 'in the end everything is out, and known to be').toBe(committed.length);
      }),
      { numRuns: 60 },
    );
  });
});

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('[R50] [R275] waiting events of the log are published at any rate', () => {
  test('all of them, not only a page per call', async () => {
    const { bus, commit, repair, marked } = await setUp();
    bus.connected = false;
    for (let i = 0; i < 5_000; i++) await commit();
    await repair();
    bus.connected = true;
    bus.acknowledgesAtOnce = true;
    await repair();
    await expect.poll(() => bus.published.length).toBe(5_000);
    await repair();
    expect(bus.published).toEqual(upTo(5_000));
    expect(marked.at(-1)).toBe(5_000);
  });

  test('[G10] without waiting for it, and with a bounded number in flight', async () => {
    const { bus, commit, repair } = await setUp();
    for (let i = 0; i < 2_000; i++) await commit();
    for (let i = 0; i < 10; i++) await repair();
    expect(bus.open).toEqual(upTo(512));
    for (let i = 0; i < 512; i++) await bus.answer('acknowledge');
    expect(bus.open).toEqual(upTo(512).map((seq) => seq + 512));
  });

  test('until a failure, then at the next call', async () => {
    const { bus, commit, repair } = await setUp();
    for (let i = 0; i < 3; i++) await commit();
    await repair();
    await repair();
    for (let i = 0; i < 3; i++) await bus.answer('fail');
    expect(bus.published).toEqual([1, 2, 3]);
    await repair();
    expect(bus.published).toEqual([1, 2, 3, 1, 2, 3]);
  });
});

describe('[R276] while the bus stores nothing', () => {
  test('[R51] an event that was sent, or received from another process, is not relayed', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    bus.storesEvents = false;
    relay.publish(await commit());
    relay.storedElsewhere(await commit());
    for (let i = 0; i < 4; i++) await repair();
    expect([bus.published, marked, relay.position.seq]).toEqual([[1], [], 0]);
  });

  test('[R84] the bus gets all missed events when it stores again', async () => {
    const { bus, relay, commit, repair, marked } = await setUp();
    bus.storesEvents = false;
    for (let i = 0; i < 1_500; i++) relay.publish(await commit());
    await repair();
    await repair();
    bus.published.length = 0;
    bus.storesEvents = true;
    bus.acknowledgesAtOnce = true;
    await repair();
    await expect.poll(() => bus.published).toEqual(upTo(1_500));
    await repair();
    expect(marked.at(-1)).toBe(1_500);
  });

  test('[G10] only the newest 100,000 wait for it; the number of the lost ones is logged once', async () => {
    const { bus, relay, commit, repair, marked, logged } = await setUp();
    bus.storesEvents = false;
    for (let i = 0; i < 100_000; i++) await commit();
    await repair();
    expect([marked, logged]).toEqual([[], []]);
    for (let i = 0; i < 3; i++) {
      await commit();
      await repair();
    }
    expect(marked).toEqual([1, 2, 3]);
    expect(logged).toMatchObject([{ level: 40, newest: 100_000 }]);
    expect(relay.position.seq).toBe(3);
    bus.storesEvents = true;
    await repair();
    await repair();
    expect(logged.slice(1)).toMatchObject([{ level: 40, events: 3 }]);
  });
});

describe('[R277] if the beginning of the log is lost', () => {
  /** Simulates a log that was trimmed by length, including events that were not relayed. */
  async function withLogFrom(startSeq: number, count: number) {
    const venue = await setUp();
    for (let i = 0; i < count; i++) await venue.commit();
    const { eventsAfter } = venue.store;
    let reads = 0;
    venue.store.eventsAfter = async (position, limit) => {
      reads++;
      const history = await eventsAfter.call(venue.store, position, limit);
      if (position.seq < startSeq) delete history.events;
      return history;
    };
    return { ...venue, reads: () => reads };
  }

  test.each([1, 2, 4_999, 5_000, 9_999, 10_000])(
    'the relay continues after %i, and logs the losses once',
    async (startSeq) => {
      const { bus, repair, reads, logged, marked } = await withLogFrom(startSeq, 10_000);
      bus.acknowledgesAtOnce = true;
      await repair();
      await repair();
      await expect.poll(() => bus.published.length).toBe(10_000 - startSeq);
      for (let i = 0; i < 5; i++) await repair();
      expect(bus.published[0]).toBe(startSeq === 10_000 ? undefined : startSeq + 1);
      expect(logged).toMatchObject([{ level: 40, events: startSeq }]);
      expect(reads()).toBeLessThan(60);
      expect(marked.at(-1)).toBe(10_000);
    },
  );

  test('published events do not count as lost', async () => {
    const { relay, epoch, repair, logged } = await withLogFrom(10, 20);
    for (const seq of [3, 4, 5, 10]) relay.storedElsewhere({ epoch, seq });
    await repair();
    await repair();
    expect(logged).toMatchObject([{ events: 6, seq: 10 }]);
  });

  test('a store that fails meanwhile is called again at the next call, not immediately', async () => {
    const { store, repair, reads, bus } = await withLogFrom(50, 100);
    store.relayedPosition = () => Promise.reject(new Error('unavailable'));
    await repair();
    for (let i = 0; i < 5; i++) await repair();
    expect(reads()).toBe(5);
    expect(bus.published).toEqual([]);
  });
});

test('[R278] a thousand failed publishes are logged in one line, and the recovery in another', async () => {
  const { bus, relay, commit, logged, repair } = await setUp();
  for (let i = 0; i < 1_000; i++) relay.publish(await commit());
  for (let i = 0; i < 1_000; i++) await bus.answer('fail');
  expect(logged).toMatchObject([{ level: 40, error: 'not acknowledged' }]);
  bus.acknowledgesAtOnce = true;
  await repair();
  await repair();
  expect(logged.slice(1)).toMatchObject([{ level: 30 }]);
});
