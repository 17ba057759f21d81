import { describe, expect, test, vi } from 'vitest';
import { VenueLostError } from '../../src/store/seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { book, contractVenues, opened, release, type StorePlace, select, settings } from './contract-venue.ts';

/** The contract of every seat store: opening a venue and reading its history. */
export function historyContract(newPlace: () => StorePlace): void {
  const { openVenue } = contractVenues(newPlace);

  describe('opening', () => {
    test('[R10] creates every seat, available, in row-major order, and an epoch', async () => {
      const { store } = await openVenue();
      const venue = await store.open();
      expect(venue.epoch).not.toBe('');
      expect(venue.seq).toBe(0);
      expect(venue.seats).toEqual(
        ['A1', 'A2', 'A3', 'B1', 'B2', 'B3'].map((id, i) => ({
          id,
          row: Math.floor(i / 3),
          col: i % 3,
          status: 0,
          seq: 0,
        })),
      );
    });

    test('[R10] processes that open the venue concurrently agree on one epoch', async () => {
      const place = newPlace();
      const stores = Array.from({ length: 8 }, () => place.store(settings));
      const venues = await Promise.all(stores.map((store) => opened(store)));
      expect(new Set(venues.map(({ epoch }) => epoch)).size).toBe(1);
      expect(new Set(venues.map(({ seats }) => JSON.stringify(seats))).size).toBe(1);
      expect(venues[0]?.seats).toHaveLength(6);
    });

    test('[R10] opening again finds the existing venue', async () => {
      const { place, epoch, decideOne } = await openVenue();
      await decideOne(select('alice'));
      const venue = await opened(place.store(settings));
      expect(venue.epoch).toBe(epoch);
      expect(venue.seq).toBe(1);
      expect(venue.seats[0]).toMatchObject({ status: 1, held_by: 'alice', seq: 1 });
    });

    test('[R11] a caller with a later position ends the epoch: the data is an older copy', async () => {
      const { store, epoch, decide, known } = await openVenue();
      await decide('A1', select('alice'), book('alice'));
      await expect(store.eventsAfter({ epoch, seq: 7 }, 10)).rejects.toBeInstanceOf(VenueLostError);
      await expect(decideOn(store, 'A2', [select('bob')], known())).rejects.toBeInstanceOf(VenueLostError);
      const venue = await store.open();
      expect(venue.epoch).not.toBe(epoch);
      expect(venue.seq).toBe(2);
      expect(venue.seats[0]).toMatchObject({ status: 2, held_by: 'alice' });
      const { events } = await decideOn(store, 'A2', [select('bob')], venue);
      expect(events[0]).toMatchObject({ epoch: venue.epoch, seq: 3 });
    });

    test('[R11] all processes that then open the venue concurrently get the same new epoch', async () => {
      const { place, epoch } = await openVenue();
      const stores = Array.from({ length: 8 }, () => place.store(settings));
      for (const store of stores) await opened(store);
      let before = epoch;
      for (let round = 0; round < 10; round++) {
        await expect(stores[0]?.eventsAfter({ epoch: before, seq: 7 }, 1)).rejects.toBeInstanceOf(VenueLostError);
        const venues = await Promise.all(stores.map((store) => store.open()));
        const epochs = new Set(venues.map((venue) => venue.epoch));
        expect(epochs.size).toBe(1);
        expect(epochs).not.toContain(before);
        before = venues[0]?.epoch as string;
      }
    });
  });

  describe('the history', () => {
    test('[R30] seq counts the transitions of all seats, without gaps', async () => {
      const { decide, store, epoch } = await openVenue();
      const seqs: number[] = [];
      for (const seatId of ['A1', 'B3', 'A2', 'A1', 'B3']) {
        const commands = [select('alice'), select('bob'), release('alice')];
        for (const { seq } of (await decide(seatId, ...commands)).events) seqs.push(seq);
      }
      expect(seqs).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
      expect((await store.eventsAfter({ epoch, seq: 0 }, 100)).events?.map(({ seq }) => seq)).toEqual(seqs);
    });

    test('[R30] also of transitions that several stores decide concurrently', async () => {
      const { place, store, epoch } = await openVenue();
      const stores = [store, ...Array.from({ length: 3 }, () => place.store(settings))];
      for (const each of stores) await opened(each);
      const seatIds = ['A1', 'A2', 'A3', 'B1', 'B2', 'B3'];
      const deciding = seatIds.flatMap((seatId) =>
        stores.map((each, i) => decideOn(each, seatId, [select(`u${i}`), release(`u${i}`)], { epoch, seq: 0 })),
      );
      const events = (await Promise.all(deciding)).flatMap((decision) => decision.events);
      const inOrder = events.sort((a, b) => a.seq - b.seq);
      expect(inOrder.map(({ seq }) => seq)).toEqual(Array.from({ length: events.length }, (_, i) => i + 1));
      expect((await store.eventsAfter({ epoch, seq: 0 }, 1_000)).events).toEqual(inOrder);
    });

    test('[R37] concurrent calls of one store, on many seats and on one seat twice, get the same answers as separate ones', async () => {
      const { store, known } = await openVenue();
      const decisions = await Promise.all([
        decideOn(store, 'A1', [select('alice')], known()),
        decideOn(store, 'A2', [select('bob'), release('bob')], known()),
        decideOn(store, 'A1', [select('carol'), book('alice')], known()),
        decideOn(store, 'B3', [book('dan')], known()),
      ]);
      expect(decisions.map(({ answers }) => answers.map(({ refusal }) => refusal ?? 'ok'))).toEqual([
        ['ok'],
        ['ok', 'ok'],
        ['SEAT_HELD', 'ok'],
        ['NOT_HOLDER'],
      ]);
      expect(
        decisions.map(({ events }) => events.map(({ seq, seat_id, type }) => [seq, seat_id, type].join(' '))),
      ).toEqual([['1 A1 held'], ['2 A2 held', '3 A2 released'], ['4 A1 booked'], []]);
    });

    test('[R31] is readable in pages from any position', async () => {
      const { decide, store, epoch } = await openVenue();
      const { events } = await decide('A1', select('a'), release('a'), select('b'), release('b'), select('c'));
      expect(await store.eventsAfter({ epoch, seq: 0 }, 2)).toMatchObject({
        epoch,
        seq: 5,
        events: events.slice(0, 2),
      });
      expect((await store.eventsAfter({ epoch, seq: 2 }, 2)).events).toEqual(events.slice(2, 4));
      expect((await store.eventsAfter({ epoch, seq: 4 }, 2)).events).toEqual(events.slice(4));
      expect((await store.eventsAfter({ epoch, seq: 5 }, 2)).events).toEqual([]);
    });

    test('[R31] has no events after a position of another epoch', async () => {
      const { decideOne, store, epoch } = await openVenue();
      await decideOne(select('alice'));
      const history = await store.eventsAfter({ epoch: 'another', seq: 0 }, 10);
      expect(history).toMatchObject({ epoch, seq: 1 });
      expect(history.events).toBeUndefined();
    });

    test('[R32] drops only relayed events, and keeps at least the configured number of them', async () => {
      const { decide, store, epoch } = await openVenue({ keepEvents: 20 });
      const commands = Array.from({ length: 500 }, (_, i) => (i % 2 ? release('alice') : select('alice')));
      const { events } = await decide('A1', ...commands);
      await store.markRelayed({ epoch, seq: 300 });
      expect((await store.eventsAfter({ epoch, seq: 280 }, 1_000)).events).toEqual(events.slice(280));
      const trimmed = await store.eventsAfter({ epoch, seq: 0 }, 1_000);
      expect(trimmed).toMatchObject({ epoch, seq: 500 });
      expect(trimmed.events, 'the log does not reach back to this position').toBeUndefined();
    });

    test('[R33] the relayed position only grows, and belongs to the current epoch', async () => {
      const { decide, store, epoch } = await openVenue();
      expect(await store.relayedPosition()).toEqual({ epoch, seq: 0 });
      await decide('A1', select('alice'), release('alice'), select('alice'));
      await store.markRelayed({ epoch, seq: 2 });
      await store.markRelayed({ epoch, seq: 1 });
      await store.markRelayed({ epoch: 'another', seq: 3 });
      expect(await store.relayedPosition()).toEqual({ epoch, seq: 2 });
    });

    test('[R33] a new epoch relays the unpublished events of the old one, under its own name', async () => {
      const { decide, store, epoch } = await openVenue();
      const { events } = await decide('A1', select('alice'), release('alice'));
      await store.markRelayed({ epoch, seq: 1 });
      await expect(store.eventsAfter({ epoch, seq: 9 }, 1)).rejects.toBeInstanceOf(VenueLostError);
      const venue = await store.open();
      const relayed = { epoch: venue.epoch, seq: 1 };
      expect(await store.relayedPosition()).toEqual(relayed);
      expect((await store.eventsAfter(relayed, 10)).events).toEqual([{ ...events[1], epoch: venue.epoch }]);
      await store.markRelayed({ epoch, seq: 2 });
      expect(await store.relayedPosition()).toEqual(relayed);
    });
  });

  describe('[R34] a venue that differs from that of the caller is lost, and nothing is decided', () => {
    test('another epoch', async () => {
      const { store } = await openVenue();
      await expect(decideOn(store, 'A1', [select('a')], { epoch: 'another', seq: 0 })).rejects.toBeInstanceOf(
        VenueLostError,
      );
      expect((await store.open()).seq).toBe(0);
    });

    test('an older copy: behind the position of the caller', async () => {
      const { store, epoch } = await openVenue();
      await expect(decideOn(store, 'A1', [select('a')], { epoch, seq: 1 })).rejects.toBeInstanceOf(VenueLostError);
      await expect(store.eventsAfter({ epoch, seq: 1 }, 10)).rejects.toBeInstanceOf(VenueLostError);
      expect((await store.open()).seq).toBe(0);
    });

    test('not created yet', async () => {
      const place = newPlace();
      const store = place.store(settings);
      const lost = { timeout: 10_000, interval: 20 };
      await vi.waitFor(
        () => expect(store.eventsAfter({ epoch: 'e', seq: 0 }, 1)).rejects.toBeInstanceOf(VenueLostError),
        lost,
      );
      await expect(decideOn(store, 'A1', [select('a')], { epoch: 'e', seq: 0 })).rejects.toBeInstanceOf(VenueLostError);
      await expect(decideOn(store, 'A1', [select('a')], { epoch: '', seq: 0 })).rejects.toBeInstanceOf(VenueLostError);
    });

    test('a missing seat', async () => {
      const { store, known } = await openVenue();
      await expect(decideOn(store, 'J10', [select('a')], known())).rejects.toBeInstanceOf(VenueLostError);
    });

    test('but a caller with an earlier position is accepted', async () => {
      const { decideOne, store, epoch } = await openVenue();
      await decideOne(select('alice'));
      const { answers } = await decideOn(store, 'A1', [book('alice')], { epoch, seq: 0 });
      expect(answers[0]).toMatchObject({ seat: { status: 2 } });
    });
  });
}
