import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { replyTimeoutMs } from '../../src/browser/pending-requests.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { available, booked, held, serverTime, startSeatActions, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Alice holds all three seats. */
function startWithHolds() {
  const run = startSeatActions();
  run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'), held('A3', 3, 'alice'));
  return run;
}

describe('one command on several seats', () => {
  test('[R115] [R480] all are booked by one message, and reported once', () => {
    const run = startWithHolds();
    run.actions.book('A1', 'A2', 'A3');
    expect(run.sent).toEqual([{ type: 'BOOK_HOLD', request_id: 'book-1', data: { seats: ['A1', 'A2', 'A3'] } }]);
    expect(['A1', 'A2', 'A3'].every((id) => run.actions.isPending(id))).toBe(true);
    run.update(booked('A1', 4, 'alice'));
    expect(run.reported).toEqual([]);
    run.ackGroup(booked('A1', 4, 'alice'), booked('A2', 5, 'alice'), booked('A3', 6, 'alice'));
    expect(run.reported).toEqual(['success: Booked. The 3 seats are yours.']);
    expect(run.heldIds()).toEqual([]);
    expect(['A1', 'A2', 'A3'].some((id) => run.actions.isPending(id))).toBe(false);
    expect(run.touched).toEqual(expect.arrayContaining(['A1', 'A2', 'A3']));
  });

  test('[R98] [R480] the release of several seats is one message, and one more undoes it', () => {
    const run = startWithHolds();
    run.actions.release('A1', 'A2');
    run.ackGroup(available('A1', 4), available('A2', 5));
    expect(run.reported).toEqual(['info: A1 and A2 are released.']);
    run.offer()?.accept();
    run.ackGroup(held('A1', 6, 'alice'), held('A2', 7, 'alice'));
    expect(run.sent).toMatchObject([
      { type: 'RELEASE_HOLD', data: { seats: ['A1', 'A2'] } },
      { type: 'HOLD_SEATS', data: { seats: ['A1', 'A2'] } },
    ]);
    expect(run.reported.at(-1)).toBe('success: A1 and A2 are held for you for 30 s.');
  });

  test('[R480] the rest of a command on busy seats, one seat, is a command on that seat', () => {
    const run = startWithHolds();
    run.actions.release('A1');
    run.actions.release('A1', 'A2');
    expect(run.sent.map(({ type }) => type)).toEqual(['RELEASE_SEAT', 'RELEASE_SEAT']);
  });

  test('[R115] a command without a reply is reported once, and retried as one', () => {
    const run = startWithHolds();
    run.actions.book('A1', 'A2');
    vi.advanceTimersByTime(replyTimeoutMs);
    expect(run.reported).toEqual(['error: No reply to booking A1 and A2 within 5 s. Check the seats and try again.']);
    run.offer()?.accept();
    expect(run.sent[1]).toMatchObject({ type: 'BOOK_HOLD', data: { seats: ['A1', 'A2'] } });
    run.actions.connectionLost();
    expect(run.reported.at(-1)).toBe(
      'error: The connection broke while booking A1 and A2. Check the seats once connected.',
    );
  });

  test('[R480] the commands of one click on very many seats do not replace each other’s messages', () => {
    const seats = Array.from({ length: 25 }, (_, col) => held(`A${col + 1}`, col + 1, 'alice'));
    const run = startSeatActions();
    run.receive({ type: 'VENUE_STATE', data: venueState({ seq: 25, cols: 25, seats }) });
    run.actions.release(...seats.map(({ id }) => id));
    const sent = run.sent.map(({ request_id, data }) => ({ request_id, ids: 'seats' in data ? data.seats : [] }));
    expect(sent.map(({ ids }) => ids.length)).toEqual([20, 5]);
    for (const { request_id, ids } of sent) {
      const released = ids.map((id, n) => available(id, 30 + n));
      run.receive({ type: 'ACK', request_id: request_id ?? '', data: { success: true, seats: released } });
    }
    expect(new Set(run.details.map(({ topic }) => topic)).size).toBe(2);
  });
});

