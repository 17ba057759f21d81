import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { VenueView } from '../../src/venue/venue-view.ts';

const seats = [...emptySeats(gridPlan({ rows: 1, cols: 2 }))];

function event(seq: number, overrides: Partial<SeatEvent> = {}): SeatEvent {
  return {
    type: 'held',
    seat_id: seq % 2 ? 'A1' : 'A2',
    user_id: `user${seq}`,
    status: 1,
    timestamp: '2023-11-14T22:13:20.000Z',
    expires_at: 1_700_000_030,
    epoch: 'e1',
    seq,
    ...overrides,
  };
}

function openView() {
  const applied: number[] = [];
  const view = new VenueView(({ seq }) => applied.push(seq));
  view.reset({ epoch: 'e1', seq: 0, seats });
  return { view, applied };
}

describe('[R27] a view applies events strictly in order of seq', () => {
  test('an early event waits for the earlier ones', () => {
    const { view, applied } = openView();
    expect(view.apply(event(2))).toBe('ahead');
    expect(view.apply(event(3))).toBe('ahead');
    expect(view.hasGap).toBe(true);
    expect(view.seq).toBe(0);
    expect(view.apply(event(1))).toBe('applied');
    expect(applied).toEqual([1, 2, 3]);
    expect(view.hasGap).toBe(false);
    expect(view.seat('A1')).toMatchObject({ status: 1, held_by: 'user3', seq: 3 });
    expect(view.seat('A2')).toMatchObject({ status: 1, held_by: 'user2', seq: 2 });
  });

  test('a repeated event changes nothing', () => {
    const { view, applied } = openView();
    view.apply(event(1));
    expect(view.apply(event(1, { user_id: 'mallory' }))).toBe('repeated');
    expect(view.seat('A1')?.held_by).toBe('user1');
    expect(applied).toEqual([1]);
  });

  test('an event of another epoch changes nothing', () => {
    const { view, applied } = openView();
    expect(view.apply(event(1, { epoch: 'e2' }))).toBe('other epoch');
    expect(view.position).toEqual({ epoch: 'e1', seq: 0 });
    expect(applied).toEqual([]);
  });

  test('an event of an unknown seat advances the position', () => {
    const { view, applied } = openView();
    expect(view.apply(event(1, { seat_id: 'Z99' }))).toBe('applied');
    expect(view.apply(event(2))).toBe('applied');
    expect(applied).toEqual([2]);
    expect([...view.seats]).toHaveLength(2);
  });

  test('any order with any repetitions leads to the same end, and each event is applied once', () => {
    const shuffled = fc.integer({ min: 1, max: 30 }).chain((count) =>
      fc.tuple(
        fc.constant(count),
        fc.shuffledSubarray(
          Array.from({ length: count * 2 }, (_, i) => (i % count) + 1),
          { minLength: count * 2 },
        ),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([count, order]) => {
        const { view, applied } = openView();
        for (const seq of order) view.apply(event(seq));
        expect(applied).toEqual(Array.from({ length: count }, (_, i) => i + 1));
        expect(view.hasGap).toBe(false);
      }),
    );
  });

  test('[G10] keeps a bounded number of early events', () => {
    const { view } = openView();
    for (let seq = 10_000; seq >= 2; seq--) view.apply(event(seq));
    view.apply(event(1));
    expect(view.seq, 'those that were let go are missing').toBe(1);
    expect(view.hasGap).toBe(true);
  });
});

describe('[R28] a snapshot resets a view', () => {
  test('but never to an earlier position within an epoch', () => {
    const { view } = openView();
    view.apply(event(1));
    expect(view.reset({ epoch: 'e1', seq: 0, seats })).toBe(false);
    expect(view.seat('A1')?.held_by).toBe('user1');
    expect(view.seq).toBe(1);
  });

  test('in another epoch to any seq; waiting events of the old one are dropped', () => {
    const { view, applied } = openView();
    view.apply(event(1));
    view.apply(event(3));
    expect(view.reset({ epoch: 'e2', seq: 0, seats })).toBe(true);
    expect(view.position).toEqual({ epoch: 'e2', seq: 0 });
    expect(view.hasGap).toBe(false);
    view.apply(event(1, { epoch: 'e2' }));
    view.apply(event(2, { epoch: 'e2' }));
    expect(view.seq).toBe(2);
    expect(applied).toEqual([1, 1, 2]);
  });

  test('waiting events after the snapshot are applied, those that it contains are not', () => {
    const { view, applied } = openView();
    for (const seq of [2, 4, 5]) view.apply(event(seq));
    view.reset({ epoch: 'e1', seq: 3, seats });
    expect(applied).toEqual([4, 5]);
    expect(view.seq).toBe(5);
    expect(view.hasGap).toBe(false);
  });
});
