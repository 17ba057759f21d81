import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { replyTimeoutMs } from '../../src/browser/pending-requests.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { available, booked, held, serverTime, startSeatActions, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('actions of the user', () => {
  test('[R97] a click on an available seat selects it; the reply shows it in the panel', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    expect(run.sent).toMatchObject([{ type: 'SELECT_SEAT', data: { seat_id: 'A1' } }]);
    expect(run.actions.isPending('A1')).toBe(true);
    run.actions.clickSeat('A1');
    expect(run.sent).toHaveLength(1);
    run.ack(held('A1', 1, 'alice'));
    expect(run.actions.isPending('A1')).toBe(false);
    expect(run.heldIds()).toEqual(['A1']);
    expect(run.reported).toEqual(['success: A1 is held for you for 30 s.']);
    expect(run.touched).toContain('A1');
  });

  test('[R488] a confirmation names no longer time than a hold lasts, also if the clock is behind', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    run.ack(held('A1', 1, 'alice', serverTime + 30.02));
    expect(run.reported).toEqual(['success: A1 is held for you for 30 s.']);
  });

  test('[R98] a click on an own hold releases it; Undo holds it again', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    run.ack(held('A1', 1, 'alice'));
    run.actions.clickSeat('A1');
    expect(run.sent.at(-1)).toMatchObject({ type: 'RELEASE_SEAT', data: { seat_id: 'A1' } });
    run.ack(available('A1', 2));
    expect(run.reported.at(-1)).toBe('info: A1 is released.');
    expect(run.offer()?.label).toBe('Undo');
    run.offer()?.accept();
    expect(run.offered).toEqual(['A1']);
    expect(run.sent.at(-1)).toMatchObject({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
  });

  test('[R391] booked seats stay listed for the user in all cases', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), booked('A1', 2, 'alice'), booked('A2', 3, 'bob'), held('A3', 4, 'alice'));
    expect(run.actions.bookedSeats.map(({ id }) => id)).toEqual(['A1']);
    expect(run.heldIds()).toEqual(['A3']);
  });

  test('[R392] each message names the seats that it is about, and a changed seat is reported once', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    run.refuse('SEAT_HELD', held('A1', 4, 'bob'));
    expect(run.details.at(-1)?.seatIds).toEqual(['A1']);
    run.changed.length = 0;
    run.update(held('A1', 4, 'bob'));
    expect(run.changed, 'nothing new').toEqual([]);
    run.update(available('A1', 5));
    expect(run.changed).toEqual(['A1']);
  });

  test('[R97] book and release send one request each, and confirm it', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.actions.book('A1');
    run.ack(booked('A1', 3, 'alice'));
    run.actions.release('A2');
    run.ack(available('A2', 4));
    expect(run.sent.map(({ type }) => type)).toEqual(['BOOK_SEAT', 'RELEASE_SEAT']);
    expect(run.reported).toEqual(['success: Booked. The seat is yours.', 'info: A2 is released.']);
    expect(run.heldIds()).toEqual([]);
  });

  test('[R100] a click on an unavailable seat shows the reason, without a request', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'bob'), booked('A2', 2, 'bob'), booked('A3', 3, 'alice'));
    for (const id of ['A1', 'A2', 'A3', 'Z9']) run.actions.clickSeat(id);
    expect(run.sent).toEqual([]);
    expect(run.reported).toEqual([
      'info: A1 is held by someone else.',
      'info: A2 is already booked.',
      'info: A3 is booked. It is yours.',
    ]);
  });

  test('[R97] while not connected every click is refused with a message, and nothing is queued', () => {
    const run = startSeatActions();
    run.update(held('A2', 1, 'bob'), held('A3', 2, 'alice'));
    run.setLive(false);
    for (const id of ['A1', 'A2', 'A3']) run.actions.clickSeat(id);
    run.actions.book('A3');
    run.actions.release('A3');
    expect(run.reported).toHaveLength(5);
    for (const text of run.reported) expect(text).toMatch(/^error: Not connected/);
    run.setLive(true);
    expect(run.sent).toEqual([]);
  });

  test('[R97] a missing reply is reported after 5 s; a late reply is still shown', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    vi.advanceTimersByTime(replyTimeoutMs);
    expect(run.reported).toEqual(['error: No reply to selecting A1 within 5 s. Check the seat and try again.']);
    expect(run.actions.isPending('A1')).toBe(false);
    run.ack(held('A1', 1, 'alice'));
    expect(run.reported).toHaveLength(1);
    expect(run.heldIds()).toEqual(['A1']);
  });

  test('[R97] the pending requests of a broken connection are reported, each with its seat', () => {
    const run = startSeatActions();
    run.update(held('A2', 1, 'alice'), held('A3', 2, 'alice'));
    run.actions.clickSeat('A1');
    run.actions.book('A2');
    run.actions.release('A3');
    run.actions.connectionLost();
    expect(run.reported).toEqual([
      'error: The connection broke while selecting A1. Check the seat once connected.',
      'error: The connection broke while booking A2. Check the seat once connected.',
      'error: The connection broke while releasing A3. Check the seat once connected.',
    ]);
    expect(['A1', 'A2', 'A3'].filter((id) => run.actions.isPending(id))).toEqual([]);
    vi.advanceTimersByTime(replyTimeoutMs);
    expect(run.reported).toHaveLength(3);
  });
});

