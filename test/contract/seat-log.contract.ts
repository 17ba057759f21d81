import { describe, expect, test } from 'vitest';
import { VenueLostError } from '../../src/store/seat-store.ts';
import { contractVenues, release, type StorePlace, select } from './contract-venue.ts';

export function seatLogContract(newPlace: () => StorePlace): void {
  const { openVenue } = contractVenues(newPlace);
  const many = Array.from({ length: 500 }, (_, i) => (i % 2 ? release('alice') : select('alice')));

  describe('[R730] the log of a show with a ledger', () => {
    test('is trimmed only behind both the relay and the ledger', async () => {
      const { decide, store, epoch } = await openVenue({ keepEvents: 20, hasLedger: true });
      await store.markLedger({ epoch, seq: 0 });
      const { events } = await decide('A1', ...many);
      await store.markRelayed({ epoch, seq: 400 });
      const whole = await store.eventsAsDecided({ epoch, seq: 0 }, 1_000);
      expect(whole.events).toEqual(events);
      await store.markLedger({ epoch, seq: 300 });
      expect((await store.eventsAfter({ epoch, seq: 280 }, 1_000)).events).toEqual(events.slice(280));
      expect((await store.eventsAfter({ epoch, seq: 0 }, 1_000)).events).toBeUndefined();
      await store.markLedger({ epoch, seq: 500 }); // the relay is behind now
      expect((await store.eventsAfter({ epoch, seq: 380 }, 1_000)).events).toEqual(events.slice(380));
    });

    test('notes a position that only grows and belongs to the epoch, if the ledger has one', async () => {
      const { decide, store, epoch } = await openVenue({ hasLedger: true });
      await decide('A1', select('alice'), release('alice'), select('alice'));
      expect(await store.ledgerPosition()).toBeUndefined();
      await store.markLedger({ epoch, seq: 2 });
      await store.markLedger({ epoch, seq: 1 });
      await store.markLedger({ epoch: 'another', seq: 3 });
      expect(await store.ledgerPosition()).toEqual({ epoch, seq: 2 });
    });

    test('is read with the epoch in which each transition was decided, and continues in the next epoch at the position of the ledger', async () => {
      const { decide, store, epoch } = await openVenue({ hasLedger: true });
      const { events } = await decide('A1', select('alice'), release('alice'));
      await store.markLedger({ epoch, seq: 1 });
      await expect(store.eventsAsDecided({ epoch, seq: 9 }, 1)).rejects.toBeInstanceOf(VenueLostError);
      const venue = await store.open();
      expect(await store.ledgerPosition()).toEqual({ epoch: venue.epoch, seq: 1 });
      const history = await store.eventsAsDecided({ epoch: venue.epoch, seq: 1 }, 10);
      expect(history).toMatchObject({ epoch: venue.epoch, seq: 2 });
      expect(history.events).toEqual([events[1]]);
      expect(history.events?.[0]?.epoch).toBe(epoch);
    });
  });
}
