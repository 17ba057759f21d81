import { describe, expect, test } from 'vitest';
import { decideOn, type OneSeatCommand } from '../support/decide-on.ts';
import {
  book,
  brief,
  contractVenues,
  expire,
  holdTtlMs,
  type OpenVenue,
  release,
  type StorePlace,
  select,
} from './contract-venue.ts';

/** The contract of every seat store: decisions on one seat. */
export function decisionContract(newPlace: () => StorePlace): void {
  const { openVenue } = contractVenues(newPlace);

  describe('deciding', () => {
    test('[R12] select holds an available seat for the hold time', async () => {
      const { decide, epoch } = await openVenue();
      const { answers, events, nowMs } = await decide('A1', select('alice'));
      expect(answers).toEqual([
        {
          seat: { id: 'A1', row: 0, col: 0, status: 1, held_by: 'alice', expires_at: expect.any(Number), seq: 1 },
        },
      ]);
      const expiresAt = answers[0]?.seat.expires_at as number;
      expect(Math.abs(expiresAt * 1000 - nowMs - holdTtlMs)).toBeLessThan(1_000);
      expect(events).toEqual([
        {
          type: 'held',
          seat_id: 'A1',
          user_id: 'alice',
          status: 1,
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          expires_at: expiresAt,
          epoch,
          seq: 1,
        },
      ]);
      expect(Date.parse(events[0]?.timestamp as string)).toBe(nowMs);
    });

    test('[R12] the hold time may be a fraction of a second', async () => {
      const { decide } = await openVenue({ holdTtlMs: 1_500 });
      const { answers, nowMs } = await decide('A1', select('alice'));
      const remainingMs = (answers[0]?.seat.expires_at as number) * 1000 - nowMs;
      expect(remainingMs).toBeGreaterThan(1_400);
      expect(remainingMs).toBeLessThanOrEqual(1_501);
    });

    test('[R13] a repeated select by the holder returns the same hold, not extended', async () => {
      const { decideOne, place } = await openVenue();
      const first = await decideOne(select('alice'));
      await place.pass(10_000);
      const again = await decideOne(select('alice'));
      expect(again.refusal).toBeUndefined();
      expect(again.seat).toEqual(first.seat);
      expect(again.events).toEqual([]);
    });

    test('[R13] a repeated book by the same user returns the same booking', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('alice'));
      const first = await decideOne(book('alice'));
      expect(first).toEqual({
        seat: { id: 'A1', row: 0, col: 0, status: 2, held_by: 'alice', seq: 2 },
        events: ['booked alice'],
      });
      expect(await decideOne(book('alice'))).toEqual({ seat: first.seat, events: [] });
    });

    test('[R14] release by the holder makes the seat available', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('alice'));
      expect(await decideOne(release('alice'))).toEqual({
        seat: { id: 'A1', row: 0, col: 0, status: 0, seq: 2 },
        events: ['released alice user'],
      });
      expect((await decideOne(select('bob'))).events).toEqual(['held bob']);
    });

    describe('[R15] refusals change nothing', () => {
      const alice = { held: [select('alice')], booked: [select('alice'), book('alice')] };
      test.each([
        ['held', 'select by another', alice.held, select('bob'), 'SEAT_HELD'],
        ['held', 'book by another', alice.held, book('bob'), 'NOT_HOLDER'],
        ['held', 'release by another', alice.held, release('bob'), 'NOT_HOLDER'],
        ['available', 'book', [], book('bob'), 'NOT_HOLDER'],
        ['available', 'release', [], release('bob'), 'NOT_HOLDER'],
        [
          'available again',
          'book by the holder before',
          [...alice.held, release('alice')],
          book('alice'),
          'NOT_HOLDER',
        ],
        ['available again', 'release twice', [...alice.held, release('alice')], release('alice'), 'NOT_HOLDER'],
        ['booked', 'select by its booker', alice.booked, select('alice'), 'SEAT_BOOKED'],
        ['booked', 'select by another', alice.booked, select('bob'), 'SEAT_BOOKED'],
        ['booked', 'book by another', alice.booked, book('bob'), 'SEAT_BOOKED'],
        ['booked', 'release by its booker', alice.booked, release('alice'), 'SEAT_BOOKED'],
        ['booked', 'release by another', alice.booked, release('bob'), 'SEAT_BOOKED'],
      ] as const)('%s, %s: %j', async (_state, _what, before, command, refusal) => {
        const { decide, store, known } = await openVenue();
        if (before.length > 0) await decide('A1', ...before);
        const { seats, seq } = await store.open();
        const { answers, events } = await decideOn(store, 'A1', [command], known());
        expect(answers).toEqual([{ seat: seats[0], refusal }]);
        expect(events).toEqual([]);
        expect(await store.open()).toMatchObject({ seq, seats });
      });
    });

    test('[R16] the commands of one call are decided in order, and each answer has the state of the seat at that point', async () => {
      const { decide } = await openVenue();
      const { answers, events } = await decide(
        'A1',
        book('alice'),
        select('alice'),
        select('bob'),
        release('alice'),
        select('bob'),
        expire,
        book('bob'),
        select('alice'),
      );
      expect(answers.map(({ refusal = 'ok', seat }) => [refusal, seat.status, seat.held_by, seat.seq])).toEqual([
        ['NOT_HOLDER', 0, undefined, 0],
        ['ok', 1, 'alice', 1],
        ['SEAT_HELD', 1, 'alice', 1],
        ['ok', 0, undefined, 2],
        ['ok', 1, 'bob', 3],
        ['ok', 1, 'bob', 3],
        ['ok', 2, 'bob', 4],
        ['SEAT_BOOKED', 2, 'bob', 4],
      ]);
      expect(events.map(brief)).toEqual(['held alice', 'released alice user', 'held bob', 'booked bob']);
    });

    test('[R16] a thousand commands in one call', async () => {
      const { decide } = await openVenue();
      const commands = Array.from({ length: 1_000 }, (_, i) => (i % 2 ? release('alice') : select('alice')));
      const { answers, events } = await decide('A1', ...commands);
      expect(answers.every(({ refusal }) => refusal === undefined)).toBe(true);
      expect(events.map(({ seq }) => seq)).toEqual(commands.map((_, i) => i + 1));
    });

    test('[R16] a call without commands changes nothing', async () => {
      const { decide } = await openVenue();
      expect(await decide('A1')).toMatchObject({ answers: [], events: [] });
    });
  });

  describe('[R239] a user whose hold expired must wait before holding the seat again', () => {
    const reholdCooldownMs = 40_000;
    const lapse = async (venue: Awaited<ReturnType<OpenVenue>>) => {
      await venue.decide('A1', select('alice'));
      await venue.place.pass(holdTtlMs + 1);
    };
    const refusalOf = async ({ decide }: Awaited<ReturnType<OpenVenue>>, seatId: string, user: string) =>
      (await decide(seatId, select(user))).answers[0]?.refusal;

    test('only this user, only for this seat, and only during the cool-down', async () => {
      const venue = await openVenue({ reholdCooldownMs });
      await lapse(venue);
      const { events, answers } = await venue.decide('A1', select('alice'));
      expect(events.map(({ type, reason }) => [type, reason])).toEqual([['released', 'expired']]);
      expect(answers).toMatchObject([{ refusal: 'COOLDOWN', seat: { status: 0 } }]);
      expect(await refusalOf(venue, 'A2', 'alice')).toBeUndefined();
      await venue.place.pass(reholdCooldownMs / 2);
      expect(await refusalOf(venue, 'A1', 'alice')).toBe('COOLDOWN');
      await venue.place.pass(reholdCooldownMs / 2 + 1);
      expect(await refusalOf(venue, 'A1', 'alice')).toBeUndefined();
    });

    test('another user can hold the seat at once', async () => {
      const venue = await openVenue({ reholdCooldownMs });
      await lapse(venue);
      expect(await refusalOf(venue, 'A1', 'bob')).toBeUndefined();
      expect(await refusalOf(venue, 'A1', 'alice')).toBe('SEAT_HELD');
    });

    test('not after a release, and not without a cool-down', async () => {
      const venue = await openVenue({ reholdCooldownMs });
      await venue.decide('A1', select('alice'), release('alice'));
      expect(await refusalOf(venue, 'A1', 'alice')).toBeUndefined();
      const without = await openVenue();
      await lapse(without);
      expect(await refusalOf(without, 'A1', 'alice')).toBeUndefined();
    });
  });

  describe('[R35] the number of seats that one user holds is limited', () => {
    const seats = (answer: { seat: { status: number }; refusal?: string } | undefined) => [
      answer?.seat.status,
      answer?.refusal,
    ];

    test('one more is refused; seats of other users and booked seats do not count', async () => {
      const { decide } = await openVenue({ maxHoldsPerUser: 2 });
      await decide('B1', select('bob'));
      await decide('B2', select('alice'), book('alice'));
      await decide('A1', select('alice'));
      await decide('A2', select('alice'));
      expect(seats((await decide('A3', select('alice'))).answers[0])).toEqual([0, 'HOLD_LIMIT']);
      expect(seats((await decide('A3', select('bob'))).answers[0])).toEqual([1, undefined]);
      expect(seats((await decide('A2', select('alice'))).answers[0]), 'the same hold').toEqual([1, undefined]);
      expect(
        seats((await decide('A3', select('alice'))).answers[0]),
        'the refusal of a taken seat has the code of a taken seat',
      ).toEqual([1, 'SEAT_HELD']);
    });

    test.each([
      ['released', release('alice')],
      ['booked', book('alice')],
    ])('a hold that is %s frees a place', async (_, command) => {
      const { decide } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
      await decide('A1', command);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBeUndefined();
      expect((await decide('A3', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });

    test('an expired hold frees a place, released or not', async () => {
      const { decide, place } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBeUndefined();
      await decide('A1', expire);
      expect((await decide('A3', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });

    test('and the user can hold the same seat again', async () => {
      const { decide, place } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await decide('A1', select('alice'))).events.map(brief)).toEqual(['released alice expired', 'held alice']);
    });

    test('the limit also holds within one call', async () => {
      const { decide } = await openVenue({ maxHoldsPerUser: 1 });
      const { answers } = await decide('A1', select('alice'), release('alice'), select('alice'), select('bob'));
      expect(answers.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined, 'SEAT_HELD']);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });
  });

  describe('[R36] a command with a key takes effect once', () => {
    const keyed = (command: OneSeatCommand, key: string, isRepeat = false): OneSeatCommand =>
      command.action === 'expire' || 'orderId' in command ? command : { ...command, request: { key, isRepeat } };

    test('a retry gets the same answer although the seat has changed since', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('alice'));
      const first = await decideOne(keyed(release('alice'), 'k1'));
      await decideOne(select('bob'));
      const { seat, refusal, events } = await decideOne(keyed(release('alice'), 'k1', true));
      expect({ seat, refusal, events }).toEqual({ seat: first.seat, refusal: undefined, events: [] });
    });

    test('a refused retry stays refused when the first attempt arrives late', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('bob'));
      expect((await decideOne(keyed(select('alice'), 'k1', true))).refusal).toBe('SEAT_HELD');
      await decideOne(release('bob'));
      expect(await decideOne(keyed(select('alice'), 'k1'))).toMatchObject({ refusal: 'SEAT_HELD', events: [] });
    });

    test('a late first attempt does not hold a seat again that was released since', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('alice'));
      expect((await decideOne(keyed(select('alice'), 'k1', true))).refusal).toBeUndefined();
      await decideOne(release('alice'));
      expect((await decideOne(keyed(select('alice'), 'k1'))).events).toEqual([]);
    });

    test('a refused first attempt does not refuse the next one', async () => {
      const { decideOne } = await openVenue();
      await decideOne(select('bob'));
      await decideOne(keyed(select('alice'), 'k1'));
      await decideOne(release('bob'));
      expect((await decideOne(keyed(select('alice'), 'k1', true))).events).toEqual(['held alice']);
    });

    test('within one call, the following commands are decided on the current state', async () => {
      const { decide } = await openVenue();
      const again = keyed(release('alice'), 'k1', true);
      const { answers, events } = await decide(
        'A1',
        select('alice'),
        keyed(release('alice'), 'k1'),
        select('bob'),
        again,
        select('carol'),
      );
      expect(answers.map(({ refusal, seat }) => [refusal, seat.held_by, seat.seq])).toEqual([
        [undefined, 'alice', 1],
        [undefined, undefined, 2],
        [undefined, 'bob', 3],
        [undefined, undefined, 2],
        ['SEAT_HELD', 'bob', 3],
      ]);
      expect(events.map(brief)).toEqual(['held alice', 'released alice user', 'held bob']);
    });

    test('a key is valid for one user, one seat and one action', async () => {
      const { decideOne, decide } = await openVenue();
      await decideOne(keyed(select('alice'), 'k1'));
      expect((await decideOne(keyed(select('bob'), 'k1', true))).refusal).toBe('SEAT_HELD');
      expect((await decideOne(keyed(book('alice'), 'k1', true))).events).toEqual(['booked alice']);
      expect((await decide('A2', keyed(select('alice'), 'k1', true))).events.map(brief)).toEqual(['held alice']);
    });
  });

  describe('the end of a hold', () => {
    test('[R17] an early expire changes nothing', async () => {
      const { decideOne, place } = await openVenue();
      const { seat } = await decideOne(select('alice'));
      await place.pass(holdTtlMs - 10_000);
      expect(await decideOne(expire)).toEqual({ seat, events: [] });
    });

    test('[R17] expire releases an expired hold once', async () => {
      const { decideOne, place } = await openVenue();
      await decideOne(select('alice'));
      await place.pass(holdTtlMs + 1);
      const seat = { id: 'A1', row: 0, col: 0, status: 0, seq: 2 };
      expect(await decideOne(expire)).toEqual({ seat, events: ['released alice expired'] });
      expect(await decideOne(expire)).toEqual({ seat, events: [] });
    });

    test('[R17] expire of an available or a booked seat changes nothing', async () => {
      const { decideOne, place } = await openVenue();
      expect(await decideOne(expire)).toMatchObject({ seat: { status: 0, seq: 0 }, events: [] });
      await decideOne(select('alice'));
      await decideOne(book('alice'));
      await place.pass(1_000_000);
      expect(await decideOne(expire)).toMatchObject({ seat: { status: 2, held_by: 'alice', seq: 2 }, events: [] });
    });

    test('[R18] select of a seat with an expired hold succeeds: the old hold is released first', async () => {
      const { decideOne, place } = await openVenue();
      await decideOne(select('alice'));
      await place.pass(holdTtlMs + 1);
      const { refusal, seat, events } = await decideOne(select('bob'));
      expect(refusal).toBeUndefined();
      expect(seat).toMatchObject({ status: 1, held_by: 'bob', seq: 3 });
      expect(events).toEqual(['released alice expired', 'held bob']);
    });

    test('[R18] the holder also gets a new hold then', async () => {
      const { decideOne, place } = await openVenue();
      await decideOne(select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await decideOne(select('alice'))).events).toEqual(['released alice expired', 'held alice']);
    });

    test.each([
      ['book', book('alice')],
      ['release', release('alice')],
    ])('[R18] [G3] %s after the end of the hold: NOT_HOLDER, and the seat is available', async (_, command) => {
      const { decideOne, place } = await openVenue();
      await decideOne(select('alice'));
      await place.pass(holdTtlMs + 1);
      expect(await decideOne(command)).toEqual({
        refusal: 'NOT_HOLDER',
        seat: { id: 'A1', row: 0, col: 0, status: 0, seq: 2 },
        events: ['released alice expired'],
      });
    });

    test('[G1] a booked seat stays booked, however much time passes', async () => {
      const { decideOne, place } = await openVenue();
      await decideOne(select('alice'));
      await decideOne(book('alice'));
      await place.pass(10 * holdTtlMs);
      expect(await decideOne(select('bob'))).toMatchObject({
        refusal: 'SEAT_BOOKED',
        seat: { held_by: 'alice' },
        events: [],
      });
      expect((await decideOne(book('alice'))).refusal).toBeUndefined();
    });
  });
}
