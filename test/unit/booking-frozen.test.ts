import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { StoreUnavailableError } from '../../src/store/seat-store.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Time passes while the process, and therefore all its timers, are suspended. */
class FreezableClock extends VirtualClock {
  #frozenMs = 0;

  freeze(ms: number): void {
    this.#frozenMs += ms;
  }
  override nowMs(): number {
    return super.nowMs() + this.#frozenMs;
  }
}

test('[R88] [G4] a suspended process decides no waiting command until its timers run again', async () => {
  const clock = new FreezableClock();
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 1, cols: 2 }), holdTtlMs: 30_000, maxHoldsPerUser: 6 });
  const bus = new MemoryEventBus(new MemoryBusLine());
  const service = new BookingService({ store, bus, logger: pino({ level: 'silent' }), clock });
  service.start();
  onTestFinished(() => service.close());
  await settle();
  expect((await service.command({ action: 'select', seatIds: ['A1'], userId: 'alice' })).refusal).toBeUndefined();
  clock.freeze(6_000);
  await expect(service.command({ action: 'select', seatIds: ['A2'], userId: 'alice' })).rejects.toBeInstanceOf(
    StoreUnavailableError,
  );
  expect((await store.open()).seq, 'nothing was decided').toBe(1);
  clock.increment(500);
  await settle();
  expect((await service.command({ action: 'select', seatIds: ['A2'], userId: 'alice' })).refusal).toBeUndefined();
});