describe('events of the user', () => {
  const refusals: [ErrorCode, string][] = [
    ['SEAT_HELD', 'A1 is held by someone else.'],
    ['SEAT_BOOKED', 'A1 is already booked.'],
    ['NOT_HOLDER', 'You no longer hold A1.'],
    ['HOLD_LIMIT', 'You already hold the maximum number of seats. Book or release one first.'],
    ['COOLDOWN', 'Your hold of A1 has just expired, and others come first for a moment.'],
    ['SEATS_TAKEN', 'A1 is taken by someone else.'],
    ['EXTENSION_LIMIT', 'The time for A1 cannot be extended any more. Book A1 before it is up.'],
    ['UNKNOWN_SHOW', 'This show is not on sale here any more. Reload the page.'],
    ['RATE_LIMITED', 'Too many requests. Wait a moment, then try again.'],
    ['BUSY', 'Many people want A1 right now. Try again.'],
    ['STORE_UNAVAILABLE', 'Bookings are interrupted for a moment. Try again shortly.'],
    ['TIMEOUT', 'There was no decision on A1 in time. Try again.'],
    ['UNKNOWN_SEAT', 'A1: as the server put it.'],
    ['INTERNAL', 'A1: as the server put it.'],
  ];
  test.each(refusals)('[R100] %s is reported in plain words', (code, words) => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    const data = { code, message: 'as the server put it', retryable: false };
    run.receive({ type: 'ERROR', request_id: 'select-1', data });
    expect(run.reported).toEqual([`error: ${words}`]);
    expect(run.actions.isPending('A1')).toBe(false);
  });

  test.each([
    ['alice', 'A1 is booked, and it is yours.'],
    ['bob', 'A1 is already booked.'],
  ])('[R100] [R486] releasing a seat that %s has booked meanwhile says whether it is the user’s', (owner, words) => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'));
    run.actions.release('A1');
    run.refuse('SEAT_BOOKED', booked('A1', 2, owner));
    expect(run.reported).toEqual([`error: ${words}`]);
  });

  test('[R100] a refusal shows the current seat', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    const data = { code: 'SEAT_HELD', message: '', retryable: true, seat: held('A1', 4, 'bob') } as const;
    run.receive({ type: 'ERROR', request_id: 'select-1', data });
    expect(run.actions.venue.seat('A1')?.held_by).toBe('bob');
  });

  test('[R100] an error without a pending request is shown unchanged', () => {
    const run = startSeatActions();
    const data = { code: 'INVALID_REQUEST', message: 'Unknown type', retryable: false } as const;
    run.receive({ type: 'ERROR', data });
    expect(run.reported).toEqual(['error: Unknown type']);
  });

  test('[R100] expired holds, and holds released elsewhere, are reported with different messages', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.pass(5_000);
    run.update(available('A2', 3));
    run.pass(25_000);
    run.update(available('A1', 4));
    expect(run.reported).toEqual(['info: A2 was released.', 'error: Time is up: you no longer hold A1.']);
  });

  test('[R100] a hold that expired while the page was disconnected is reported afterwards', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'));
    run.pass(60_000);
    const state = venueState({ seq: 3, server_time: serverTime + 60 }, held('A1', 3, 'bob', serverTime + 80));
    run.receive({ type: 'VENUE_STATE', data: state });
    expect(run.reported).toEqual(['error: Time is up: you no longer hold A1.']);
  });

  test('[R100] the end of a hold is reported once, by reply or event, whichever comes first', () => {
    for (const first of ['update', 'answer']) {
      const run = startSeatActions();
      run.update(held('A1', 1, 'alice'));
      run.actions.release('A1');
      const request = run.sent.at(-1)?.request_id;
      if (first === 'update') run.update(available('A1', 2));
      run.ack(available('A1', 2), request);
      if (first === 'answer') run.update(available('A1', 2));
      expect(run.reported).toEqual(['info: A1 is released.']);
    }
  });

  test('events of other users are shown but not reported', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'bob'), available('A1', 2), held('A1', 3, 'carol'), booked('A1', 4, 'carol'));
    expect(run.reported).toEqual([]);
    expect(run.touched).toEqual(['A1', 'A1', 'A1', 'A1']);
  });

  test('messages of an unknown type are ignored', () => {
    const run = startSeatActions();
    run.receive({ type: 'CONCERT_CANCELLED', data: {} } as never);
    expect(run.reported).toEqual([]);
  });
});

