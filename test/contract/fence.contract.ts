import { describe, expect, test } from 'vitest';
import type { Seat } from '../../src/protocol/seat.ts';
import {
  BookingsUnknownError,
  type ProvenBooking,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from '../../src/store/seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { book, opened, release, type StorePlace, select, settings } from './contract-venue.ts';

export const ticket = (seatId: string, userId: string): ProvenBooking => ({ seatId, userId, orderId: 'o1' });

/** The store finds that it is older than its caller, as after a failover. */
async function endEpoch(store: SeatStore, { epoch }: VenueSnapshot): Promise<void> {
  await expect(store.eventsAfter({ epoch, seq: 9_999 }, 1)).rejects.toBeInstanceOf(VenueLostError);
}

const stateOf = ({ seats }: VenueSnapshot, id: string) => {
  const { status, held_by } = seats.find((seat) => seat.id === id) as Seat;
  return `${status} ${held_by ?? ''}`.trim();
};

/** The contract of every seat store: a new epoch has the bookings that the ledger proves (DESIGN 7, the fence). */
export function fenceContract(newPlace: () => StorePlace): void {
  /** `proven`: the reply of the ledger from the second opening on; undefined: it does not reply. */
  async function fenced() {
    const ledger: { proven: readonly ProvenBooking[] | undefined } = { proven: [] };
    const store = newPlace().store({
      ...settings,
      maxHoldsPerUser: 1,
      provenBookings: async () => {
        if (!ledger.proven) throw new BookingsUnknownError('main', 'test');
        return ledger.proven;
      },
    });
    const venue = await opened(store);
    return { ledger, store, venue };
  }

  describe('[R890] [G12] a new epoch', () => {
    test('has the proven bookings before anything is decided, and no other user gets their seats', async () => {
      const { ledger, store, venue } = await fenced();
      await decideOn(store, 'A1', [select('bob')], venue);
      ledger.proven = [ticket('A1', 'ann'), { seatId: 'A2', userId: 'eve' }];
      await endEpoch(store, venue);
      const next = await store.open();
      expect(next.epoch).not.toBe(venue.epoch);
      expect(['A1', 'A2', 'A3'].map((id) => stateOf(next, id))).toEqual(['2 ann', '2 eve', '0']);
      const { answers } = await decideOn(store, 'A1', [release('bob'), book('bob'), select('dan')], next);
      expect(answers.map(({ refusal }) => refusal)).toEqual(['SEAT_BOOKED', 'SEAT_BOOKED', 'SEAT_BOOKED']);
      // Bob's hold is gone: he may hold another seat.
      expect((await decideOn(store, 'A3', [select('bob')], next)).answers[0]?.refusal).toBeUndefined();
      await store.audit(next.seats, next);
      expect((await store.open()).epoch).toBe(next.epoch);
    });

    test('does not begin while the ledger does not reply; until then nothing is decided', async () => {
      const { ledger, store, venue } = await fenced();
      ledger.proven = undefined;
      await endEpoch(store, venue);
      for (let attempt = 0; attempt < 3; attempt++) await expect(store.open()).rejects.toThrow(BookingsUnknownError);
      await expect(decideOn(store, 'A1', [select('bob')], venue)).rejects.toThrow(VenueLostError);
      ledger.proven = [ticket('A1', 'ann')];
      expect(stateOf(await store.open(), 'A1')).toBe('2 ann');
    });

    test('is not needed while the epoch lasts: then the ledger is not called', async () => {
      const { ledger, store, venue } = await fenced();
      ledger.proven = undefined;
      expect((await store.open()).epoch).toBe(venue.epoch);
    });

    test('[R891] a ticket outweighs another booking in the store, a booking without a ticket does not', async () => {
      const { ledger, store, venue } = await fenced();
      for (const id of ['A1', 'A2']) await decideOn(store, id, [select('bob'), book('bob')], venue);
      ledger.proven = [ticket('A1', 'ann'), { seatId: 'A2', userId: 'ann' }];
      await endEpoch(store, venue);
      const next = await store.open();
      expect(['A1', 'A2'].map((id) => stateOf(next, id))).toEqual(['2 ann', '2 bob']);
      await store.audit(next.seats, next);
    });
  });
}
