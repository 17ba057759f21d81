import type { Seat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { type SeatStore, VenueLostError, type VenueSnapshot } from '../../src/store/seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { book, opened, release, select } from './contract-venue.ts';

export const soldPlan = gridPlan({ rows: 2, cols: 3 });

/** A1 and B2 are booked, A2 is held by carol, A3 was held and released, the others are untouched. */
export async function sold(store: SeatStore): Promise<VenueSnapshot> {
  const venue = await opened(store);
  await decideOn(store, 'A1', [select('alice'), book('alice')], venue);
  await decideOn(store, 'B2', [select('bob'), book('bob')], venue);
  await decideOn(store, 'A2', [select('carol')], venue);
  await decideOn(store, 'A3', [select('carol'), release('carol')], venue);
  return venue;
}

export const statusOf = (venue: VenueSnapshot) =>
  Object.fromEntries(venue.seats.map(({ id, status, held_by }: Seat) => [id, `${status}${held_by ?? ''}`]));
export const asSold = { A1: '2alice', A2: '1carol', A3: '0', B1: '0', B2: '2bob', B3: '0' };

/** Behaves like a service: opens a lost venue and retries. */
export async function tryToBuy(
  store: SeatStore,
  seatId: string,
  userId: string,
  known: VenueSnapshot,
): Promise<boolean> {
  let venue = known;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const { answers } = await decideOn(store, seatId, [select(userId), book(userId)], venue);
      return answers[1]?.refusal === undefined;
    } catch (error) {
      if (!(error instanceof VenueLostError)) throw error;
      venue = await store.open();
    }
  }
  throw new Error(`the venue stays lost: ${seatId}`);
}
