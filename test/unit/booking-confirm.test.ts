import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { SeatStore, VenueSnapshot } from '../../src/store/seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { settle } from '../support/settle.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A store whose venue can be lost, and whose next snapshots can be delayed. */
class StoreHeldUp implements SeatStore {
  #venue = new MemorySeatStore({ plan: gridPlan({ rows: 1, cols: 2 }), holdTtlMs: 30_000, maxHoldsPerUser: 6 });
  #letThrough: Promise<void> | undefined;

  async loseVenue(): Promise<VenueSnapshot> {
    this.#venue = new MemorySeatStore({ plan: gridPlan({ rows: 1, cols: 2 }), holdTtlMs: 30_000, maxHoldsPerUser: 6 });
    return this.#venue.open();
  }
  holdUpSnapshots(): () => void {
    let letThrough = () => {};
    this.#letThrough = new Promise((resolve) => {
      letThrough = resolve;
    });
    return letThrough;
  }
  async open() {
    const snapshot = await this.#venue.open();
    await this.#letThrough;
    return snapshot;
  }
  decide: SeatStore['decide'] = (...args) => this.#venue.decide(...args);
  eventsAfter: SeatStore['eventsAfter'] = (...args) => this.#venue.eventsAfter(...args);
  relayedPosition = () => this.#venue.relayedPosition();
  markRelayed: SeatStore['markRelayed'] = (position) => this.#venue.markRelayed(position);
  audit = () => this.#venue.audit();
  checkWritable = () => this.#venue.checkWritable();
}

test('[G4] a read that waits for an earlier opening sees commits in between', async () => {
  const store = new StoreHeldUp();
  const bus = new MemoryEventBus(new MemoryBusLine());
  const service = new BookingService({ store, bus, logger: pino({ level: 'silent' }), clock: new VirtualClock() });
  service.start();
  onTestFinished(() => service.close());
  await settle();
  expect(service.isOpen).toBe(true);

  const { epoch, seq } = await store.loseVenue();
  const letThrough = store.holdUpSnapshots();
  const opening = service.command({ action: 'select', seatIds: ['A1'], userId: 'alice' });
  await settle();
  await decideOn(store, 'A2', [{ action: 'select', userId: 'bob' }], { epoch, seq }); // through another process
  const read = service.confirm();
  await settle();
  letThrough();
  await read;
  expect(service.view.seat('A2')?.status).toBe(SeatStatus.held);
  expect((await opening).refusal).toBeUndefined();
});
