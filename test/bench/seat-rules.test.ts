import { describe, expect, it } from 'vitest';
import { SeatLog } from '../../bench/audit/seat-log.ts';
import {
  brokenRule,
  dueOf,
  falsehoodOf,
  isSameSeat,
  isTrueRefusal,
  type LoggedSeat,
  refusalOf,
  type SeatReply,
} from '../../bench/audit/seat-rules.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { event, freeSeat, holdMs, seatOf, startMs, user } from './audit-fixture.ts';

/** Each check of the one audit, once true and once false: a check that cannot fail proves nothing. */

const held = event(1, 'held', 'ann');
const booked = event(2, 'booked', 'ann');
const released = event(2, 'released', 'ann');
const heldSeat = seatOf(held);
const bookedSeat = seatOf(booked);
const endMs = startMs + 10 + holdMs;
const longHold = { reason: 'checkout', expires_at: (endMs + 600_000) / 1000 } as const;
const checkedOut = event(2, 'held', 'ann', longHold);
const closed = { reason: 'closed' } as const;
const at = (ms: number) => ({ timestamp: new Date(ms).toISOString() });

describe('the rules of a seat', () => {
  it.each([
    ['a hold of an available seat', freeSeat, held],
    ['a booking by the holder', heldSeat, booked],
    ['a booking in the last millisecond of the hold', heldSeat, event(2, 'booked', 'ann', at(endMs))],
    ['a release by the holder', heldSeat, released],
    ['an extension by the holder', heldSeat, event(2, 'held', 'ann', { reason: 'extended' })],
    ['checkout of an own hold', heldSeat, checkedOut],
    ['checkout of a free seat, whose hold had ended', freeSeat, event(1, 'held', 'ann', longHold)],
    [
      'an extension of a hold that ends later',
      seatOf(checkedOut),
      event(3, 'held', 'ann', { ...longHold, reason: 'extended' }),
    ],
    ['the end of an order whose seat is held', heldSeat, event(2, 'released', 'ann', closed)],
    ['the end of an order whose seat is booked', bookedSeat, event(3, 'released', 'ann', closed)],
    ['an expiry after the end', heldSeat, event(2, 'released', 'ann', { reason: 'expired', ...at(endMs + 1) })],
  ])('[R430] allow %s', (_name, seat, next) => {
    expect(brokenRule(seat, next, { holdTtlMs: holdMs }, Date.parse(next.timestamp))).toBeUndefined();
  });

  it.each([
    ['a hold of a held seat', heldSeat, event(2, 'held', 'bob'), 'G1'],
    ['a hold of a booked seat', bookedSeat, event(3, 'held', 'bob'), 'G1'],
    ['a booking of an available seat', freeSeat, event(1, 'booked', 'ann'), 'G1'],
    ['a booking by another user than the holder', heldSeat, event(2, 'booked', 'bob'), 'G1'],
    ['a release by another user than the holder', heldSeat, event(2, 'released', 'bob'), 'G1'],
    ['a release of a booked seat', bookedSeat, event(3, 'released', 'ann'), 'G1'],
    ["checkout of another user's hold", heldSeat, event(2, 'held', 'bob', longHold), 'G1'],
    ['checkout of a booked seat', bookedSeat, event(3, 'held', 'ann', longHold), 'G1'],
    ['checkout that shortens a hold', seatOf(checkedOut), event(3, 'held', 'ann', { reason: 'checkout' }), 'G3'],
    ['the end of an order with a seat of another user', bookedSeat, event(3, 'released', 'bob', closed), 'G1'],
    ['the end of an order with a free seat', freeSeat, event(1, 'released', 'ann', closed), 'G1'],
    ['an extension of an available seat', freeSeat, event(1, 'held', 'ann', { reason: 'extended' }), 'G1'],
    ['an extension by another user', heldSeat, event(2, 'held', 'bob', { reason: 'extended' }), 'G1'],
    ['an extension of a booked seat', bookedSeat, event(3, 'held', 'ann', { reason: 'extended' }), 'G1'],
    [
      'an extension after the end',
      heldSeat,
      event(2, 'held', 'ann', { reason: 'extended', ...at(endMs + 1), expires_at: (endMs + 1 + holdMs) / 1000 }),
      'G3',
    ],
    [
      'an extension by more than a hold',
      heldSeat,
      event(2, 'held', 'ann', { reason: 'extended', expires_at: (endMs + holdMs) / 1000 }),
      'G3',
    ],
    ['a status that contradicts the type', freeSeat, event(1, 'held', 'ann', { status: 2 }), 'G1'],
    ['a hold that ends before it begins', freeSeat, event(1, 'held', 'ann', { expires_at: startMs / 1000 }), 'G3'],
    ['a hold that is too long', freeSeat, event(1, 'held', 'ann', { expires_at: (endMs + 1_000) / 1000 }), 'G3'],
    ['a booking after the end', heldSeat, event(2, 'booked', 'ann', at(endMs + 1)), 'G3'],
    ['a release by the user after the end', heldSeat, event(2, 'released', 'ann', at(endMs + 1)), 'G3'],
    ['an expiry at the end', heldSeat, event(2, 'released', 'ann', { reason: 'expired', ...at(endMs) }), 'G3'],
  ] as const)('[R430] forbid %s', (_name, seat, next, rule) => {
    expect(brokenRule(seat, next, { holdTtlMs: holdMs }, Date.parse(next.timestamp))?.rule).toBe(rule);
  });

  it('[R430] leave out the checks that an audit cannot make: length of holds, clock error', () => {
    const long = event(1, 'held', 'ann', { expires_at: (endMs + 1_000) / 1000 });
    const late = event(2, 'booked', 'ann', at(endMs + 1));
    expect(brokenRule(freeSeat, long, {}, startMs + 10)).toBeUndefined();
    expect(brokenRule(heldSeat, late, { clockErrorMs: 1 }, endMs + 1)).toBeUndefined();
    expect(brokenRule(heldSeat, late, { clockErrorMs: 1 }, endMs + 2)?.rule).toBe('G3');
  });
});

