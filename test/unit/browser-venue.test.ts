import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Venue } from '../../src/browser/venue.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { available, booked, held, updateOf, venueState } from './browser-fixture.ts';

function startVenue() {
  const heard: string[] = [];
  const venue = new Venue(({ id, seq }, before) => heard.push(`${id}@${seq} after ${before?.seq}`));
  venue.replace(venueState());
  heard.length = 0;
  return { venue, heard };
}

test('before the first VENUE_STATE nothing is known', () => {
  const venue = new Venue();
  expect([venue.isKnown, venue.position, venue.seat('A1')]).toEqual([false, undefined, undefined]);
  expect(venue.update(updateOf(held('A1', 1, 'bob')))).toBe(false);
  expect(venue.learn(held('A1', 1, 'bob'))).toBe(false);
  expect(venue.position).toBeUndefined();
});

test('[R95] VENUE_STATE is adopted, and changes are reported once all are applied', () => {
  const seen: unknown[] = [];
  const venue: Venue = new Venue(() => seen.push({ ...venue.counts }));
  venue.replace(venueState({ seq: 2 }, held('A1', 1, 'alice'), booked('A2', 2, 'bob')));
  expect(venue.counts).toEqual({ available: 1, held: 1, booked: 1 });
  expect(seen).toEqual(Array(3).fill(venue.counts));
  expect([venue.rows, venue.cols, venue.holdSeconds]).toEqual([1, 3, 30]);
  expect(venue.position).toEqual({ epoch: 'e1', seq: 2 });
});

test('[R95] updates change the seat, the counts and the position; repeated and older ones have no effect', () => {
  const { venue, heard } = startVenue();
  expect(venue.update(updateOf(held('A1', 1, 'bob')))).toBe(true);
  expect(venue.update(updateOf(booked('A1', 2, 'bob')))).toBe(true);
  expect(venue.update(updateOf(booked('A1', 2, 'bob')))).toBe(false);
  expect(venue.update(updateOf(held('A1', 1, 'bob')))).toBe(false);
  expect(venue.seat('A1')).toEqual(booked('A1', 2, 'bob'));
  expect(venue.counts).toEqual({ available: 2, held: 0, booked: 1 });
  expect(venue.position?.seq).toBe(2);
  expect(heard).toEqual(['A1@1 after 0', 'A1@2 after 1']);
});

test('[R95] an update of an unknown seat is ignored', () => {
  const { venue, heard } = startVenue();
  expect(venue.update(updateOf(held('Z9', 1, 'bob')))).toBe(false);
  expect(venue.position?.seq).toBe(1);
  expect(heard).toEqual([]);
});

test('[R95] [G6] the seat of a reply is shown immediately, but does not move the position', () => {
  const { venue } = startVenue();
  expect(venue.learn(held('A1', 7, 'alice'))).toBe(true);
  expect(venue.seat('A1')?.seq).toBe(7);
  expect(venue.position?.seq).toBe(0);
  venue.update(updateOf(held('A2', 6, 'bob')));
  expect(venue.position?.seq).toBe(6);
});

test('[R95] [G5] a VENUE_STATE of an edge that is behind sets no seat back', () => {
  const { venue, heard } = startVenue();
  venue.update(updateOf(held('A1', 1, 'bob')));
  venue.update(updateOf(booked('A1', 2, 'bob')));
  venue.learn(held('A2', 4, 'alice'));
  heard.length = 0;
  venue.replace(venueState({ seq: 3 }, held('A1', 1, 'bob'), held('A3', 3, 'carol')));
  expect(venue.seat('A1')).toEqual(booked('A1', 2, 'bob'));
  expect(venue.seat('A2')).toEqual(held('A2', 4, 'alice'));
  expect(venue.counts).toEqual({ available: 0, held: 2, booked: 1 });
  expect(venue.position?.seq).toBe(3);
  expect(heard).toEqual(['A3@3 after 0']);
  venue.replace(venueState({ seq: 1 }, held('A1', 1, 'bob')));
  expect(venue.position?.seq).toBe(3);
});