describe('offers', () => {
  test('[R114] a user who lost a race is offered the nearest free seat, and gets it by one click', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A1');
    run.refuse('SEAT_HELD', held('A1', 4, 'bob'));
    expect(run.reported).toEqual(['error: A1 is held by someone else.']);
    expect(run.offer()?.label).toBe('Take A2 instead');
    run.offer()?.accept();
    expect(run.offered, 'the focus goes there').toEqual(['A2']);
    expect(run.sent.at(-1)).toMatchObject({ type: 'SELECT_SEAT', data: { seat_id: 'A2' } });
  });

  test('[R114] if the offered seat is taken meanwhile, this is reported, and the next one is offered', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'bob'));
    run.actions.clickSeat('A1');
    const offer = run.offer();
    run.update(booked('A2', 2, 'bob'));
    offer?.accept();
    expect(run.sent).toEqual([]);
    expect(run.reported.at(-1)).toBe('info: A2 is already booked.');
    expect(run.offer()?.label).toBe('Take A3 instead');
  });

  test('[R114] without free seats nothing is offered', () => {
    const run = startSeatActions();
    run.update(booked('A1', 1, 'bob'), booked('A2', 2, 'bob'), held('A3', 3, 'bob'));
    run.actions.clickSeat('A1');
    expect(run.offer()).toBeUndefined();
  });

  test('[R239] [R114] a user whose hold has just expired is offered another seat', () => {
    const run = startSeatActions();
    run.actions.clickSeat('A2');
    run.refuse('COOLDOWN');
    run.offer()?.accept();
    expect(run.sent).toMatchObject([{ data: { seat_id: 'A2' } }, { data: { seat_id: 'A1' } }]);
  });

  test.each(['BUSY', 'STORE_UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED'] as const)('[R114] %s offers a retry', (code) => {
    const run = startSeatActions();
    run.actions.clickSeat('A2');
    run.refuse(code);
    run.offer()?.accept();
    expect(run.sent.map(({ type }) => type)).toEqual(['SELECT_SEAT', 'SELECT_SEAT']);
  });

  test('[R116] a warning appears exactly 10 s before the end, once per hold', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'), held('A3', 2, 'bob'));
    run.pass(3_000);
    run.update(held('A2', 3, 'alice', serverTime + 33));
    run.pass(16_999);
    run.actions.announceEnds();
    expect(run.reported).toEqual([]);
    run.pass(1);
    for (let n = 0; n < 3; n++) run.actions.announceEnds();
    expect(run.reported).toEqual(['warning: 10 s left to book A1.']);
    run.pass(3_000);
    run.actions.announceEnds();
    run.pass(20_000);
    run.actions.announceEnds();
    expect(run.reported).toEqual(['warning: 10 s left to book A1.', 'warning: 10 s left to book A2.']);
  });

  test("events count as those of others if they are neither the user's nor from before the page", () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'bob'), held('A2', 2, 'alice'), available('A2', 3), available('A1', 4));
    expect(run.touchedByOthers).toEqual(['A1', 'A1']);
  });
});
