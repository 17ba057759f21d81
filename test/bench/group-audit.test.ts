import { describe, expect, it } from 'vitest';
import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { event, freeSeat, Run, seatOf, startMs, user } from './audit-fixture.ts';

const ids = ['A1', 'A2', 'A3'];
const threeSeats = new Map(ids.map((id) => [id, { ...freeSeat, id }]));
const endMs = startMs + 60_000;

/** The transitions of one command on the three seats. */
const transitions = (firstSeq: number, type: SeatEvent['type'], by: string, more: Partial<SeatEvent> = {}) =>
  ids.map((seat_id, index) =>
    event(firstSeq + index, type, by, {
      seat_id,
      timestamp: new Date(startMs + firstSeq * 10).toISOString(),
      ...(type === 'held' && { expires_at: endMs / 1000 }),
      ...more,
    }),
  );

const held = transitions(1, 'held', 'ann');
const extended = transitions(4, 'held', 'ann', { reason: 'extended', expires_at: (endMs + 1_000) / 1000 });
const booked = transitions(7, 'booked', 'ann');
const request = (action: CommandAction, by: string) => ({ action, seatIds: ids, userId: user(by) });

class GroupRun extends Run {
  constructor(seats = threeSeats) {
    super({ seats });
  }

  grantedAll(action: CommandAction, by: string, seats: readonly Seat[], endsAt = seats[0]?.expires_at): this {
    const body = JSON.stringify({ success: true, seats, ...(endsAt !== undefined && { expires_at: endsAt }) });
    this.log.answered({ ...request(action, by), status: 200, body }, [0, 0, 0]);
    return this;
  }

  refusedAll(action: CommandAction, by: string, code: string, seats: readonly Seat[], newest = [0, 0, 0]): this {
    const body = JSON.stringify({ success: false, error: { code, message: '', retryable: true }, seats });
    const status = code.endsWith('_LIMIT') ? 429 : 409;
    this.log.answered({ ...request(action, by), status, body }, newest);
    return this;
  }

  unanswered(action: CommandAction, by: string): this {
    this.log.unanswered(request(action, by));
    return this;
  }
}

const best = { ...request('select', 'ann'), seatIds: [], best: { count: 3 } };
const bodyOf = (events: readonly SeatEvent[]) =>
  JSON.stringify({ success: true, seats: events.map(seatOf), expires_at: events[0]?.expires_at });

/** A reply to Ann, who asked for the best three seats. */
function offered(events: readonly SeatEvent[], newestSeqWhenSent = 0): GroupRun {
  const run = new GroupRun();
  run.log.answered({ ...best, status: 200, body: bodyOf(events) }, [newestSeqWhenSent]);
  return run;
}

/** A run without violations. */
const honest = () =>
  new GroupRun()
    .logged(...held, ...extended, ...booked)
    .grantedAll('select', 'ann', held.map(seatOf))
    .refusedAll('select', 'bob', 'SEATS_TAKEN', held.slice(0, 2).map(seatOf))
    .refusedAll('extend', 'bob', 'NOT_HOLDER', held.map(seatOf))
    .grantedAll('extend', 'ann', extended.map(seatOf))
    .grantedAll('book', 'ann', booked.map(seatOf))
    .refusedAll('select', 'bob', 'SEATS_TAKEN', booked.slice(2).map(seatOf));

const changed = (events: readonly SeatEvent[], index: number, change: Partial<SeatEvent>) =>
  events.map((each, at) => (at === index ? { ...each, ...change } : each));