test('[R95] another epoch replaces everything', () => {
  const { venue } = startVenue();
  venue.update(updateOf(booked('A1', 9, 'bob')));
  venue.beginCatchUp();
  venue.replace(venueState({ epoch: 'e2', seq: 1 }, held('A2', 1, 'carol')));
  expect(venue.seat('A1')).toEqual(available('A1', 0));
  expect(venue.counts).toEqual({ available: 2, held: 1, booked: 0 });
  venue.endCatchUp();
  expect(venue.position).toEqual({ epoch: 'e2', seq: 1 });
});

test('[R95] [G6] during a catch-up the position stays; after a disconnection it resumes from there', () => {
  const { venue } = startVenue();
  venue.update(updateOf(held('A1', 1, 'bob')));
  venue.beginCatchUp();
  venue.update(updateOf(held('A2', 9, 'bob')));
  expect(venue.seat('A2')?.seq, 'shown at once').toBe(9);
  expect(venue.position?.seq).toBe(1);
  venue.beginCatchUp();
  venue.update(updateOf(booked('A1', 5, 'bob')));
  venue.endCatchUp();
  expect(venue.position?.seq, 'of the torn one only what came again counts').toBe(5);
  venue.endCatchUp();
  expect(venue.position?.seq).toBe(5);
});

test('[R101] a stale venue is marked, has no position, and recovers with the next data from Redis', () => {
  const { venue } = startVenue();
  venue.update(updateOf(held('A1', 1, 'bob')));
  venue.replace(venueState({ seq: 1, stale: true }, held('A1', 1, 'bob')));
  expect([venue.isStale, venue.position]).toEqual([true, undefined]);
  expect(venue.seat('A1')?.held_by).toBe('bob');
  venue.replace(venueState({ seq: 1 }, held('A1', 1, 'bob')));
  expect([venue.isStale, venue.position]).toEqual([false, { epoch: 'e1', seq: 1 }]);
  venue.replace(venueState({ seq: 1, stale: true }));
  venue.update(updateOf(available('A1', 2)));
  expect([venue.isStale, venue.position?.seq]).toEqual([false, 2]);
});

test('lists the holds of a user while they are held', () => {
  const { venue } = startVenue();
  for (const seat of [held('A1', 1, 'alice'), held('A2', 2, 'bob'), held('A3', 3, 'alice')]) venue.learn(seat);
  expect(venue.holdsOf('alice').map(({ id }) => id)).toEqual(['A1', 'A3']);
  venue.learn(booked('A1', 4, 'alice'));
  venue.learn(available('A3', 5));
  expect(venue.holdsOf('alice')).toEqual([]);
});

test('[R95] [G5] in any order of messages no seat and no position goes back, and all end at the newest state', () => {
  const history: Seat[] = [];
  for (let seq = 1; seq <= 30; seq++) {
    const id = `A${(seq % 3) + 1}`;
    history.push(seq % 2 === 0 ? held(id, seq, 'bob') : available(id, seq));
  }
  const stateAt = (seq: number) => venueState({ seq }, ...history.slice(0, seq));
  const message = fc.record({
    kind: fc.constantFrom('update', 'learn', 'state', 'begin', 'end'),
    seq: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 80 }), (messages) => {
      const steps: [number, number][] = [];
      const venue = new Venue((after, before) => steps.push([before?.seq ?? -1, after.seq]));
      venue.replace(venueState());
      let position = 0;
      for (const { kind, seq } of messages) {
        const seat = history[seq - 1] as Seat;
        if (kind === 'update') venue.update(updateOf(seat));
        else if (kind === 'learn') venue.learn(seat);
        else if (kind === 'state') venue.replace(stateAt(seq));
        else if (kind === 'begin') venue.beginCatchUp();
        else venue.endCatchUp();
        expect(venue.position?.seq).toBeGreaterThanOrEqual(position);
        position = venue.position?.seq ?? 0;
        const { available, held, booked } = venue.counts;
        expect(available + held + booked).toBe(3);
      }
      for (const [before, after] of steps) expect(after).toBeGreaterThan(before);
      venue.replace(stateAt(30));
      for (const seat of stateAt(30).seats) expect(venue.seat(seat.id)).toEqual(seat);
      expect(venue.counts.held).toBe(venue.holdsOf('bob').length);
    }),
  );
});
