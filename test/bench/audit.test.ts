import { describe, expect, it } from 'vitest';
import { event, freeSeat, Run, seatOf, startMs, user } from './audit-fixture.ts';

const held = event(1, 'held', 'ann');
const booked = event(2, 'booked', 'ann');
const released = event(2, 'released', 'ann');

/** A run in which nothing is wrong. */
const honest = () =>
  new Run()
    .logged(held, booked)
    .told('select', 'ann', seatOf(held))
    .refused('select', 'bob', 'SEAT_HELD', seatOf(held))
    .told('book', 'ann', seatOf(booked))
    .refused('release', 'bob', 'SEAT_BOOKED', seatOf(booked));

describe('the audit of a load run', () => {
  it('[R190] finds nothing wrong where nothing is', () => {
    expect(honest().broken()).toEqual([]);
  });

  it('[R190] takes a repeated answer for what it is: nothing new', () => {
    expect(honest().told('select', 'ann', seatOf(held)).told('book', 'ann', seatOf(booked)).broken()).toEqual([]);
  });

  it.each([
    ['was never committed', () => new Run().told('select', 'ann', seatOf(held))],
    [
      'was another user’s',
      () => new Run().logged(held).told('select', 'ann', seatOf(held)).told('select', 'bob', seatOf(held)),
    ],
    ['was of another kind', () => honest().told('release', 'ann', seatOf(booked))],
    [
      'shows another seat than the log',
      () => new Run().logged(held).told('select', 'ann', { ...seatOf(held), held_by: user('bob') }),
    ],
  ])('[R191] catches a success that %s', (_what, run) => {
    expect(run().broken()).toContain('successes');
  });

  it('[R192] catches a transition that nobody was told of', () => {
    expect(new Run().logged(held).broken()).toEqual(['transitions']);
  });

  it('[R192] lets one request that was never answered explain one transition, and not two', () => {
    const unanswered = { action: 'select', seatId: 'A1', userId: user('ann') } as const;
    const once = new Run().logged(held);
    once.log.unanswered(unanswered);
    expect(once.broken()).toEqual([]);

    const twice = new Run().logged(held, released, event(3, 'held', 'ann')).told('release', 'ann', seatOf(released));
    twice.log.unanswered(unanswered);
    expect(twice.broken()).toEqual(['transitions']);
  });

  it('[R192] takes a 503 for a request that may have been done', () => {
    const run = new Run().logged(held);
    run.log.answered({ action: 'select', seatId: 'A1', userId: user('ann'), status: 503, body: '{}' }, 0);
    expect(run.broken()).toEqual([]);
  });

  it('[R192] asks nobody for what ended by its time, or what strangers did', () => {
    const expired = event(2, 'released', 'ann', {
      reason: 'expired',
      timestamp: new Date(startMs + 31_000).toISOString(),
    });
    const stranger = event(3, 'held', 'x', { user_id: 'stranger', expires_at: (startMs + 70_000) / 1000 });
    expect(new Run().logged(held, expired, stranger).told('select', 'ann', seatOf(held)).broken()).toEqual([]);
  });

  it.each([
    ['of a seat that the user holds', 'ann', 'SEAT_HELD', seatOf(held)],
    ['for a reason that was none', 'bob', 'SEAT_BOOKED', seatOf(held)],
    ['with a seat that never was', 'bob', 'SEAT_HELD', { ...seatOf(held), held_by: user('eve') }],
    ['with a reason that there is not', 'bob', 'NO_SUCH_CODE', seatOf(held)],
  ])('[R193] catches a refusal %s', (_what, by, code, seat) => {
    const run = new Run().logged(held).told('select', 'ann', seatOf(held)).refused('select', by, code, seat);
    expect(run.broken()).toEqual(['refusals']);
  });

  it('[R193] judges each user that was refused in the same words', () => {
    const run = new Run().logged(held).told('select', 'ann', seatOf(held));
    run.refused('select', 'bob', 'SEAT_HELD', seatOf(held)).refused('select', 'ann', 'SEAT_HELD', seatOf(held));
    expect(run.broken()).toEqual(['refusals']);
  });

  it('[R194] catches an answer older than what had been told before it was asked for', () => {
    const run = honest().told('select', 'ann', seatOf(held), 2);
    expect(run.broken()).toEqual(['time']);
  });

  it('[R194] catches a read that goes back', () => {
    const run = honest();
    run.log.read(7, 0);
    run.log.read(6, 7);
    expect(run.broken()).toEqual(['time']);
  });

  it.each([
    ['two holds overlap', [held, event(2, 'held', 'bob')]],
    ['another books than holds', [held, event(2, 'booked', 'bob')]],
    ['a booking is let go', [held, booked, event(3, 'released', 'ann')]],
    ['a seq is missing', [held, { ...released, seq: 3 }]],
    [
      'a hold is booked after its end',
      [held, event(2, 'booked', 'ann', { timestamp: new Date(startMs + 60_000).toISOString() })],
    ],
    ['a hold ends by its time before that', [held, event(2, 'released', 'ann', { reason: 'expired' })]],
    ['a seat is unknown', [event(1, 'held', 'ann', { seat_id: 'Z9' })]],
  ])('[R195] catches a log in which %s', (_what, events) => {
    expect(new Run().logged(...events).broken()).toContain('order');
  });

  it('[R196] catches a view that differs from the log in one field, or lacks a seat', () => {
    const views = [
      [['A1', { ...seatOf(held), held_by: user('bob') }]],
      [['A1', { ...seatOf(held), seq: 0 }]],
      [['A1', freeSeat]],
      [],
    ] as const;
    for (const view of views) {
      const run = new Run().logged(held).told('select', 'ann', seatOf(held));
      run.audit.compareView('a socket', view);
      expect(run.broken()).toEqual(['views']);
    }
    const run = new Run().logged(held).told('select', 'ann', seatOf(held));
    run.audit.compareView('a socket', [['A1', seatOf(held)]]);
    expect(run.broken()).toEqual([]);
  });

  it('[R197] catches a hold that is left after its time, and a lock that is another’s', () => {
    const run = () => new Run().logged(held).told('select', 'ann', seatOf(held));
    const [left, lock, fine] = [run(), run(), run()];
    left.audit.compareHolds(startMs + 31_000);
    lock.audit.compareHolds(startMs, ['A1: its lock belongs to bob']);
    fine.audit.compareHolds(startMs + 1_000);
    expect([left.broken(), lock.broken(), fine.broken()]).toEqual([['holds'], ['holds'], []]);
  });

  it('[R197] tells how late holds ended', () => {
    const expired = event(2, 'released', 'ann', {
      reason: 'expired',
      timestamp: new Date(startMs + 30_047).toISOString(),
    });
    expect(new Run().logged(held, expired).audit.verdict().expiryLatenessMs).toEqual([37]);
  });
});
