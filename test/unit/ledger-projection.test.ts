import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { Projection } from '../../src/ledger/projection.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { VenueView } from '../../src/venue/venue-view.ts';
import { decideOn, type OneSeatCommand } from '../support/decide-on.ts';
import { silent } from '../support/silent.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const select = (userId: string): OneSeatCommand => ({ action: 'select', userId });
const book = (userId: string): OneSeatCommand => ({ action: 'book', userId });
const release = (userId: string): OneSeatCommand => ({ action: 'release', userId });

/** A show with its view, and one projection of it per process. */
async function openShow({ ledger = new MemoryLedger() as Ledger, processes = 1, keepEvents = 0, size = 50 } = {}) {
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: size }),
    holdTtlMs: 30_000,
    maxHoldsPerUser: 100,
    keepEvents,
  });
  const view = new VenueView();
  const clock = new VirtualClock();
  view.reset(await store.open());
  const options = { show: 'main', log: store, ledger, view, clock, logger: silent };
  const projections = Array.from({ length: processes }, () => new Projection(options));
  onTestFinished(async () => {
    await Promise.all(projections.map((projection) => projection.stop()));
  });
  const decide = async (seatId: string, ...commands: OneSeatCommand[]) => {
    const { events } = await decideOn(store, seatId, commands, view.position);
    for (const event of events) view.apply(event);
    return events;
  };
  return {
    store,
    view,
    clock,
    ledger,
    projections,
    decide,
    start: () => projections.forEach((projection) => void projection.start()),
    /** Advances the clock, and runs all actions that become due. */
    pass: async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        clock.increment(50);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    kept: async () => (await ledger.eventsAfter('main', undefined, 10_000)).map(({ epoch, seq }) => `${epoch}:${seq}`),
    reopen: async () => view.reset(await store.open()),
  };
}

/** A ledger that can be unavailable. */
class FailingLedger extends MemoryLedger {
  isAway = false;
  appends = 0;

  override async projectedSeq(show: string, epoch: string) {
    this.#require();
    return super.projectedSeq(show, epoch);
  }

  override async appendEvents(...args: Parameters<MemoryLedger['appendEvents']>) {
    this.#require();
    this.appends++;
    await super.appendEvents(...args);
  }

  #require(): void {
    if (this.isAway) throw new LedgerUnavailableError('away');
  }
}

const seqs = (epoch: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${epoch}:${from + i}`);
const rounds = (count: number) => Array.from({ length: count }, () => [select('ann'), release('ann')]).flat();

describe('[R731] the projection', () => {
  test('copies each transition of the log within a second, once and in order, whichever process does it', async () => {
    const { decide, start, pass, kept, view, projections, ledger } = await openShow({ processes: 3 });
    start();
    const events = await decide('A1', ...rounds(1_250)); // several pages
    await pass(1_000);
    expect(await kept()).toEqual(seqs(view.epoch, 1, 2_500));
    const [first] = await ledger.eventsAfter('main', undefined, 1);
    const { timestamp, expires_at = 0, status, ...same } = events[0] ?? expect.fail();
    expect(first).toEqual({ ...same, atMs: Date.parse(timestamp), expiresAtMs: Math.round(expires_at * 1000) });
    expect(projections.map(({ lagEvents }) => lagEvents)).toEqual([0, 0, 0]);
    await decide('A2', select('bob'), book('bob'));
    expect(projections[0]?.lagEvents).toBe(2);
    await pass(1_000);
    expect(await kept()).toEqual(seqs(view.epoch, 1, 2_502));
    expect(projections.map(({ lagMs }) => lagMs)).toEqual([0, 0, 0]);
  });

  test('makes no call while nothing happens', async () => {
    const ledger = new FailingLedger();
    const { start, pass, decide } = await openShow({ ledger });
    start();
    await decide('A1', select('ann'));
    await pass(500);
    ledger.isAway = true;
    await pass(5_000);
    expect(ledger.appends).toBe(1);
  });

  test('waits while the ledger cannot be reached; nothing is trimmed that it does not have', async () => {
    const ledger = new FailingLedger();
    const { start, pass, decide, store, view, kept, projections } = await openShow({ ledger });
    start();
    await decide('A1', ...rounds(10));
    await pass(500);
    ledger.isAway = true;
    await decide('A1', ...rounds(100));
    await store.markRelayed(view.position);
    await pass(5_000);
    expect(projections[0]).toMatchObject({ lagEvents: 200, lagMs: expect.toSatisfy((ms: number) => ms > 4_000) });
    expect((await store.eventsAsDecided({ epoch: view.epoch, seq: 20 }, 1_000)).events).toHaveLength(200);
    ledger.isAway = false;
    await pass(1_000);
    expect(await kept()).toEqual(seqs(view.epoch, 1, 220));
    expect(projections[0]).toMatchObject({ lagEvents: 0, lagMs: 0 });
    expect((await store.eventsAsDecided({ epoch: view.epoch, seq: 20 }, 1_000)).events).toBeUndefined();
  });

  test('continues in a new epoch with the missing transitions of the old one', async () => {
    const ledger = new FailingLedger();
    const { start, pass, decide, store, view, kept, reopen } = await openShow({ ledger });
    start();
    await decide('A1', ...rounds(2));
    await pass(500);
    ledger.isAway = true;
    await decide('A1', ...rounds(2));
    const before = view.epoch;
    await expect(store.eventsAfter({ epoch: before, seq: 99 }, 1)).rejects.toThrow(); // an older copy: the epoch ends
    await reopen();
    expect(view.epoch).not.toBe(before);
    await decide('A1', ...rounds(1));
    ledger.isAway = false;
    await pass(1_000);
    expect(await kept()).toEqual([...seqs(before, 1, 8), ...seqs(view.epoch, 9, 10)]);
  });

  test('[G12] recovers the bookings of transitions that the log has lost, and continues after them', async () => {
    const ledger = new FailingLedger();
    const { start, pass, decide, store, view, kept } = await openShow({ ledger });
    start();
    await decide('A1', select('ann'), book('ann'));
    await pass(500);
    ledger.isAway = true;
    await decide('A2', select('bob'), book('bob'));
    await decide('A3', ...rounds(20));
    await decide('A4', select('eve'), book('eve'));
    // The log had reached its maximum length.
    await store.markLedger({ epoch: view.epoch, seq: 40 });
    await store.markRelayed(view.position);
    ledger.isAway = false;
    await pass(1_000);
    expect(await kept()).toEqual([...seqs(view.epoch, 1, 2), ...seqs(view.epoch, 40, 46)]);
    expect(await ledger.restorable('main')).toEqual([
      { seatId: 'A1', userId: 'ann' },
      { seatId: 'A2', userId: 'bob' },
      { seatId: 'A4', userId: 'eve' },
    ]);
  });

  test('[G12] starts again from the beginning of the log if the ledger is older than the store had noted', async () => {
    const { start, pass, decide, store, view, kept, ledger, reopen } = await openShow();
    await decide('A1', select('ann'), book('ann'));
    await decide('A2', ...rounds(2));
    const before = view.epoch;
    await store.markLedger({ epoch: before, seq: 4 }); // by a ledger that was then restored from a backup, empty
    await expect(store.eventsAfter({ epoch: before, seq: 99 }, 1)).rejects.toThrow();
    await reopen();
    await decide('A2', select('ann'));
    start();
    await pass(1_000);
    const all = await kept();
    expect(all.at(-1)).toBe(`${view.epoch}:7`);
    expect(await ledger.restorable('main')).toEqual([{ seatId: 'A1', userId: 'ann' }]);
  });
});
