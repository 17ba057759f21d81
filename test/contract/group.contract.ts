import { describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { Answer, UserCommand } from '../../src/store/seat-store.ts';
import { opened, type StorePlace } from './contract-venue.ts';

const holdTtlMs = 30_000;
const settings = { rows: 2, cols: 3, holdTtlMs, maxHoldsPerUser: 4, maxExtensions: 2 };

type Command = Omit<UserCommand, 'seatIds'>;
const select = (userId: string): Command => ({ action: 'select', userId });
const extend = (userId: string): Command => ({ action: 'extend', userId });
const book = (userId: string): Command => ({ action: 'book', userId });
const release = (userId: string): Command => ({ action: 'release', userId });

const brief = ({ seq, seat_id, type, reason }: SeatEvent) => `${seq} ${seat_id} ${reason ?? type}`;

/** The contract of every seat store: commands on several seats, and extensions of holds. */
export function groupContract(newPlace: () => StorePlace): void {
  async function openVenue(overrides: Partial<typeof settings & { reholdCooldownMs: number }> = {}) {
    const place = newPlace();
    const store = place.store({ ...settings, ...overrides });
    let known: Position = await opened(store);
    /** One command on these seats, for example 'A1 A2'. */
    const decide = async (seats: string, command: Command): Promise<Answer & { outcome: string; events: string[] }> => {
      const { answers, events } = await store.decide([{ ...command, seatIds: seats.split(' ') }], known);
      known = { epoch: known.epoch, seq: events.at(-1)?.seq ?? known.seq };
      const answer = answers[0] as Answer;
      return {
        ...answer,
        outcome: [answer.refusal ?? 'ok', ...(answer.refused ?? [])].join(' '),
        events: events.map(brief),
      };
    };
    const statuses = async () => (await store.open()).seats.map(({ status, held_by = '' }) => `${status}${held_by}`);
    return { place, store, decide, statuses, known: () => known };
  }

  describe('[G13] [R394] a command on several seats', () => {
    test('takes effect on all of them, with consecutive seqs and one end', async () => {
      const { decide, known, store } = await openVenue();
      const held = await decide('A3 A1 B2', select('alice'));
      expect(held.events).toEqual(['1 A3 held', '2 A1 held', '3 B2 held']);
      expect(held.seats.map(({ id, status, held_by, seq }) => [id, status, held_by, seq])).toEqual([
        ['A3', 1, 'alice', 1],
        ['A1', 1, 'alice', 2],
        ['B2', 1, 'alice', 3],
      ]);
      expect(new Set(held.seats.map(({ expires_at }) => expires_at)).size).toBe(1);
      expect((await decide('A1 A3', book('alice'))).events).toEqual(['4 A1 booked', '5 A3 booked']);
      expect((await decide('B2', release('alice'))).events).toEqual(['6 B2 user']);
      const { events } = await store.eventsAfter({ epoch: known().epoch, seq: 0 }, 10);
      expect(events?.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test.each([
      ['held by another', [select('bob')], select('alice'), 'SEATS_TAKEN A2'],
      ['booked by another', [select('bob'), book('bob')], select('alice'), 'SEATS_TAKEN A2'],
      ['booked by the user', [select('alice'), book('alice')], select('alice'), 'SEATS_TAKEN A2'],
      ['not held', [], book('alice'), 'NOT_HOLDER A1 A2 A3'],
      ['held by another', [select('bob')], release('alice'), 'NOT_HOLDER A1 A2 A3'],
      ['booked', [select('alice'), book('alice')], release('alice'), 'NOT_HOLDER A1 A2 A3'],
    ] as const)('changes none of them if one is %s: %j %j', async (_what, before, command, outcome) => {
      const { decide, statuses, known } = await openVenue();
      for (const each of before) await decide('A2', each);
      const [was, { seq }] = [await statuses(), known()];
      const refused = await decide('A1 A2 A3', command);
      expect(refused.outcome).toBe(outcome);
      expect(refused.seats.map(({ id }) => id)).toEqual(['A1', 'A2', 'A3']);
      expect(refused.events).toEqual([]);
      expect(await statuses()).toEqual(was);
      expect(known().seq).toBe(seq);
    });

    test('does not change a seat that is already in the wanted state: a hold keeps its end, a booking stays', async () => {
      const { decide, place } = await openVenue();
      const first = await decide('A1', select('alice'));
      await place.pass(10_000);
      const both = await decide('A1 A2', select('alice'));
      expect(both.events).toEqual(['2 A2 held']);
      expect(both.seats[0]).toEqual(first.seats[0]);
      await decide('A1', book('alice'));
      expect((await decide('A1 A2', book('alice'))).events).toEqual(['4 A2 booked']);
    });

    test('counts all its seats as holds of the user', async () => {
      const { decide } = await openVenue();
      await decide('A1 A2', select('alice'));
      expect((await decide('A3 B1 B2', select('alice'))).outcome).toBe('HOLD_LIMIT A3 B1 B2');
      expect((await decide('A2 A3 B1', select('alice'))).events).toHaveLength(2);
      expect((await decide('B2', select('alice'))).outcome).toBe('HOLD_LIMIT B2');
      await decide('A1 A2', book('alice'));
      expect((await decide('B2 B3', select('alice'))).outcome).toBe('ok');
    });

    test('first releases the expired holds of its seats, also if it is refused', async () => {
      const { decide, place } = await openVenue({ reholdCooldownMs: 60_000 });
      await decide('A1 A2', select('alice'));
      await place.pass(holdTtlMs + 1);
      const again = await decide('A1 A2 A3', select('alice'));
      expect(again.events).toEqual(['3 A1 expired', '4 A2 expired']);
      expect(again.outcome).toBe('COOLDOWN A1 A2');
      expect((await decide('A1 A2 A3', select('bob'))).events).toEqual(['5 A1 held', '6 A2 held', '7 A3 held']);
    });

    test('with a key takes effect once, and a retry gets the same answer', async () => {
      const { decide, place } = await openVenue();
      const request = { key: 'one-key-for-two-seats', isRepeat: false };
      const first = await decide('A1 A2', { ...select('alice'), request });
      const repeated = await decide('A1 A2', { ...select('alice'), request: { ...request, isRepeat: true } });
      expect(repeated).toEqual({ ...first, events: [] });
      const late = { key: 'asked-before-anybody-heard', isRepeat: true };
      const refused = await decide('A2 A3', { ...select('bob'), request: late });
      expect(refused.outcome).toBe('SEATS_TAKEN A2');
      await decide('A2', release('alice'));
      expect(await decide('A2 A3', { ...select('bob'), request: late })).toEqual({ ...refused, events: [] });
      await place.pass(15_001);
      expect((await decide('A2 A3', { ...select('bob'), request: late })).outcome).toBe('ok');
    });

    test('concurrent commands on overlapping seats: each takes effect as a whole or is refused', async () => {
      const { store, known } = await openVenue();
      const groups = ['A1 A2', 'A2 A3', 'A3 B1', 'B1 B2', 'B2 B3', 'B3 A1'];
      const decisions = await Promise.all(
        groups.map((seats, i) =>
          store.decide([{ action: 'select', seatIds: seats.split(' '), userId: `user${i}` }], known()),
        ),
      );
      const { seats } = await store.open();
      for (const [i, { answers, events }] of decisions.entries()) {
        const held = seats.filter(({ held_by }) => held_by === `user${i}`).map(({ id }) => id);
        const isDone = answers[0]?.refusal === undefined;
        expect(held.sort()).toEqual(isDone ? (groups[i] as string).split(' ').sort() : []);
        expect(events).toHaveLength(isDone ? 2 : 0);
      }
      expect(decisions.filter(({ answers }) => !answers[0]?.refusal).length).toBeGreaterThanOrEqual(2);
    });
  });

  describe('[R395] the extension of a hold', () => {
    test('gives all its seats the full hold time from now on', async () => {
      const { decide, place, store, known } = await openVenue();
      await decide('A1', select('alice'));
      await place.pass(20_000);
      await decide('A2', select('alice'));
      const { answers, events, nowMs } = await store.decide(
        [{ action: 'extend', seatIds: ['A1', 'A2'], userId: 'alice' }],
        known(),
      );
      expect(events.map(brief)).toEqual(['3 A1 extended', '4 A2 extended']);
      expect(events[0]).toMatchObject({ type: 'held', status: 1, user_id: 'alice', reason: 'extended' });
      for (const { expires_at = 0 } of answers[0]?.seats ?? []) expect(expires_at * 1000).toBe(nowMs + holdTtlMs);
      await place.pass(holdTtlMs - 5_000);
      expect((await decide('A1', book('alice'))).outcome).toBe('ok');
      await place.pass(5_001);
      expect((await decide('A2', book('alice'))).events).toEqual(['6 A2 expired']);
    });

    test('is only possible for the holder, before the end, and for all seats or none', async () => {
      const { decide, place, statuses } = await openVenue();
      await decide('A1', select('alice'));
      await decide('A2', select('bob'));
      expect((await decide('A1', extend('bob'))).outcome).toBe('NOT_HOLDER A1');
      expect((await decide('A1 A2 A3', extend('alice'))).outcome).toBe('NOT_HOLDER A2 A3');
      await place.pass(holdTtlMs + 1);
      expect((await decide('A1', extend('alice'))).outcome).toBe('NOT_HOLDER A1');
      await decide('B1', select('alice'));
      await decide('B1', book('alice'));
      expect((await decide('B1', extend('alice'))).outcome).toBe('SEAT_BOOKED B1');
      expect(await statuses()).toEqual(['0', '1bob', '0', '2alice', '0', '0']);
    });

    test('is limited per hold of a seat; a new hold starts with 0', async () => {
      const { decide } = await openVenue();
      await decide('A1 A2', select('alice'));
      await decide('A1', extend('alice'));
      expect((await decide('A1 A2', extend('alice'))).outcome).toBe('ok');
      expect((await decide('A1 A2', extend('alice'))).outcome).toBe('EXTENSION_LIMIT A1');
      expect((await decide('A2', extend('alice'))).outcome).toBe('ok');
      await decide('A1', release('alice'));
      await decide('A1', select('alice'));
      expect((await decide('A1', extend('alice'))).outcome).toBe('ok');
    });

    test('is off if the limit is 0', async () => {
      const { decide } = await openVenue({ maxExtensions: 0 });
      await decide('A1', select('alice'));
      expect((await decide('A1', extend('alice'))).outcome).toBe('EXTENSION_LIMIT A1');
    });
  });
}
