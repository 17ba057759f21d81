import { expect, onTestFinished, test, vi } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { settle } from '../support/settle.ts';
import { silent } from '../support/silent.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const rules = { holdTtlMs: 30_000, maxHoldsPerUser: 6 };
const beatsPerMinute = 120;

/** A show whose store can read its position at little cost, as Redis can. */
async function setUp(openShows: number) {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({ ...rules, plan: gridPlan({ rows: 1, cols: 2 }), nowMs: () => clock.nowMs() });
  const position = vi.fn(async () => {
    const { epoch, seq } = await store.open();
    return { epoch, seq };
  });
  const bus = new MemoryEventBus(new MemoryBusLine());
  const heartbeats = vi.spyOn(bus, 'publishHeartbeat');
  const service = new BookingService({
    store: Object.assign(store, { position }),
    bus,
    logger: silent,
    clock,
    openShows: () => openShows,
    venue: { name: 'opening', rules },
  });
  onTestFinished(() => service.close());
  service.start();
  await settle();
  const reads = vi.spyOn(store, 'eventsAfter');
  const audits = vi.spyOn(store, 'audit');
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.increment(500);
      await settle();
    }
  };
  const counted = async (ms: number) => {
    for (const spy of [heartbeats, position, reads, audits]) spy.mockClear();
    await pass(ms);
    const count = (spy: { mock: { calls: unknown[] } }) => spy.mock.calls.length;
    return {
      heartbeats: count(heartbeats),
      positions: count(position),
      reads: count(reads),
      audits: count(audits),
    };
  };
  return { service, store, pass, counted };
}

const aMinute = 60_000;

test('[R678] an idle show reads its position at each beat, its events every 2 s, and audits in turn with the others', async () => {
  const { pass, counted } = await setUp(20);
  await pass(40_000); // longer than a hold
  const { heartbeats, positions, reads, audits } = await counted(aMinute);
  expect(heartbeats).toBe(beatsPerMinute);
  expect([positions, reads]).toEqual([(beatsPerMinute * 3) / 4, beatsPerMinute / 4]);
  expect(audits).toBe(beatsPerMinute / 20);
});

test('[R678] a show in use reads its events at each beat, and the only show of a process makes every check', async () => {
  const alone = await setUp(1);
  await alone.pass(40_000);
  const each = { heartbeats: beatsPerMinute, positions: 0, reads: beatsPerMinute, audits: beatsPerMinute };
  expect(await alone.counted(aMinute)).toEqual(each);

  const { service, pass, counted } = await setUp(20);
  await pass(40_000);
  await service.command({ action: 'select', seatIds: ['A1'], userId: 'ann' });
  const { positions, reads, audits } = await counted(30_000);
  expect([positions, reads, audits]).toEqual([0, beatsPerMinute / 2, beatsPerMinute / 2 / 20]);
});

test('[G3] [G6] [R678] an idle show notices a hold of another process at the next beat, and ends it in time', async () => {
  const { service, store, pass } = await setUp(20);
  await pass(40_000);
  const { epoch, seq } = service.view;
  await decideOn(store, 'A1', [{ action: 'select', userId: 'ann' }], { epoch, seq }); // its event is lost, its process dies
  await pass(500);
  expect(service.view.seat('A1')).toMatchObject({ status: 1, held_by: 'ann' });
  await pass(rules.holdTtlMs);
  expect(service.view.seat('A1')?.status).toBe(0);
});

test('[R678] a lost epoch is noticed at the next beat of an idle show', async () => {
  const { service, store, pass } = await setUp(20);
  await pass(40_000);
  const lost = new MemorySeatStore({ ...rules, plan: gridPlan({ rows: 1, cols: 2 }) });
  const { epoch } = await lost.open();
  for (const name of ['open', 'eventsAfter', 'audit', 'relayedPosition'] as const) {
    Object.assign(store, { [name]: lost[name].bind(lost) });
  }
  await pass(500);
  expect(service.view.epoch).toBe(epoch);
});