describe('the audit of commands on several seats (G13)', () => {
  it('[R581] passes a run without violations, and counts the commands', () => {
    const run = honest();
    expect(run.broken()).toEqual([]);
    const checked = Object.fromEntries(honest().checkCounts());
    expect(checked).toMatchObject({ successes: 3, groups: 4, transitions: 9, refusals: 3 });
  });

  it.each([
    ['a part of the seats', held.slice(0, 2).map(seatOf)],
    ['a seat twice', [held[0], held[1], held[1]].map((each) => seatOf(each as SeatEvent))],
    ['no seat', []],
  ])('[R581] catches a success that shows %s', (_what, seats) => {
    const run = new GroupRun().logged(...held).grantedAll('select', 'ann', seats);
    expect(run.broken()).toContain('groups');
  });

  it('[R581] catches a success that shows one more seat than was requested', () => {
    const four = [...held, event(4, 'held', 'ann', { ...held[0], seat_id: 'A4', seq: 4 })];
    const run = new GroupRun(new Map([...threeSeats, ['A4', { ...freeSeat, id: 'A4' }]])).logged(...four);
    expect(run.grantedAll('select', 'ann', four.map(seatOf)).broken()).toContain('groups');
  });

  it('[R581] catches a success though the log has a part of the group only', () => {
    const run = new GroupRun().logged(...held.slice(0, 2)).grantedAll('select', 'ann', held.map(seatOf));
    expect(run.broken()).toEqual(['successes', 'groups']);
  });

  it('[R581] catches a group whose transitions have other transitions between them', () => {
    const [first, second, third] = held as [SeatEvent, SeatEvent, SeatEvent];
    const between = event(2, 'held', 'x', { user_id: 'stranger', seat_id: 'A4' });
    const later = [first, between, { ...second, seq: 3 }, { ...third, seq: 4 }];
    const run = new GroupRun()
      .logged(...later)
      .grantedAll('select', 'ann', later.filter((each) => each !== between).map(seatOf));
    expect(run.broken()).toContain('groups');
  });

  it.each([
    ['ends', { expires_at: (endMs + 1) / 1000 }],
    ['times', { timestamp: new Date(startMs + 11).toISOString() }],
  ])('[R581] catches a group with two %s', (_what, change) => {
    const torn = changed(held, 2, change);
    expect(
      new GroupRun()
        .logged(...torn)
        .grantedAll('select', 'ann', torn.map(seatOf))
        .broken(),
    ).toEqual(['groups']);
  });

  it('[R581] catches a reply with another end than its holds', () => {
    const run = new GroupRun().logged(...held).grantedAll('select', 'ann', held.map(seatOf), (endMs + 5) / 1000);
    expect(run.broken()).toEqual(['groups']);
  });

  it('[R581] catches an extension of a part of the group', () => {
    const part = extended.slice(0, 2);
    const shown = [...part, held[2] as SeatEvent].map(seatOf);
    const run = new GroupRun().logged(...held, ...part).grantedAll('select', 'ann', held.map(seatOf));
    expect(run.grantedAll('extend', 'ann', shown).broken()).toContain('groups');
  });

  it('[R581] catches a booked group that lost a seat', () => {
    const lost = event(10, 'released', 'ann', { seat_id: 'A2' });
    expect(honest().logged(lost).broken()).toEqual(['order', 'transitions', 'groups']);
  });

  it('[R581] lets a request without a reply explain all of its transitions, or none', () => {
    expect(new GroupRun().unanswered('select', 'ann').broken()).toEqual([]);
    expect(
      new GroupRun()
        .logged(...held)
        .unanswered('select', 'ann')
        .broken(),
    ).toEqual([]);
    const half = () => new GroupRun().logged(...held.slice(0, 2)).unanswered('select', 'ann');
    expect(half().broken()).toEqual(['groups']);
    const torn = changed(held, 2, { timestamp: new Date(startMs + 11).toISOString() });
    expect(
      new GroupRun()
        .logged(...torn)
        .unanswered('select', 'ann')
        .broken(),
    ).toEqual(['groups']);
  });

  it('[R581] lets each of two requests without a reply explain all of its transitions', () => {
    const again = transitions(7, 'held', 'ann', { reason: 'extended', expires_at: (endMs + 2_000) / 1000 });
    const run = () =>
      new GroupRun()
        .logged(...held, ...extended, ...again)
        .grantedAll('select', 'ann', held.map(seatOf))
        .unanswered('extend', 'ann');
    expect(run().unanswered('extend', 'ann').broken()).toEqual([]);
    expect(run().broken()).toEqual(['transitions']);
  });

  it('[R581] does not let a request for another action explain transitions', () => {
    expect(
      new GroupRun()
        .logged(...held)
        .unanswered('extend', 'ann')
        .broken(),
    ).toEqual(['transitions']);
  });

  it('[R581] catches a part of a refused group', () => {
    const run = new GroupRun().logged(...held.slice(0, 1)).refusedAll('select', 'ann', 'SEATS_TAKEN', []);
    expect(run.broken()).toEqual(['transitions']);
  });

  it.each([
    ['that shows a free seat', 'select', 'SEATS_TAKEN', [{ ...freeSeat, id: 'A1' }]],
    ['that shows another seat than the log', 'select', 'SEATS_TAKEN', [{ ...seatOf(held[0] as SeatEvent), seq: 2 }]],
    ['that shows a seat that was not requested', 'select', 'SEATS_TAKEN', [{ ...freeSeat, id: 'A9', status: 2 }]],
    ['with the code of one seat', 'select', 'SEAT_HELD', held.map(seatOf)],
    ['with the code of a limit', 'select', 'HOLD_LIMIT', held.map(seatOf)],
    ['with the code of another action', 'book', 'SEATS_TAKEN', held.map(seatOf)],
    ['with an unknown code', 'select', 'NO_SUCH_CODE', [{ ...freeSeat, id: 'A1' }]],
  ] as const)('[R582] catches a refusal of a group %s', (_what, action, code, seats) => {
    const run = new GroupRun().logged(...held).grantedAll('select', 'ann', held.map(seatOf));
    expect(run.refusedAll(action, 'bob', code, seats).broken()).toEqual(['refusals']);
  });

  it('[R582] passes the refusal of a limit', () => {
    const run = new GroupRun().logged(...held).grantedAll('select', 'ann', held.map(seatOf));
    run.refusedAll('extend', 'ann', 'EXTENSION_LIMIT', held.map(seatOf));
    run.refusedAll('select', 'bob', 'HOLD_LIMIT', [...threeSeats.values()]);
    expect(run.broken()).toEqual([]);
    expect(run.audit.verdict()).not.toHaveProperty('notAudited');
  });

  it('[R582] catches a reply in which one seat is older than a reply that was received before the request', () => {
    const stale = () => new GroupRun().logged(...held).grantedAll('select', 'ann', held.map(seatOf));
    expect(stale().refusedAll('select', 'bob', 'SEATS_TAKEN', held.map(seatOf), [1, 2, 3]).broken()).toEqual([]);
    expect(stale().refusedAll('select', 'bob', 'SEATS_TAKEN', held.map(seatOf), [1, 2, 4]).broken()).toEqual(['time']);
  });

  it('[R582] the seqs of the seats of a group are known when the next command on one of them is sent', () => {
    const { log } = honest();
    const newest = (...seatIds: string[]) => log.newestSeqs({ action: 'select', seatIds, userId: user('bob') });
    expect(newest('A3', 'A1', 'A9')).toEqual([9, 7, 0]);
  });
});

