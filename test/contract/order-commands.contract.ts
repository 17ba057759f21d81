import { describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { OrderCommand, SeatCommand, UserCommand } from '../../src/store/seat-store.ts';
import { opened, type StorePlace } from './contract-venue.ts';

const holdTtlMs = 30_000;
const paymentMs = 600_000;
const settings = { rows: 2, cols: 3, holdTtlMs, maxHoldsPerUser: 2, maxExtensions: 2, reholdCooldownMs: 60_000 };

const brief = ({ seat_id, type, user_id, reason }: SeatEvent) => `${seat_id} ${reason ?? type} ${user_id}`;

/** The contract of every seat store: the commands of checkout. */
export function orderCommandsContract(newPlace: () => StorePlace): void {
  async function openVenue() {
    const place = newPlace();
    const store = place.store(settings);
    let known: Position = await opened(store);
    const decide = async (seats: string, command: Omit<UserCommand, 'seatIds'> | Omit<OrderCommand, 'seatIds'>) => {
      const full = { ...command, seatIds: seats.split(' ') } as SeatCommand;
      const { answers, events, nowMs } = await store.decide([full], known);
      known = { epoch: known.epoch, seq: events.at(-1)?.seq ?? known.seq };
      const { refusal = 'ok', refused = [], seats: after } = answers[0] ?? { seats: [] };
      return {
        outcome: [refusal, ...refused].join(' '),
        events: events.map(brief),
        remainingMs: after.map(({ expires_at = 0 }) => Math.round(expires_at * 1000 - nowMs)),
      };
    };
    const as = (userId: string) => ({
      select: (seats: string) => decide(seats, { action: 'select', userId }),
      extend: (seats: string) => decide(seats, { action: 'extend', userId }),
      book: (seats: string) => decide(seats, { action: 'book', userId }),
      order: (orderId: string) => ({
        checkout: (seats: string) => decide(seats, { action: 'checkout', userId, orderId, ttlMs: paymentMs } as never),
        rehold: (seats: string) => decide(seats, { action: 'rehold', userId, orderId, ttlMs: 60_000 } as never),
        sell: (seats: string) => decide(seats, { action: 'sell', userId, orderId } as never),
        close: (seats: string) => decide(seats, { action: 'close', userId, orderId } as never),
        revoke: (seats: string, ifBookedAt?: Position) =>
          decide(seats, { action: 'revoke', userId, orderId, ifBookedAt } as never),
      }),
    });
    return { place, as, position: () => known };
  }

  describe('[R740] checkout of held seats', () => {
    test('extends the hold by the time to pay, and no extension of the user shortens it', async () => {
      const { as } = await openVenue();
      const alice = as('alice');
      await alice.select('A1 A2');
      const started = await alice.order('o1').checkout('A1 A2');
      expect(started.events).toEqual(['A1 checkout alice', 'A2 checkout alice']);
      expect(started.remainingMs).toEqual([paymentMs, paymentMs]);
      const [remainingMs = 0] = (await alice.extend('A1')).remainingMs;
      expect(remainingMs).toBeGreaterThan(paymentMs - 5_000);
      expect((await alice.order('o1').checkout('A1')).outcome).toBe('ok');
    });

    test('is for seats that the user holds', async () => {
      const { as } = await openVenue();
      await as('bob').select('A2');
      expect((await as('alice').order('o1').checkout('A1 A2')).outcome).toBe('NOT_HOLDER A1 A2');
      await as('bob').book('A2');
      expect((await as('bob').order('o1').checkout('A2')).outcome).toBe('SEAT_BOOKED A2');
    });
  });

  describe('[R741] seats of a paid order', () => {
    test('are sold as a group, and a repeat changes nothing', async () => {
      const { as } = await openVenue();
      const order = as('alice').order('o1');
      await as('alice').select('A1 A2');
      expect((await order.sell('A1 A2')).events).toEqual(['A1 booked alice', 'A2 booked alice']);
      expect(await order.sell('A1 A2')).toMatchObject({ outcome: 'ok', events: [] });
    });

    test('are held again after the hold ended, without the limits of users, if none is taken', async () => {
      const { as, place } = await openVenue();
      const alice = as('alice');
      const order = alice.order('o1');
      await alice.select('A1 A2');
      await place.pass(holdTtlMs + 1);
      await alice.select('B1 B2'); // the maximum; and A1 and A2 are in their cool-down
      expect((await alice.select('A1')).outcome).toBe('HOLD_LIMIT A1');
      expect((await order.sell('A1 A2')).outcome).toBe('NOT_HOLDER A1 A2');
      expect((await order.rehold('A1 A2')).events).toEqual(['A1 checkout alice', 'A2 checkout alice']);
      expect((await order.sell('A1 A2')).outcome).toBe('ok');
      expect(await order.rehold('A1 A2')).toMatchObject({ outcome: 'ok', events: [] });
    });

    test.each(['select', 'book'] as const)('are not held again if another user has one of them (%s)', async (last) => {
      const { as } = await openVenue();
      await as('bob').select('A2');
      if (last === 'book') await as('bob').book('A2');
      const refused = await as('alice').order('o1').rehold('A1 A2');
      expect(refused).toMatchObject({ outcome: `${last === 'book' ? 'SEAT_BOOKED' : 'SEAT_HELD'} A2`, events: [] });
    });
  });

  describe('[R742] a closed order', () => {
    test('has released its holds, and no seats of other users', async () => {
      const { as } = await openVenue();
      const order = as('alice').order('o1');
      await as('alice').select('A1');
      await as('bob').select('B1');
      expect((await order.close('A1 A2 B1')).events).toEqual(['A1 closed alice']);
      expect((await as('alice').select('A1')).outcome).toBe('ok'); // no cool-down
    });

    test('is not closed once its seats are booked: the first of sale and end wins', async () => {
      const { as } = await openVenue();
      const order = as('alice').order('o1');
      await as('alice').select('A1 A2');
      await order.sell('A1');
      expect(await order.close('A1 A2')).toMatchObject({ outcome: 'SEAT_BOOKED A1', events: [] });
      expect((await order.sell('A2')).events).toEqual(['A2 booked alice']);
    });

    test('that is revoked has released its holds and bookings, and no seats of other users', async () => {
      const { as } = await openVenue();
      const order = as('alice').order('o1');
      await as('alice').select('A1 A2');
      await order.sell('A1');
      await as('bob').select('B1');
      expect((await order.revoke('A1 A2 A3 B1')).events).toEqual(['A1 closed alice', 'A2 closed alice']);
      expect((await as('bob').select('A1')).outcome).toBe('ok');
      expect((await as('alice').select('A2')).outcome).toBe('ok');
      expect((await order.sell('A2')).outcome).toBe('ORDER_CLOSED A2');
    });

    test('changes no seat any more: a command that was delayed cannot touch a later order of the same user', async () => {
      const { as } = await openVenue();
      const [alice, late] = [as('alice'), as('alice').order('o1')];
      await alice.select('A1');
      await late.close('A1');
      await alice.select('A1');
      expect(await late.checkout('A1')).toMatchObject({ outcome: 'ORDER_CLOSED A1', events: [] });
      expect(await late.rehold('A1')).toMatchObject({ outcome: 'ORDER_CLOSED A1', events: [] });
      expect(await late.sell('A1')).toMatchObject({ outcome: 'ORDER_CLOSED A1', events: [] });
      expect(await late.close('A1')).toMatchObject({ outcome: 'ok', events: [] });
      expect((await alice.order('o2').sell('A1')).events).toEqual(['A1 booked alice']);
      expect(await late.close('A1')).toMatchObject({ outcome: 'ok', events: [] });
    });

    test('stays closed for an hour from its last end on: an end that is repeated for hours frees no seat of a later order', async () => {
      const { as, place } = await openVenue();
      const [alice, late] = [as('alice'), as('alice').order('o1')];
      await alice.select('A1');
      await late.revoke('A1');
      await place.pass(2_400_000);
      await late.revoke('A1');
      await place.pass(2_400_000);
      await alice.select('A1');
      await alice.order('o2').sell('A1');
      expect(await late.revoke('A1')).toMatchObject({ outcome: 'ok', events: [] });
    });

    test('can be revoked on a seat that is still as it was booked by a known transition', async () => {
      const { as, position } = await openVenue();
      const [alice, order] = [as('alice'), as('alice').order('o1')];
      await alice.select('A1');
      await order.close('A1');
      await alice.select('A1');
      const held = position();
      await alice.order('o2').sell('A1');
      const booked = position();
      const nothing = { outcome: 'ok', events: [] };
      expect(await order.revoke('A1')).toMatchObject(nothing);
      expect(await order.revoke('A1', held)).toMatchObject(nothing);
      expect(await order.revoke('A1', { ...booked, epoch: 'other' })).toMatchObject(nothing);
      expect(await as('bob').order('o1').revoke('A1', booked)).toMatchObject(nothing);
      expect((await order.revoke('A1', booked)).events).toEqual(['A1 closed alice']);
      await alice.select('A1');
      expect(await order.revoke('A1', position())).toMatchObject(nothing); // held, not booked
      expect((await order.sell('A1')).outcome).toBe('ORDER_CLOSED A1');
    });
  });
}
