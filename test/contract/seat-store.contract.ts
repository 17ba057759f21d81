import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import { type SeatStore, VenueLostError } from '../../src/store/seat-store.ts';
import type { VenueLayout } from '../../src/store/venue-layout.ts';
import { decideOn, type OneSeatCommand } from '../support/decide-on.ts';

interface StoreSettings extends VenueLayout, HoldRules {
  keepEvents?: number;
}

/** One empty place for a venue, and any number of stores that work on it. */
export interface StorePlace {
  store(settings: StoreSettings): SeatStore;
  /** Lets the time of holds pass without waiting for it. */
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

const holdTtlMs = 30_000;
const settings: StoreSettings = { rows: 2, cols: 3, holdTtlMs, maxHoldsPerUser: 100 };

export const select = (userId: string): OneSeatCommand => ({ action: 'select', userId });
export const book = (userId: string): OneSeatCommand => ({ action: 'book', userId });
export const release = (userId: string): OneSeatCommand => ({ action: 'release', userId });
export const expire: OneSeatCommand = { action: 'expire' };

/** A store is not there at once: its connection is tried for. */
export const opened = (store: SeatStore) => vi.waitFor(() => store.open(), { timeout: 10_000, interval: 20 });

/** What every seat store must do. */
export function seatStoreContract(makePlace: () => Promise<StorePlace>): void {
  const places: StorePlace[] = [];
  afterEach(async () => {
    for (const place of places.splice(0)) await place.dispose();
  });

  async function newPlace(): Promise<StorePlace> {
    const place = await makePlace();
    places.push(place);
    return place;
  }

  /** An open venue, and one seat in it that keeps its position in mind. */
  async function openVenue(overrides: Partial<StoreSettings> = {}) {
    const place = await newPlace();
    const store = place.store({ ...settings, ...overrides });
    const { epoch, seq } = await opened(store);
    let known: Position = { epoch, seq };
    const decide = async (seatId: string, ...commands: OneSeatCommand[]) => {
      const decision = await decideOn(store, seatId, commands, known);
      known = { epoch, seq: decision.events.at(-1)?.seq ?? known.seq };
      return decision;
    };
    return {
      place,
      store,
      epoch,
      decide,
      known: () => known,
      /** What a single command on A1 brought. */
      ask: async (command: OneSeatCommand) => {
        const { answers, events } = await decide('A1', command);
        return { ...answers[0], events: events.map(brief) };
      },
    };
  }

  const brief = ({ type, user_id, reason }: SeatEvent) => [type, user_id, ...(reason ? [reason] : [])].join(' ');

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

    test('[R10] two that open at once agree on one epoch', async () => {
      const place = await newPlace();
      const stores = Array.from({ length: 8 }, () => place.store(settings));
      const venues = await Promise.all(stores.map((store) => opened(store)));
      expect(new Set(venues.map(({ epoch }) => epoch)).size).toBe(1);
      expect(new Set(venues.map(({ seats }) => JSON.stringify(seats))).size).toBe(1);
      expect(venues[0]?.seats).toHaveLength(6);
    });

    test('[R10] again: finds what is there', async () => {
      const { place, epoch, ask } = await openVenue();
      await ask(select('alice'));
      const venue = await opened(place.store(settings));
      expect(venue.epoch).toBe(epoch);
      expect(venue.seq).toBe(1);
      expect(venue.seats[0]).toMatchObject({ status: 1, held_by: 'alice', seq: 1 });
    });

    test('[R11] whoever knows more than there is ends the epoch: what is there is an older copy', async () => {
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

    test('[R11] of many that open after that at once, all get the same new epoch', async () => {
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

  describe('deciding', () => {
    test('[R12] select holds an available seat for the time of a hold', async () => {
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

    test('[R12] the time of a hold may be a fraction of a second', async () => {
      const { decide } = await openVenue({ holdTtlMs: 1_500 });
      const { answers, nowMs } = await decide('A1', select('alice'));
      const remainingMs = (answers[0]?.seat.expires_at as number) * 1000 - nowMs;
      expect(remainingMs).toBeGreaterThan(1_400);
      expect(remainingMs).toBeLessThanOrEqual(1_501);
    });

    test('[R13] select again by the holder is the same hold, not extended', async () => {
      const { ask, place } = await openVenue();
      const first = await ask(select('alice'));
      await place.pass(10_000);
      const again = await ask(select('alice'));
      expect(again.refusal).toBeUndefined();
      expect(again.seat).toEqual(first.seat);
      expect(again.events).toEqual([]);
    });

    test('[R13] book and book again by the same user: booked, once', async () => {
      const { ask } = await openVenue();
      await ask(select('alice'));
      const first = await ask(book('alice'));
      expect(first).toEqual({
        seat: { id: 'A1', row: 0, col: 0, status: 2, held_by: 'alice', seq: 2 },
        events: ['booked alice'],
      });
      expect(await ask(book('alice'))).toEqual({ seat: first.seat, events: [] });
    });

    test('[R14] release by the holder makes the seat available', async () => {
      const { ask } = await openVenue();
      await ask(select('alice'));
      expect(await ask(release('alice'))).toEqual({
        seat: { id: 'A1', row: 0, col: 0, status: 0, seq: 2 },
        events: ['released alice user'],
      });
      expect((await ask(select('bob'))).events).toEqual(['held bob']);
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

    test('[R16] commands of one call are decided in their order, each with the seat as it then was', async () => {
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

    test('[R16] no commands at all: nothing happens', async () => {
      const { decide } = await openVenue();
      expect(await decide('A1')).toMatchObject({ answers: [], events: [] });
    });
  });

  describe('[R239] whose hold of a seat lapsed does not hold it again at once', () => {
    const reholdCooldownMs = 40_000;
    const lapse = async (venue: Awaited<ReturnType<typeof openVenue>>) => {
      await venue.decide('A1', select('alice'));
      await venue.place.pass(holdTtlMs + 1);
    };
    const refusalOf = async ({ decide }: Awaited<ReturnType<typeof openVenue>>, seatId: string, user: string) =>
      (await decide(seatId, select(user))).answers[0]?.refusal;

    test('that seat is for others, and other seats are for that user; later it is for all', async () => {
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

    test('another may take it at once', async () => {
      const venue = await openVenue({ reholdCooldownMs });
      await lapse(venue);
      expect(await refusalOf(venue, 'A1', 'bob')).toBeUndefined();
      expect(await refusalOf(venue, 'A1', 'alice')).toBe('SEAT_HELD');
    });

    test('who releases it oneself, or where there is no cool-down, may have it again', async () => {
      const venue = await openVenue({ reholdCooldownMs });
      await venue.decide('A1', select('alice'), release('alice'));
      expect(await refusalOf(venue, 'A1', 'alice')).toBeUndefined();
      const without = await openVenue();
      await lapse(without);
      expect(await refusalOf(without, 'A1', 'alice')).toBeUndefined();
    });
  });

  describe('[R35] a user holds no more seats than is allowed', () => {
    const seats = (answer: { seat: { status: number }; refusal?: string } | undefined) => [
      answer?.seat.status,
      answer?.refusal,
    ];

    test('one more is refused; held seats of others, and booked ones, do not count', async () => {
      const { decide } = await openVenue({ maxHoldsPerUser: 2 });
      await decide('B1', select('bob'));
      await decide('B2', select('alice'), book('alice'));
      await decide('A1', select('alice'));
      await decide('A2', select('alice'));
      expect(seats((await decide('A3', select('alice'))).answers[0])).toEqual([0, 'HOLD_LIMIT']);
      expect(seats((await decide('A3', select('bob'))).answers[0])).toEqual([1, undefined]);
      expect(seats((await decide('A2', select('alice'))).answers[0]), 'the same hold').toEqual([1, undefined]);
      expect(seats((await decide('A3', select('alice'))).answers[0]), 'a taken seat is first of all taken').toEqual([
        1,
        'SEAT_HELD',
      ]);
    });

    test.each([
      ['released', release('alice')],
      ['booked', book('alice')],
    ])('a hold that is %s makes room for another', async (_, command) => {
      const { decide } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
      await decide('A1', command);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBeUndefined();
      expect((await decide('A3', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });

    test('a hold whose time is over makes room, released or not', async () => {
      const { decide, place } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBeUndefined();
      await decide('A1', expire);
      expect((await decide('A3', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });

    test('and may take that very seat again', async () => {
      const { decide, place } = await openVenue({ maxHoldsPerUser: 1 });
      await decide('A1', select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await decide('A1', select('alice'))).events.map(brief)).toEqual(['released alice expired', 'held alice']);
    });

    test('within one call as well', async () => {
      const { decide } = await openVenue({ maxHoldsPerUser: 1 });
      const { answers } = await decide('A1', select('alice'), release('alice'), select('alice'), select('bob'));
      expect(answers.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined, 'SEAT_HELD']);
      expect((await decide('A2', select('alice'))).answers[0]?.refusal).toBe('HOLD_LIMIT');
    });
  });

  describe('[R36] a command with a key is done once', () => {
    const keyed = (command: OneSeatCommand, key: string, isRepeat = false): OneSeatCommand =>
      command.action === 'expire' ? command : { ...command, request: { key, isRepeat } };

    test('asked again it is answered as it was, though the seat has changed since', async () => {
      const { ask } = await openVenue();
      await ask(select('alice'));
      const first = await ask(keyed(release('alice'), 'k1'));
      await ask(select('bob'));
      const { seat, refusal, events } = await ask(keyed(release('alice'), 'k1', true));
      expect({ seat, refusal, events }).toEqual({ seat: first.seat, refusal: undefined, events: [] });
    });

    test('a repeat that was refused stays so, when the first attempt comes late', async () => {
      const { ask } = await openVenue();
      await ask(select('bob'));
      expect((await ask(keyed(select('alice'), 'k1', true))).refusal).toBe('SEAT_HELD');
      await ask(release('bob'));
      expect(await ask(keyed(select('alice'), 'k1'))).toMatchObject({ refusal: 'SEAT_HELD', events: [] });
    });

    test('a late first attempt does not take again what was let go since', async () => {
      const { ask } = await openVenue();
      await ask(select('alice'));
      expect((await ask(keyed(select('alice'), 'k1', true))).refusal).toBeUndefined();
      await ask(release('alice'));
      expect((await ask(keyed(select('alice'), 'k1'))).events).toEqual([]);
    });

    test('a first attempt that was refused is no reason to refuse the next', async () => {
      const { ask } = await openVenue();
      await ask(select('bob'));
      await ask(keyed(select('alice'), 'k1'));
      await ask(release('bob'));
      expect((await ask(keyed(select('alice'), 'k1', true))).events).toEqual(['held alice']);
    });

    test('within one call, what follows it is decided on the seat as it now is', async () => {
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

    test('by the same user, on the same seat, with the same action: else it is another command', async () => {
      const { ask, decide } = await openVenue();
      await ask(keyed(select('alice'), 'k1'));
      expect((await ask(keyed(select('bob'), 'k1', true))).refusal).toBe('SEAT_HELD');
      expect((await ask(keyed(book('alice'), 'k1', true))).events).toEqual(['booked alice']);
      expect((await decide('A2', keyed(select('alice'), 'k1', true))).events.map(brief)).toEqual(['held alice']);
    });
  });

  describe('the end of a hold', () => {
    test('[R17] expire, asked too early, changes nothing', async () => {
      const { ask, place } = await openVenue();
      const { seat } = await ask(select('alice'));
      await place.pass(holdTtlMs - 10_000);
      expect(await ask(expire)).toEqual({ seat, events: [] });
    });

    test('[R17] expire releases a hold whose time is over, once', async () => {
      const { ask, place } = await openVenue();
      await ask(select('alice'));
      await place.pass(holdTtlMs + 1);
      const seat = { id: 'A1', row: 0, col: 0, status: 0, seq: 2 };
      expect(await ask(expire)).toEqual({ seat, events: ['released alice expired'] });
      expect(await ask(expire)).toEqual({ seat, events: [] });
    });

    test('[R17] expire of an available or a booked seat changes nothing', async () => {
      const { ask, place } = await openVenue();
      expect(await ask(expire)).toMatchObject({ seat: { status: 0, seq: 0 }, events: [] });
      await ask(select('alice'));
      await ask(book('alice'));
      await place.pass(1_000_000);
      expect(await ask(expire)).toMatchObject({ seat: { status: 2, held_by: 'alice', seq: 2 }, events: [] });
    });

    test('[R18] whoever selects a seat whose hold has ended gets it: the old hold is released before', async () => {
      const { ask, place } = await openVenue();
      await ask(select('alice'));
      await place.pass(holdTtlMs + 1);
      const { refusal, seat, events } = await ask(select('bob'));
      expect(refusal).toBeUndefined();
      expect(seat).toMatchObject({ status: 1, held_by: 'bob', seq: 3 });
      expect(events).toEqual(['released alice expired', 'held bob']);
    });

    test('[R18] the holder too gets a new hold then', async () => {
      const { ask, place } = await openVenue();
      await ask(select('alice'));
      await place.pass(holdTtlMs + 1);
      expect((await ask(select('alice'))).events).toEqual(['released alice expired', 'held alice']);
    });

    test.each([
      ['book', book('alice')],
      ['release', release('alice')],
    ])('[R18] [G3] %s after the time is over: NOT_HOLDER, and the seat is available', async (_, command) => {
      const { ask, place } = await openVenue();
      await ask(select('alice'));
      await place.pass(holdTtlMs + 1);
      expect(await ask(command)).toEqual({
        refusal: 'NOT_HOLDER',
        seat: { id: 'A1', row: 0, col: 0, status: 0, seq: 2 },
        events: ['released alice expired'],
      });
    });

    test('[G1] a booked seat stays booked, however much time passes', async () => {
      const { ask, place } = await openVenue();
      await ask(select('alice'));
      await ask(book('alice'));
      await place.pass(10 * holdTtlMs);
      expect(await ask(select('bob'))).toMatchObject({
        refusal: 'SEAT_BOOKED',
        seat: { held_by: 'alice' },
        events: [],
      });
      expect((await ask(book('alice'))).refusal).toBeUndefined();
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

    test('[R30] of transitions decided at once by several stores as well', async () => {
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

    test('[R37] of what one store is asked at once, of many seats and of one seat twice, each is answered as if it came alone', async () => {
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

    test('[R31] is read in pages from any position', async () => {
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

    test('[R31] tells nothing from a position of another epoch', async () => {
      const { ask, store, epoch } = await openVenue();
      await ask(select('alice'));
      const history = await store.eventsAfter({ epoch: 'another', seq: 0 }, 10);
      expect(history).toMatchObject({ epoch, seq: 1 });
      expect(history.events).toBeUndefined();
    });

    test('[R32] forgets only what was relayed, and keeps at least as much of that as it is told', async () => {
      const { decide, store, epoch } = await openVenue({ keepEvents: 20 });
      const commands = Array.from({ length: 500 }, (_, i) => (i % 2 ? release('alice') : select('alice')));
      const { events } = await decide('A1', ...commands);
      await store.markRelayed({ epoch, seq: 300 });
      expect((await store.eventsAfter({ epoch, seq: 280 }, 1_000)).events).toEqual(events.slice(280));
      const trimmed = await store.eventsAfter({ epoch, seq: 0 }, 1_000);
      expect(trimmed).toMatchObject({ epoch, seq: 500 });
      expect(trimmed.events, 'the log does not reach back to it').toBeUndefined();
    });

    test('[R33] what is relayed only ever grows, and is of this epoch only', async () => {
      const { decide, store, epoch } = await openVenue();
      expect(await store.relayedPosition()).toEqual({ epoch, seq: 0 });
      await decide('A1', select('alice'), release('alice'), select('alice'));
      await store.markRelayed({ epoch, seq: 2 });
      await store.markRelayed({ epoch, seq: 1 });
      await store.markRelayed({ epoch: 'another', seq: 3 });
      expect(await store.relayedPosition()).toEqual({ epoch, seq: 2 });
    });

    test('[R33] a new epoch has to relay what the old one has left, under its own name', async () => {
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

  describe('[R34] a venue that is not the one known is lost, and nothing is decided', () => {
    test('of another epoch', async () => {
      const { store } = await openVenue();
      await expect(decideOn(store, 'A1', [select('a')], { epoch: 'another', seq: 0 })).rejects.toBeInstanceOf(
        VenueLostError,
      );
      expect((await store.open()).seq).toBe(0);
    });

    test('behind what is known: an older copy', async () => {
      const { store, epoch } = await openVenue();
      await expect(decideOn(store, 'A1', [select('a')], { epoch, seq: 1 })).rejects.toBeInstanceOf(VenueLostError);
      await expect(store.eventsAfter({ epoch, seq: 1 }, 10)).rejects.toBeInstanceOf(VenueLostError);
      expect((await store.open()).seq).toBe(0);
    });

    test('not made yet', async () => {
      const place = await newPlace();
      const store = place.store(settings);
      const lost = { timeout: 10_000, interval: 20 };
      await vi.waitFor(
        () => expect(store.eventsAfter({ epoch: 'e', seq: 0 }, 1)).rejects.toBeInstanceOf(VenueLostError),
        lost,
      );
      await expect(decideOn(store, 'A1', [select('a')], { epoch: 'e', seq: 0 })).rejects.toBeInstanceOf(VenueLostError);
      await expect(decideOn(store, 'A1', [select('a')], { epoch: '', seq: 0 })).rejects.toBeInstanceOf(VenueLostError);
    });

    test('without the seat', async () => {
      const { store, known } = await openVenue();
      await expect(decideOn(store, 'J10', [select('a')], known())).rejects.toBeInstanceOf(VenueLostError);
    });

    test('knowing less than there is, is no reason', async () => {
      const { ask, store, epoch } = await openVenue();
      await ask(select('alice'));
      const { answers } = await decideOn(store, 'A1', [book('alice')], { epoch, seq: 0 });
      expect(answers[0]).toMatchObject({ seat: { status: 2 } });
    });
  });
}