describe('a replayed log', () => {
  const two = new Map(['A1', 'A2'].map((id) => [id, { ...freeSeat, id }]));
  const ofA2 = event(2, 'held', 'ann', { seat_id: 'A2' });

  it('[R430] makes the seats of its events', () => {
    const log = new SeatLog({ seats: two, seq: 0 });
    expect([held, booked].flatMap((next) => log.append(next).broken)).toEqual([]);
    expect([...log.seats.values()]).toEqual([bookedSeat, { ...freeSeat, id: 'A2' }]);
    expect(two.get('A1')?.status).toBe(0);
  });

  it('[R430] has no gap, no repeated event and no unknown seat', () => {
    const brokenAt = (seq: number | undefined, next = held) => new SeatLog({ seats: two, seq }).append(next).broken;
    expect(brokenAt(0)).toEqual([]);
    expect(brokenAt(undefined)).toEqual([]);
    for (const seq of [1, 5]) expect(brokenAt(seq)).toMatchObject([{ rule: 'R30' }]);
    expect(brokenAt(0, { ...held, seat_id: 'Z9' })).toMatchObject([{ rule: 'R30' }]);
  });

  it('[R430] gives no user more holds than allowed, and counts only holds that have not ended', () => {
    const brokenBy = (next: typeof ofA2, maxHoldsPerUser: number) => {
      const log = new SeatLog({ seats: two, seq: 0 }, { maxHoldsPerUser });
      log.append(held);
      return log.append(next).broken;
    };
    expect(brokenBy(ofA2, 1)).toMatchObject([{ rule: 'R35' }]);
    expect(brokenBy(ofA2, 2)).toEqual([]);
    const afterTheEnd = { ...ofA2, ...at(endMs + 1), expires_at: (endMs + 1 + holdMs) / 1000 };
    expect(brokenBy(afterTheEnd, 1)).toEqual([]);
    expect(brokenBy({ ...ofA2, user_id: user('bob') }, 1)).toEqual([]);
  });
});

