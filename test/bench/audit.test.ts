import { describe, expect, it } from 'vitest';
import { event, freeSeat, Run, seatOf, startMs, user } from './audit-fixture.ts';

const held = event(1, 'held', 'ann');
const booked = event(2, 'booked', 'ann');
const released = event(2, 'released', 'ann');

/** A run without violations. */
const honest = () =>
  new Run()
    .logged(held, booked)
    .granted('select', 'ann', seatOf(held))
    .refused('select', 'bob', 'SEAT_HELD', seatOf(held))
    .granted('book', 'ann', seatOf(booked))
    .refused('release', 'bob', 'SEAT_BOOKED', seatOf(booked));

describe('the audit of a load run', () => {
  it('[R190] passes a run without violations', () => {
    expect(honest().broken()).toEqual([]);
  });

  it('[R190] accepts a repeated reply', () => {
    expect(honest().granted('select', 'ann', seatOf(held)).granted('book', 'ann', seatOf(booked)).broken()).toEqual([]);
  });

  it.each([
    ['that was never committed', () => new Run().granted('select', 'ann', seatOf(held))],
    [
      'that belongs to another user',
      () => new Run().logged(held).granted('select', 'ann', seatOf(held)).granted('select', 'bob', seatOf(held)),
    ],
    ['of another action', () => honest().granted('release', 'ann', seatOf(booked))],
    [
      'that shows another seat than the log',
      () => new Run().logged(held).granted('select', 'ann', { ...seatOf(held), held_by: user('bob') }),
    ],
  ])('[R191] catches a success %s', (_what, run) => {
    expect(run().broken()).toContain('successes');
  });

  it('[R192] catches a transition that no reply confirms', () => {
    expect(new Run().logged(held).broken()).toEqual(['transitions']);
  });

  it('[R192] lets one request without a reply explain one transition, not two', () => {
    const unanswered = { action: 'select', seatIds: ['A1'], userId: user('ann') } as const;
    const once = new Run().logged(held);
    once.log.unanswered(unanswered);
    expect(once.broken()).toEqual([]);

    const twice = new Run().logged(held, released, event(3, 'held', 'ann')).granted('release', 'ann', seatOf(released));
    twice.log.unanswered(unanswered);
    expect(twice.broken()).toEqual(['transitions']);
  });

  it('[R192] treats a request with a 503 as possibly executed', () => {
    const run = new Run().logged(held);
    run.log.answered({ action: 'select', seatIds: ['A1'], userId: user('ann'), status: 503, body: '{}' }, [0]);
    expect(run.broken()).toEqual([]);
  });

  it('[R192] needs no request for expiries and for transitions of other users', () => {
    const expired = event(2, 'released', 'ann', {
      reason: 'expired',
      timestamp: new Date(startMs + 31_000).toISOString(),
    });
    const stranger = event(3, 'held', 'x', { user_id: 'stranger', expires_at: (startMs + 70_000) / 1000 });
    expect(new Run().logged(held, expired, stranger).granted('select', 'ann', seatOf(held)).broken()).toEqual([]);
  });

  it.each([
    ['of a seat that the user holds', 'ann', 'SEAT_HELD', seatOf(held)],
    ['without a reason', 'bob', 'SEAT_BOOKED', seatOf(held)],
    ['with a seat that never existed', 'bob', 'SEAT_HELD', { ...seatOf(held), held_by: user('eve') }],
    ['with an unknown code', 'bob', 'NO_SUCH_CODE', seatOf(held)],
  ])('[R193] catches a refusal %s', (_what, by, code, seat) => {
    const run = new Run().logged(held).granted('select', 'ann', seatOf(held)).refused('select', by, code, seat);
    expect(run.broken()).toEqual(['refusals']);
  });

  it('[R193] checks each user that received the same refusal', () => {
    const run = new Run().logged(held).granted('select', 'ann', seatOf(held));
    run.refused('select', 'bob', 'SEAT_HELD', seatOf(held)).refused('select', 'ann', 'SEAT_HELD', seatOf(held));
    expect(run.broken()).toEqual(['refusals']);
  });

  it('[R194] catches a reply older than one that was received before its request', () => {
    const run = honest().granted('select', 'ann', seatOf(held), 2);
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
    ['a booking is released', [held, booked, event(3, 'released', 'ann')]],
    ['a seq is missing', [held, { ...released, seq: 3 }]],
    [
      'a hold is booked after its end',
      [held, event(2, 'booked', 'ann', { timestamp: new Date(startMs + 60_000).toISOString() })],
    ],
    ['a hold expires before its end', [held, event(2, 'released', 'ann', { reason: 'expired' })]],
    ['a seat is unknown', [event(1, 'held', 'ann', { seat_id: 'Z9' })]],
  ])('[R195] catches a log in which %s', (_what, events) => {
    expect(new Run().logged(...events).broken()).toContain('order');
  });

  it('[R196] catches a view that differs from the log in one field or lacks a seat', () => {
    const views = [
      [['A1', { ...seatOf(held), held_by: user('bob') }]],
      [['A1', { ...seatOf(held), seq: 0 }]],
      [['A1', freeSeat]],
      [],
    ] as const;
    for (const view of views) {
      const run = new Run().logged(held).granted('select', 'ann', seatOf(held));
      run.audit.compareView('a socket', view);
      expect(run.broken()).toEqual(['views']);
    }
    const run = new Run().logged(held).granted('select', 'ann', seatOf(held));
    run.audit.compareView('a socket', [['A1', seatOf(held)]]);
    expect(run.broken()).toEqual([]);
  });

  it('[R197] catches a hold that outlives its end, and a lock of another user', () => {
    const run = () => new Run().logged(held).granted('select', 'ann', seatOf(held));
    const [left, lock, fine] = [run(), run(), run()];
    left.audit.compareHolds(startMs + 31_000);
    lock.audit.compareHolds(startMs, ['A1: its lock belongs to bob']);
    fine.audit.compareHolds(startMs + 1_000);
    expect([left.broken(), lock.broken(), fine.broken()]).toEqual([['holds'], ['holds'], []]);
  });

  it('[R197] measures how late holds expire', () => {
    const expired = event(2, 'released', 'ann', {
      reason: 'expired',
      timestamp: new Date(startMs + 30_047).toISOString(),
    });
    expect(new Run().logged(held, expired).audit.verdict().expiryLatenessMs).toEqual([37]);
  });

  it('[R434] a request that a rate limit refused is no violation, and no reply: the run could not be audited', () => {
    const run = honest();
    const select = { action: 'select', seatIds: ['A1'], userId: user('eve') } as const;
    run.log.answered({ ...select, status: 429, body: '{"success":false,"error":{"code":"RATE_LIMITED"}}' }, [0]);
    run.log.answered(
      { ...select, status: 429, body: '{"error":{"code":"HOLD_LIMIT","message":"HOLDS_PER_ADDRESS"}}' },
      [0],
    );
    run.log.rateLimited();
    expect(run.broken()).toEqual([]);
    expect(run.audit.verdict()).toMatchObject({
      ok: false,
      notAudited: expect.stringMatching(/3 requests.*RATE_LIMIT=off/),
    });
  });

  it('[R434] a refusal because of a limit of the user is checked like any other', () => {
    const run = new Run()
      .refused('select', 'eve', 'HOLD_LIMIT', freeSeat)
      .refused('select', 'bob', 'COOLDOWN', freeSeat);
    expect(run.broken()).toEqual([]);
    expect(run.audit.verdict()).not.toHaveProperty('notAudited');
    const wrong = new Run()
      .logged(held)
      .granted('select', 'ann', seatOf(held))
      .refused('select', 'bob', 'COOLDOWN', seatOf(held));
    expect(wrong.broken()).toEqual(['refusals']);
  });

  it('[R434] an audit that fails is no violation, but a log that lost events is', () => {
    const failed = honest();
    failed.audit.cannotAudit('Redis refused the connection');
    expect(failed.broken()).toEqual([]);
    expect(failed.audit.verdict()).toMatchObject({ ok: false, notAudited: 'Redis refused the connection' });
    const lost = honest();
    lost.audit.logProblem('The log in Redis lacks seq 7');
    expect(lost.broken()).toEqual(['order']);
  });
});