describe('a refused command on several seats', () => {
  test('[R481] names the seats that are the reason and what was not done, and offers the rest', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'), held('A3', 3, 'alice'));
    run.actions.release('A1', 'A2', 'A3');
    run.ackGroup(available('A1', 4), available('A2', 5), available('A3', 6));
    run.offer()?.accept();
    run.refuseGroup('SEATS_TAKEN', held('A3', 7, 'bob'));
    expect(run.reported.at(-1)).toBe('error: A3 is taken by someone else, so A1 and A2 are not held either.');
    expect(run.details.at(-1)?.seatIds).toEqual(['A3']);
    expect(run.actions.venue.seat('A3')?.held_by).toBe('bob');
    expect(run.offer()?.label).toBe('Take A1 and A2 without A3');
    run.offer()?.accept();
    expect(run.sent.at(-1)).toMatchObject({ type: 'HOLD_SEATS', data: { seats: ['A1', 'A2'] } });
  });

  test('[R481] a single remaining seat is offered by a command on that seat', () => {
    const run = startWithHolds();
    run.actions.book('A1', 'A2');
    run.refuseGroup('NOT_HOLDER', held('A1', 9, 'bob'));
    expect(run.reported).toEqual(['error: You no longer hold A1, so A2 is not booked either.']);
    expect(run.offer()?.label).toBe('Book A2 without A1');
    run.offer()?.accept();
    expect(run.sent.at(-1)).toMatchObject({ type: 'BOOK_SEAT', data: { seat_id: 'A2' } });
  });

  test('[R481] seats of the rest that are taken meanwhile are not offered', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'), held('A3', 3, 'alice'));
    run.pass(30_000);
    run.update(available('A1', 4), available('A2', 5), available('A3', 6));
    run.offer()?.accept();
    run.update(booked('A2', 7, 'bob'));
    run.refuseGroup('SEATS_TAKEN', held('A3', 8, 'bob'));
    expect(run.reported.at(-1)).toBe('error: A3 is taken by someone else, so A1 is not held either.');
    expect(run.offer()?.label).toBe('Take A1 without A3');
  });

  test('[R481] if all seats are taken, the nearest free seat is offered', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.actions.release('A1', 'A2');
    run.ackGroup(available('A1', 3), available('A2', 4));
    run.offer()?.accept();
    run.refuseGroup('SEATS_TAKEN', held('A1', 5, 'bob'), booked('A2', 6, 'bob'));
    expect(run.reported.at(-1)).toBe('error: A1 and A2 are taken by someone else.');
    expect(run.offer()?.label).toBe('Take A3 instead');
  });

  const refusals: [ErrorCode, string, string | undefined][] = [
    [
      'COOLDOWN',
      'Your hold of A2 has just expired, and others come first for a moment, so A1 is not held either.',
      'Take A1 without A2',
    ],
    [
      'HOLD_LIMIT',
      'With A1 and A2 you would hold too many seats, so none of them is held. Book or release some first.',
      undefined,
    ],
    ['UNKNOWN_SHOW', 'This show is not on sale here any more. Reload the page.', undefined],
    ['BUSY', 'Many people want A1 and A2 right now. Try again.', 'Try the same seats again'],
    ['STORE_UNAVAILABLE', 'Bookings are interrupted for a moment. Try again shortly.', 'Try the same seats again'],
    ['INTERNAL', 'A1 and A2: as the server put it.', undefined],
  ];
  test.each(refusals)('[R481] %s is reported in plain words', (code, words, offer) => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.actions.release('A1', 'A2');
    run.ackGroup(available('A1', 3), available('A2', 4));
    run.offer()?.accept();
    const reasons = { COOLDOWN: [available('A2', 4)], HOLD_LIMIT: [available('A1', 3), available('A2', 4)] };
    run.refuseGroup(code, ...(code === 'COOLDOWN' || code === 'HOLD_LIMIT' ? reasons[code] : []));
    expect(run.reported.at(-1)).toBe(`error: ${words}`);
    expect(run.offer()?.label).toBe(offer);
  });

  test('[R115] the limit is reported once for any number of seats, without offering a retry', () => {
    const run = startSeatActions();
    for (const id of ['A1', 'A2']) {
      run.actions.clickSeat(id);
      run.refuse('HOLD_LIMIT');
    }
    expect(new Set(run.details.map(({ topic }) => topic))).toEqual(new Set(['HOLD_LIMIT']));
    expect(run.offer()).toBeUndefined();
  });
});

test('[R116] [R480] expired seats are offered again together, by one command', () => {
  const run = startSeatActions();
  run.update(held('A1', 1, 'alice'), held('A3', 2, 'alice'));
  run.pass(30_000);
  run.update(available('A1', 3), available('A3', 4));
  expect(run.reported).toEqual([
    'error: Time is up: you no longer hold A1.',
    'error: Time is up: you no longer hold A1 and A3.',
  ]);
  expect(run.details.map(({ urgent, topic }) => [urgent, topic])).toEqual(Array(2).fill([true, 'time-up']));
  expect(run.offer()?.label).toBe('Try the same seats again');
  run.offer()?.accept();
  expect(run.sent).toMatchObject([{ type: 'HOLD_SEATS', data: { seats: ['A1', 'A3'] } }]);
  run.ackGroup(held('A1', 5, 'alice', serverTime + 60), held('A3', 6, 'alice', serverTime + 60));
  run.pass(60_000);
  run.update(available('A1', 7));
  expect(run.reported.at(-1)).toBe('error: Time is up: you no longer hold A1.');
});