describe('groups and extensions', () => {
  it('[R474] a hold is extended no more often than allowed, and a new hold starts at zero', () => {
    const extended = (seq: number) => event(seq, 'held', 'ann', { reason: 'extended' });
    const brokenBy = (start: Map<string, number>, ...events: (typeof held)[]) => {
      const log = new SeatLog({ seats: new Map([['A1', freeSeat]]), extensions: start }, { maxExtensions: 1 });
      return events.flatMap((next) => log.append(next).broken.map(({ rule }) => rule));
    };
    expect(brokenBy(new Map(), held, extended(2))).toEqual([]);
    expect(brokenBy(new Map(), held, extended(2), extended(3))).toEqual(['R395']);
    const again = { ...event(3, 'released', 'ann') };
    expect(brokenBy(new Map(), held, extended(2), again, event(4, 'held', 'ann'), extended(5))).toEqual([]);
    const log = new SeatLog(
      { seats: new Map([['A1', heldSeat]]), extensions: new Map([['A1', 1]]) },
      { maxExtensions: 1 },
    );
    expect(log.append(extended(2)).broken).toMatchObject([{ rule: 'R395' }]);
    expect(log.extensions.get('A1')).toBe(2);
  });

  const [ann, bob] = [user('ann'), user('bob')];
  const other = { ...freeSeat, id: 'A2' };

  it('[R474] a command is due on all of its seats or on none', () => {
    expect(dueOf('select', ann, [freeSeat, other])).toEqual({ changing: [freeSeat, other] });
    expect(dueOf('select', ann, [heldSeat, other])).toEqual({ changing: [other] });
    expect(dueOf('select', bob, [other, heldSeat])).toEqual({ refusal: 'SEATS_TAKEN', refused: [heldSeat] });
    expect(dueOf('select', bob, [heldSeat])).toEqual({ refusal: 'SEAT_HELD', refused: [heldSeat] });
    expect(dueOf('book', ann, [other, bookedSeat])).toEqual({ refusal: 'NOT_HOLDER', refused: [other] });
    expect(dueOf('book', ann, [bookedSeat, { ...heldSeat, id: 'A2' }])).toMatchObject({ changing: [{ id: 'A2' }] });
    expect(dueOf('extend', ann, [heldSeat])).toEqual({ changing: [heldSeat] });
    expect(dueOf('release', ann, [bookedSeat, other])).toEqual({
      refusal: 'SEAT_BOOKED',
      refused: [bookedSeat, other],
    });
  });

  it('[R474] an extension is granted to the holder only, by a transition of its own', () => {
    const extended = event(2, 'held', 'ann', { reason: 'extended' });
    const reply = (change: Partial<SeatReply>): SeatReply => ({
      ...{ action: 'extend', seatId: 'A1', userId: ann, seat: seatOf(extended) },
      ...change,
    });
    expect(falsehoodOf(reply({}), [{ seat: seatOf(extended), event: extended }])).toBeUndefined();
    expect(falsehoodOf(reply({ seat: heldSeat }), [{ seat: heldSeat, event: held }])).toBeDefined();
    expect(falsehoodOf(reply({ userId: bob }), [{ seat: seatOf(extended), event: extended }])).toBeDefined();
    expect(isTrueRefusal('EXTENSION_LIMIT', heldSeat, 'extend', ann)).toBe(true);
    expect(isTrueRefusal('EXTENSION_LIMIT', heldSeat, 'extend', bob)).toBe(false);
    expect(isTrueRefusal('EXTENSION_LIMIT', heldSeat, 'select', ann)).toBe(false);
    expect(isTrueRefusal('NOT_HOLDER', freeSeat, 'extend', ann)).toBe(true);
  });
});

