import { expect, onTestFinished, test, vi } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { silentLogger } from '../simulation/simulated-booking.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const holdTtlMs = 1_000;

test('[R476] while the store does not reply, the expiry of a hold is requested once', async () => {
  const clock = new VirtualClock();
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: 2 }),
    holdTtlMs,
    maxHoldsPerUser: 6,
    nowMs: () => clock.nowMs(),
  });
  const service = new BookingService({
    store,
    bus: new MemoryEventBus(new MemoryBusLine()),
    logger: silentLogger,
    clock,
  });
  onTestFinished(() => service.close());
  service.start();
  await settle();
  await service.command({ action: 'select', seatIds: ['A1', 'A2'], userId: 'alice' });

  let goOn: () => void = () => {};
  const hung = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { decide } = store;
  const decisions = vi.spyOn(store, 'decide').mockImplementation(async (...asked) => {
    await hung;
    return decide.apply(store, asked);
  });
  for (let passedMs = 0; passedMs < holdTtlMs + 4_000; passedMs += 100) {
    clock.increment(100);
    await settle();
  }
  goOn();
  await settle();
  expect([...service.view.seats].map(({ status }) => status)).toEqual([0, 0]);
  const requested = decisions.mock.calls.flatMap(([commands]) => commands.flatMap(({ seatIds }) => seatIds));
  expect(requested.sort()).toEqual(['A1', 'A2']);
});