describe('the audit of best available seats', () => {
  it('[R586] passes seats that the server chose, and counts them as a group', () => {
    const run = offered(held).logged(...held);
    expect(Object.fromEntries(run.checkCounts())).toMatchObject({ successes: 1, groups: 1, transitions: 3 });
    expect(
      offered(held)
        .logged(...held)
        .broken(),
    ).toEqual([]);
  });

  it.each([
    ['fewer seats than requested', held.slice(0, 2)],
    ['a seat twice', [...held.slice(0, 2), held[1] as SeatEvent]],
  ])('[R586] catches %s', (_what, events) => {
    expect(
      offered(events)
        .logged(...held)
        .broken(),
    ).toContain('groups');
  });

  it('[R586] catches seats of another user', () => {
    const run = offered(held).logged(...transitions(1, 'held', 'bob'));
    expect(run.broken()).toContain('successes');
  });

  it('[R586] catches one seat for two users', () => {
    const run = offered(held).logged(...held);
    run.log.answered({ ...best, userId: user('bob'), status: 200, body: bodyOf(held) }, [0]);
    expect(run.broken()).toContain('successes');
  });

  it('[R586] catches holds that are older than a reply that was received before the request', () => {
    expect(
      offered(held, 2)
        .logged(...held)
        .broken(),
    ).toEqual(['time']);
    const { log } = offered(held);
    expect(log.newestSeqs(best)).toEqual([3]);
  });

  it('[R586] a refusal has no seats, or taken ones', () => {
    const refused = (code: string, seats?: readonly Seat[]) => {
      const run = new GroupRun().logged(...held).grantedAll('select', 'ann', held.map(seatOf));
      const body = JSON.stringify({ success: false, error: { code, message: '', retryable: true }, seats });
      run.log.answered({ ...best, userId: user('bob'), status: 409, body }, [3]);
      return run.broken();
    };
    expect(refused('NOT_TOGETHER')).toEqual([]);
    expect(refused('SEATS_TAKEN', held.map(seatOf))).toEqual([]);
    expect(refused('SEAT_HELD', held.map(seatOf))).toEqual(['refusals']);
    expect(refused('SEATS_TAKEN', [{ ...freeSeat, id: 'A1' }])).toEqual(['refusals']);
  });

  it('[R586] lets a request without a reply explain as many holds as requested, or none', () => {
    const withoutReply = (events: readonly SeatEvent[]) => {
      const run = new GroupRun().logged(...events);
      run.log.unanswered(best);
      return run.broken();
    };
    expect(withoutReply([])).toEqual([]);
    expect(withoutReply(held)).toEqual([]);
    expect(withoutReply(held.slice(0, 2))).toEqual(['groups']);
    const again = transitions(4, 'released', 'ann');
    expect(withoutReply([...held, ...again])).toEqual(['transitions']);
  });
});