describe('replies', () => {
  it('[R431] two seats are the same only if every part of their state is', () => {
    const parts: Partial<Seat>[] = [
      { id: 'A2' },
      { status: 2 },
      { seq: 9 },
      { held_by: user('bob') },
      { expires_at: (endMs + 1) / 1000 },
    ];
    expect(isSameSeat(heldSeat, { ...heldSeat })).toBe(true);
    for (const part of parts) expect(isSameSeat(heldSeat, { ...heldSeat, ...part })).toBe(false);
    expect(isSameSeat(heldSeat, undefined)).toBe(false);
  });

  it('[R431] the refusal follows from seat, action and user', () => {
    const own = (seat: Seat) => (['select', 'book', 'release'] as const).map((it) => refusalOf(seat, it, user('ann')));
    const other = (seat: Seat) =>
      (['select', 'book', 'release'] as const).map((it) => refusalOf(seat, it, user('bob')));
    expect(own(freeSeat)).toEqual([undefined, 'NOT_HOLDER', 'NOT_HOLDER']);
    expect(own(heldSeat)).toEqual([undefined, undefined, undefined]);
    expect(other(heldSeat)).toEqual(['SEAT_HELD', 'NOT_HOLDER', 'NOT_HOLDER']);
    expect(own(bookedSeat)).toEqual(['SEAT_BOOKED', undefined, 'SEAT_BOOKED']);
    expect(other(bookedSeat)).toEqual(['SEAT_BOOKED', 'SEAT_BOOKED', 'SEAT_BOOKED']);
  });

  it('[R431] limits of a user refuse only a hold of an available seat', () => {
    for (const code of ['HOLD_LIMIT', 'COOLDOWN']) {
      expect(isTrueRefusal(code, freeSeat, 'select', user('ann'))).toBe(true);
      expect(isTrueRefusal(code, heldSeat, 'select', user('bob'))).toBe(false);
      expect(isTrueRefusal(code, freeSeat, 'book', user('ann'))).toBe(false);
    }
  });

  const reply = (change: Partial<SeatReply>): SeatReply => ({
    action: 'select',
    seatId: 'A1',
    userId: user('ann'),
    seat: heldSeat,
    ...change,
  });
  const log: LoggedSeat[] = [{ seat: heldSeat, event: held }];
  const afterRelease: LoggedSeat[] = [{ seat: seatOf(released), event: released }];

  it.each([
    ['a successful select', reply({}), log],
    ['a refusal by the held seat', reply({ userId: user('bob'), refusal: 'SEAT_HELD' }), log],
    ['a release by the user', reply({ action: 'release', seat: seatOf(released) }), afterRelease],
    ['a read', reply({ action: 'read', userId: '' }), log],
    ['a repeated select of a hold from before the log', reply({}), [{ seat: heldSeat }]],
    ['one of two epochs', reply({}), [{ seat: freeSeat }, ...log]],
  ])('[R431] accept %s', (_name, received, logged) => {
    expect(falsehoodOf(received, logged)).toBeUndefined();
  });

  it.each([
    ['another seat than requested', reply({ seatId: 'A2' }), log],
    ['a seat that never existed', reply({ seat: { ...heldSeat, held_by: user('eve') } }), log],
    ['a read of such a seat', reply({ action: 'read', seat: { ...heldSeat, seq: 9 } }), log],
    ['a position that is not in the log', reply({}), []],
    ['a success with the hold of another user', reply({ userId: user('bob') }), log],
    ['a booking that is only a hold', reply({ action: 'book' }), log],
    ['a refusal without a reason', reply({ refusal: 'SEAT_HELD' }), log],
    ['a refusal with another code than the seat requires', reply({ userId: user('bob'), refusal: 'SEAT_BOOKED' }), log],
    [
      'a release by another user',
      reply({ action: 'release', userId: user('bob'), seat: seatOf(released) }),
      afterRelease,
    ],
    [
      'a release that was an expiry',
      reply({ action: 'release', seat: seatOf(released) }),
      [{ seat: seatOf(released), event: { ...released, reason: 'expired' as const } }],
    ],
  ])('[R431] catch %s', (_name, received, logged) => {
    expect(falsehoodOf(received, logged)).toBeDefined();
  });
});
