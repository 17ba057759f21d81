import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { silentLogger } from './simulated-booking.ts';

const hourMs = 3_600_000;
const holdTtlMs = 30_000;
const storeStartedAtMs = 1_700_000_000_000;

/** A booking process on a host whose time of day is `wrongByMs` off, before a store that has the right one. */
async function startOnHost(wrongByMs: number) {
  const clock = new VirtualClock();
  let hostWrongByMs = wrongByMs;
  const storeNowMs = () => storeStartedAtMs + clock.nowMs();
  vi.spyOn(Date, 'now').mockImplementation(() => storeNowMs() + hostWrongByMs);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: 1 }),
    holdTtlMs,
    maxHoldsPerUser: 6,
    nowMs: storeNowMs,
  });
  const bus = new MemoryEventBus(new MemoryBusLine());
  const service = new BookingService({ store, bus, logger: silentLogger, clock });
  service.start();
  await settle();
  onTestFinished(() => service.close());
  return {
    service,
    hold: () => service.command({ action: 'select', seatIds: ['A1'], userId: 'alice' }),
    jump: (ms: number) => {
      hostWrongByMs += ms;
    },
    pass: async (ms: number) => {
      // In small steps: the store is called every 500 ms, and its replies are awaited.
      for (let left = ms; left > 0; left -= 100) {
        clock.increment(Math.min(100, left));
        await settle();
      }
    },
    /** The seats in the store, without any command since then. */
    status: async () => (await store.open()).seats[0]?.status,
  };
}

describe("[G3] the time of day of a booking process's host", () => {
  for (const [how, wrongByMs] of [
    ['an hour behind', -hourMs],
    ['right', 0],
    ['an hour ahead', hourMs],
  ] as const) {
    test(`${how}: a hold ends at its time, not before and not after`, async () => {
      const { hold, pass, status } = await startOnHost(wrongByMs);
      const { seats } = await hold();
      expect(seats[0]?.expires_at).toBe((storeStartedAtMs + holdTtlMs) / 1000);
      await pass(holdTtlMs - 100);
      expect(await status()).toBe(SeatStatus.held);
      await pass(200);
      expect(await status()).toBe(SeatStatus.available);
    });
  }

  for (const byMs of [-hourMs, hourMs]) {
    test(`jumping by ${byMs / hourMs} h during a hold changes nothing`, async () => {
      const { service, hold, jump, pass, status } = await startOnHost(0);
      await hold();
      await pass(10_000);
      jump(byMs);
      await pass(holdTtlMs - 10_100);
      expect(await status()).toBe(SeatStatus.held);
      expect(service.storeClock.nowMs()).toBe(storeStartedAtMs + holdTtlMs - 100);
      await pass(200);
      expect(await status()).toBe(SeatStatus.available);
    });
  }
});
