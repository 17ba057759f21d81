import { afterEach, describe, expect, test, vi } from 'vitest';
import { BookingService } from '../../src/booking/booking-service.ts';
import { Relay } from '../../src/booking/relay.ts';
import { SeatActors } from '../../src/booking/seat-actors.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { StoreClock } from '../../src/venue/store-clock.ts';
import { type Faults, noFaults } from './faults.ts';
import {
  commandHalfAtFirst,
  commandSeatBySeat,
  decideEachAttempt,
  decideSeatBySeat,
  decideWithRevival,
} from './flawed-groups.ts';
import { runHistory, type Variant } from './history.ts';
import { NaiveFeed } from './naive-feed.ts';
import { NaiveSeatStore } from './naive-seat-store.ts';
import { BusConnection } from './simulated-bus.ts';

/** Own seeds: the controls are the same for all settings of the simulation. */
const firstSeed = 900_000_000;

function faults(change: { message?: Partial<Faults['message']>; incidents?: Partial<Faults['incidents']> }): Faults {
  return {
    message: { ...noFaults.message, ...change.message },
    incidents: { ...noFaults.incidents, ...change.incidents },
  };
}

/** Runs histories until one breaks a rule; returns the rule and the number of histories. */
async function firstViolation(variant: Variant, rules: readonly string[], limit: number) {
  for (let histories = 1; histories <= limit; histories++) {
    const { violation } = await runHistory(firstSeed + histories, { variant });
    if (violation && rules.includes(violation.rule)) return { histories, violation };
  }
  return undefined;
}

async function isCaught(control: string, variant: Variant, rules: readonly string[], limit: number): Promise<void> {
  const caught = await firstViolation(variant, rules, limit);
  process.stdout.write(
    `control: ${control}: ${caught ? `${caught.violation.rule} after ${caught.histories}` : 'not caught'}\n`,
  );
  expect(caught, `${control} must be caught within ${limit} histories`).toBeDefined();
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a simulation that can fail', () => {
  test('[G1] [G13] catches a store that reads, decides and writes in separate steps', async () => {
    const variant: Variant = { faults: noFaults, createStore: (...args) => new NaiveSeatStore(...args) };
    await isCaught('a naive store', variant, ['G1', 'G13'], 20);
  });

  test('[G5] [G6] catches an edge that applies events in the order of arrival', async () => {
    const variant: Variant = {
      faults: faults({ message: { busSlow: 0.1, busDuplicate: 0.1 } }),
      createFeed: (options) => new NaiveFeed(options),
    };
    await isCaught('an edge that applies events as they come', variant, ['G5', 'G6'], 20);
  });

  test('[R50] catches a relay that never repairs', async () => {
    vi.spyOn(Relay.prototype, 'repair').mockResolvedValue();
    const variant: Variant = { faults: faults({ incidents: { busDown: 2, bookingKill: 2 } }) };
    await isCaught('a relay that never repairs', variant, ['R50'], 20);
  });

  test('[R51] catches a relay that counts sent events as published', async () => {
    const publish = Relay.prototype.publish;
    vi.spyOn(Relay.prototype, 'publish').mockImplementation(function (this: Relay, event) {
      this.storedElsewhere(event);
      publish.call(this, event);
    });
    const variant: Variant = { faults: faults({ message: { busPublishLost: 0.2 } }) };
    await isCaught('a relay that does not wait for the ack', variant, ['R50', 'R51'], 20);
  });

  test('[R276] [R51] catches a relay that counts sent events as stored', async () => {
    const { publish } = BusConnection.prototype;
    vi.spyOn(BusConnection.prototype, 'publish').mockImplementation(async function (this: BusConnection, event) {
      await publish.call(this, event);
      return 'stored';
    });
    const variant: Variant = { faults: faults({ incidents: { busStoresNothing: 2 } }) };
    await isCaught('a relay that takes what was sent for stored', variant, ['R50', 'R51'], 20);
  });

  test('[G3] catches hold timers by the time of day of the host', async () => {
    vi.spyOn(StoreClock.prototype, 'nowMs').mockImplementation(() => Date.now());
    await isCaught("hold timers by the host's time of day", { faults: noFaults }, ['G3', 'G10'], 20);
  });

  test('[R80] catches actors that do not follow the other processes', async () => {
    const { apply } = SeatActors.prototype;
    vi.spyOn(SeatActors.prototype, 'apply').mockImplementation(function (this: SeatActors, event, seat, committedHere) {
      if (committedHere) apply.call(this, event, seat, committedHere);
    });
    await isCaught('actors that do not follow', { faults: noFaults }, ['R1'], 20);
  });

  test('[G13] [R472] catches a store that applies a group seat by seat and leaves half of it', async () => {
    vi.spyOn(MemorySeatStore.prototype, 'decide').mockImplementation(decideSeatBySeat);
    await isCaught('a store that leaves half of a group', { faults: noFaults }, ['G13'], 20);
  });

  test('[G13] [R471] catches a service that sends a group to the store seat by seat', async () => {
    vi.spyOn(BookingService.prototype, 'command').mockImplementation(commandSeatBySeat);
    await isCaught('a service that sends a group seat by seat', { faults: noFaults }, ['G13'], 100);
  });

  test('[G13] [R471] catches half of a group that was executed before a failure', async () => {
    vi.spyOn(BookingService.prototype, 'command').mockImplementation(commandHalfAtFirst);
    await isCaught('a service that fails when half of a group is done', { faults: noFaults }, ['G13'], 20);
  });

  test('[G13] [R472] catches a group that is executed again when it is retried', async () => {
    vi.spyOn(MemorySeatStore.prototype, 'decide').mockImplementation(decideEachAttempt);
    const variant: Variant = { faults: faults({ message: { httpLost: 0.1, storeReplyLost: 0.05 } }) };
    await isCaught('a store that forgets what it has executed', variant, ['G13'], 20);
  });

  test('[G1] [R395] catches an extension that revives an ended hold', async () => {
    vi.spyOn(MemorySeatStore.prototype, 'decide').mockImplementation(decideWithRevival);
    await isCaught('an extension that revives an ended hold', { faults: noFaults }, ['G1'], 20);
  });
});
