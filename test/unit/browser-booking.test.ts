import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { answerTimeoutMs, type PendingRequest, PendingRequests } from '../../src/browser/pending-requests.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { available, booked, held, serverTime, startBooking, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('pending requests', () => {
  function startRequests() {
    const timedOut: PendingRequest[] = [];
    return { timedOut, requests: new PendingRequests((request) => timedOut.push(request)) };
  }

  test('[R97] at most one per seat; each has its own id', () => {
    const { requests } = startRequests();
    const [first, other] = requests.open('select', ['A1', 'A2']);
    expect(requests.open('book', ['A1'])).toEqual([]);
    expect(other?.id).not.toBe(first?.id);
    expect(requests.forSeat('A1')).toEqual(first);
    expect(requests.settle(first?.id)).toBe(first);
    expect(requests.settle(first?.id)).toBeUndefined();
    expect(requests.settle(undefined)).toBeUndefined();
    expect(requests.forSeat('A1')).toBeUndefined();
    expect(requests.open('book', ['A1'])[0]?.id).not.toBe(first?.id);
  });

  test('[R115] requests of one click form a batch; a busy seat is skipped', () => {
    const { requests } = startRequests();
    const [busy] = requests.open('select', ['A2']);
    const opened = requests.open('book', ['A1', 'A2', 'A3']);
    expect(opened.map(({ seatId }) => seatId)).toEqual(['A1', 'A3']);
    expect(new Set(opened.map(({ batch }) => batch)).size).toBe(1);
    expect(opened[0]?.batch).toMatchObject({ action: 'book', open: 2 });
    expect(busy?.batch).toMatchObject({ action: 'select', open: 1 });
    requests.settle(opened[0]?.id);
    expect(opened[1]?.batch.open).toBe(1);
  });

  test('[R97] a request without a reply within 5 s is reported once, and its seat is free again', () => {
    const { requests, timedOut } = startRequests();
    const [request] = requests.open('book', ['A1']);
    vi.advanceTimersByTime(answerTimeoutMs - 1);
    expect(timedOut).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(timedOut).toEqual([request]);
    expect(request?.batch).toMatchObject({ open: 0, unanswered: ['A1'] });
    expect(requests.settle(request?.id)).toBeUndefined();
    expect(requests.open('book', ['A1'])).toHaveLength(1);
  });

  test('[R97] a settled or abandoned request does not time out', () => {
    const { requests, timedOut } = startRequests();
    requests.settle(requests.open('select', ['A1'])[0]?.id);
    requests.open('select', ['A2']);
    requests.open('release', ['A3']);
    expect(requests.abandonAll().map(({ seatId }) => seatId)).toEqual(['A2', 'A3']);
    expect(requests.abandonAll()).toEqual([]);
    vi.advanceTimersByTime(answerTimeoutMs * 2);
    expect(timedOut).toEqual([]);
    expect(requests.forSeat('A2')).toBeUndefined();
  });
});

describe('actions of the user', () => {
  test('[R97] a click on an available seat selects it; the reply shows it in the panel', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    expect(run.sent).toMatchObject([{ type: 'SELECT_SEAT', data: { seat_id: 'A1' } }]);
    expect(run.booking.isPending('A1')).toBe(true);
    run.booking.clickSeat('A1');
    expect(run.sent).toHaveLength(1);
    run.ack(held('A1', 1, 'alice'));
    expect(run.booking.isPending('A1')).toBe(false);
    expect(run.booking.holds.map(({ id }) => id)).toEqual(['A1']);
    expect(run.said).toEqual(['success: A1 is held for you for 30 s.']);
    expect(run.touched).toContain('A1');
  });

  test('[R98] a click on an own hold releases it; Undo holds it again', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    run.ack(held('A1', 1, 'alice'));
    run.booking.clickSeat('A1');
    expect(run.sent.at(-1)).toMatchObject({ type: 'RELEASE_SEAT', data: { seat_id: 'A1' } });
    run.ack(available('A1', 2));
    expect(run.said.at(-1)).toBe('info: A1 is released.');
    expect(run.offer()?.label).toBe('Undo');
    run.offer()?.accept();
    expect(run.offered).toEqual(['A1']);
    expect(run.sent.at(-1)).toMatchObject({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
  });

  test('[R98] the release of several seats is undone as one', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.booking.release('A1', 'A2');
    for (const [seq, id] of ['A1', 'A2'].entries()) run.ack(available(id, seq + 3), run.sent[seq]?.request_id);
    run.offer()?.accept();
    expect(run.sent.slice(2).map((message) => (message as { data: object }).data)).toEqual([
      { seat_id: 'A1' },
      { seat_id: 'A2' },
    ]);
  });

  test('[R391] booked seats stay listed for the user in all cases', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), booked('A1', 2, 'alice'), booked('A2', 3, 'bob'), held('A3', 4, 'alice'));
    expect(run.booking.bookedSeats.map(({ id }) => id)).toEqual(['A1']);
    expect(run.booking.holds.map(({ id }) => id)).toEqual(['A3']);
  });

  test('[R392] each message names the seats that it is about, and a changed seat is reported once', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    run.refuse('SEAT_HELD', held('A1', 4, 'bob'));
    expect(run.details.at(-1)?.seatIds).toEqual(['A1']);
    run.changed.length = 0;
    run.update(held('A1', 4, 'bob'));
    expect(run.changed, 'nothing new').toEqual([]);
    run.update(available('A1', 5));
    expect(run.changed).toEqual(['A1']);
  });

  test('[R97] book and release send one request each, and confirm it', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.booking.book('A1');
    run.ack(booked('A1', 3, 'alice'));
    run.booking.release('A2');
    run.ack(available('A2', 4));
    expect(run.sent.map(({ type }) => type)).toEqual(['BOOK_SEAT', 'RELEASE_SEAT']);
    expect(run.said).toEqual(['success: A1 is booked. It is yours.', 'info: A2 is released.']);
    expect(run.booking.holds).toEqual([]);
  });

  test('[R100] a click on an unavailable seat shows the reason, without a request', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'bob'), booked('A2', 2, 'bob'), booked('A3', 3, 'alice'));
    for (const id of ['A1', 'A2', 'A3', 'Z9']) run.booking.clickSeat(id);
    expect(run.sent).toEqual([]);
    expect(run.said).toEqual([
      'info: A1 is held by someone else.',
      'info: A2 is already booked.',
      'info: A3 is booked. It is yours.',
    ]);
  });

  test('[R97] while not connected every click is refused with a message, and nothing is queued', () => {
    const run = startBooking();
    run.update(held('A2', 1, 'bob'), held('A3', 2, 'alice'));
    run.setLive(false);
    for (const id of ['A1', 'A2', 'A3']) run.booking.clickSeat(id);
    run.booking.book('A3');
    run.booking.release('A3');
    expect(run.said).toHaveLength(5);
    for (const text of run.said) expect(text).toMatch(/^error: Not connected/);
    run.setLive(true);
    expect(run.sent).toEqual([]);
  });

  test('[R97] a missing reply is reported after 5 s; a late reply is still shown', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    vi.advanceTimersByTime(answerTimeoutMs);
    expect(run.said).toEqual(['error: No answer to selecting A1 within 5 s. Check the seat and try again.']);
    expect(run.booking.isPending('A1')).toBe(false);
    run.ack(held('A1', 1, 'alice'));
    expect(run.said).toHaveLength(1);
    expect(run.booking.holds.map(({ id }) => id)).toEqual(['A1']);
  });

  test('[R97] the pending requests of a broken connection are reported, each with its seat', () => {
    const run = startBooking();
    run.update(held('A2', 1, 'alice'), held('A3', 2, 'alice'));
    run.booking.clickSeat('A1');
    run.booking.book('A2');
    run.booking.release('A3');
    run.booking.connectionLost();
    expect(run.said).toEqual([
      'error: The connection broke while selecting A1. Check the seat once connected.',
      'error: The connection broke while booking A2. Check the seat once connected.',
      'error: The connection broke while releasing A3. Check the seat once connected.',
    ]);
    expect(['A1', 'A2', 'A3'].filter((id) => run.booking.isPending(id))).toEqual([]);
    vi.advanceTimersByTime(answerTimeoutMs);
    expect(run.said).toHaveLength(3);
  });
});

describe('events of the user', () => {
  const refusals: [ErrorCode, string][] = [
    ['SEAT_HELD', 'A1 is held by someone else.'],
    ['SEAT_BOOKED', 'A1 is already booked.'],
    ['NOT_HOLDER', 'You no longer hold A1.'],
    ['HOLD_LIMIT', 'You already hold the maximum number of seats. Book or release one first.'],
    ['COOLDOWN', 'Your hold of A1 has just run out. For a moment others come first.'],
    ['RATE_LIMITED', 'That was a bit fast. Wait a moment, then try again.'],
    ['BUSY', 'Many people want A1 right now. Try again.'],
    ['STORE_UNAVAILABLE', 'Bookings are interrupted for a moment. Try again shortly.'],
    ['TIMEOUT', 'No decision on A1 in time. Try again.'],
    ['UNKNOWN_SEAT', 'A1: as the server put it'],
    ['INTERNAL', 'A1: as the server put it'],
  ];
  test.each(refusals)('[R100] %s is reported in plain words', (code, words) => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    const data = { code, message: 'as the server put it', retryable: false };
    run.receive({ type: 'ERROR', request_id: 'select-1', data });
    expect(run.said).toEqual([`error: ${words}`]);
    expect(run.booking.isPending('A1')).toBe(false);
  });

  test('[R100] releasing a seat that is meanwhile booked shows that it stays booked', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'));
    run.booking.release('A1');
    const data = { code: 'SEAT_BOOKED', message: '', retryable: false, seat: booked('A1', 2, 'alice') } as const;
    run.receive({ type: 'ERROR', request_id: 'release-1', data });
    expect(run.said).toEqual(['error: A1 is booked, so it stays yours.']);
  });

  test('[R100] a refusal shows the current seat', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    const data = { code: 'SEAT_HELD', message: '', retryable: true, seat: held('A1', 4, 'bob') } as const;
    run.receive({ type: 'ERROR', request_id: 'select-1', data });
    expect(run.booking.venue.seat('A1')?.held_by).toBe('bob');
  });

  test('[R100] an error without a pending request is shown unchanged', () => {
    const run = startBooking();
    const data = { code: 'INVALID_REQUEST', message: 'Unknown type', retryable: false } as const;
    run.receive({ type: 'ERROR', data });
    expect(run.said).toEqual(['error: Unknown type']);
  });

  test('[R100] expired holds, and holds released elsewhere, are reported with different messages', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    run.pass(5_000);
    run.update(available('A2', 3));
    run.pass(25_000);
    run.update(available('A1', 4));
    expect(run.said).toEqual(['info: A2 was released.', 'error: Time is up: you no longer hold A1.']);
  });

  test('[R100] a hold that expired while the page was disconnected is reported afterwards', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'));
    run.pass(60_000);
    const state = venueState({ seq: 3, server_time: serverTime + 60 }, held('A1', 3, 'bob', serverTime + 80));
    run.receive({ type: 'VENUE_STATE', data: state });
    expect(run.said).toEqual(['error: Time is up: you no longer hold A1.']);
  });

  test('[R100] the end of a hold is reported once, by reply or event, whichever comes first', () => {
    for (const first of ['update', 'answer']) {
      const run = startBooking();
      run.update(held('A1', 1, 'alice'));
      run.booking.release('A1');
      const request = run.sent.at(-1)?.request_id;
      if (first === 'update') run.update(available('A1', 2));
      run.ack(available('A1', 2), request);
      if (first === 'answer') run.update(available('A1', 2));
      expect(run.said).toEqual(['info: A1 is released.']);
    }
  });

  test('events of other users are shown but not reported', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'bob'), available('A1', 2), held('A1', 3, 'carol'), booked('A1', 4, 'carol'));
    expect(run.said).toEqual([]);
    expect(run.touched).toEqual(['A1', 'A1', 'A1', 'A1']);
  });

  test('messages of an unknown type are ignored', () => {
    const run = startBooking();
    run.receive({ type: 'CONCERT_CANCELLED', data: {} } as never);
    expect(run.said).toEqual([]);
  });
});

describe('several seats', () => {
  /** Alice holds all three seats. */
  function startWithHolds() {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'), held('A3', 3, 'alice'));
    run.said.length = 0;
    const idOf = (seatId: string) =>
      run.sent.findLast(
        (message) =>
          'data' in message &&
          'seat_id' in (message.data ?? {}) &&
          (message.data as { seat_id: string }).seat_id === seatId,
      )?.request_id;
    return { ...run, idOf };
  }

  test('[R115] all are booked by one click, each with its own request, and reported once', () => {
    const run = startWithHolds();
    run.booking.book('A1', 'A2', 'A3');
    expect(run.sent.map(({ type }) => type)).toEqual(['BOOK_SEAT', 'BOOK_SEAT', 'BOOK_SEAT']);
    expect(['A1', 'A2', 'A3'].every((id) => run.booking.isPending(id))).toBe(true);
    run.ack(booked('A2', 4, 'alice'), run.idOf('A2'));
    run.ack(booked('A1', 5, 'alice'), run.idOf('A1'));
    expect(run.said).toEqual([]);
    run.ack(booked('A3', 6, 'alice'), run.idOf('A3'));
    expect(run.said).toEqual(['success: A2, A1 and A3 are booked. They are yours.']);
    expect(run.booking.holds).toEqual([]);
  });

  test('[R115] failed and successful ones are reported by seat', () => {
    const run = startWithHolds();
    run.booking.release('A1', 'A2', 'A3');
    run.refuse('NOT_HOLDER', held('A1', 9, 'bob'), run.idOf('A1'));
    run.ack(available('A2', 10), run.idOf('A2'));
    vi.advanceTimersByTime(answerTimeoutMs);
    expect(run.said).toEqual([
      'error: You no longer hold A1.',
      'info: A2 is released.',
      'error: No answer to releasing A3 within 5 s. Check the seat and try again.',
    ]);
  });

  test('[R115] a batch without replies is reported once, and retried as one', () => {
    const run = startWithHolds();
    run.booking.book('A1', 'A2');
    vi.advanceTimersByTime(answerTimeoutMs);
    expect(run.said).toEqual(['error: No answer to booking A1 and A2 within 5 s. Check the seats and try again.']);
    run.offer()?.accept();
    expect(run.sent.slice(2)).toMatchObject([
      { type: 'BOOK_SEAT', data: { seat_id: 'A1' } },
      { type: 'BOOK_SEAT', data: { seat_id: 'A2' } },
    ]);
  });

  test('[R115] the limit is reported once for any number of seats, without offering a retry', () => {
    const run = startBooking();
    for (const id of ['A1', 'A2']) {
      run.booking.clickSeat(id);
      run.refuse('HOLD_LIMIT');
    }
    expect(new Set(run.details.map(({ topic }) => topic))).toEqual(new Set(['HOLD_LIMIT']));
    expect(run.offer()).toBeUndefined();
  });
});

describe('offers', () => {
  test('[R114] a user who lost a race is offered the nearest free seat, and gets it by one click', () => {
    const run = startBooking();
    run.booking.clickSeat('A1');
    run.refuse('SEAT_HELD', held('A1', 4, 'bob'));
    expect(run.said).toEqual(['error: A1 is held by someone else.']);
    expect(run.offer()?.label).toBe('Take A2 instead');
    run.offer()?.accept();
    expect(run.offered, 'the focus goes there').toEqual(['A2']);
    expect(run.sent.at(-1)).toMatchObject({ type: 'SELECT_SEAT', data: { seat_id: 'A2' } });
  });

  test('[R114] if the offered seat is taken meanwhile, this is reported, and the next one is offered', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'bob'));
    run.booking.clickSeat('A1');
    const offer = run.offer();
    run.update(booked('A2', 2, 'bob'));
    offer?.accept();
    expect(run.sent).toEqual([]);
    expect(run.said.at(-1)).toBe('info: A2 is already booked.');
    expect(run.offer()?.label).toBe('Take A3 instead');
  });

  test('[R114] without free seats nothing is offered', () => {
    const run = startBooking();
    run.update(booked('A1', 1, 'bob'), booked('A2', 2, 'bob'), held('A3', 3, 'bob'));
    run.booking.clickSeat('A1');
    expect(run.offer()).toBeUndefined();
  });

  test('[R239] [R114] a user whose hold has just expired is offered another seat', () => {
    const run = startBooking();
    run.booking.clickSeat('A2');
    run.refuse('COOLDOWN');
    run.offer()?.accept();
    expect(run.sent).toMatchObject([{ data: { seat_id: 'A2' } }, { data: { seat_id: 'A1' } }]);
  });

  test.each(['BUSY', 'STORE_UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED'] as const)('[R114] %s offers a retry', (code) => {
    const run = startBooking();
    run.booking.clickSeat('A2');
    run.refuse(code);
    run.offer()?.accept();
    expect(run.sent.map(({ type }) => type)).toEqual(['SELECT_SEAT', 'SELECT_SEAT']);
  });

  test('[R116] expired seats are offered again together, until one is held', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A3', 2, 'alice'));
    run.pass(30_000);
    run.update(available('A1', 3), available('A3', 4));
    expect(run.said).toEqual([
      'error: Time is up: you no longer hold A1.',
      'error: Time is up: you no longer hold A1 and A3.',
    ]);
    expect(run.details.map(({ urgent, topic }) => [urgent, topic])).toEqual(Array(2).fill([true, 'time-up']));
    expect(run.offer()?.label).toBe('Try the same seats again');
    run.offer()?.accept();
    expect(run.sent.map((message) => (message as { data: object }).data)).toEqual([
      { seat_id: 'A1' },
      { seat_id: 'A3' },
    ]);
    run.ack(held('A1', 5, 'alice', serverTime + 60), run.sent[0]?.request_id);
    run.pass(60_000);
    run.update(available('A1', 6));
    expect(run.said.at(-1)).toBe('error: Time is up: you no longer hold A1.');
  });

  test('[R116] a warning appears exactly 10 s before the end, once per hold', () => {
    const run = startBooking();
    run.update(held('A1', 1, 'alice'), held('A3', 2, 'bob'));
    run.pass(3_000);
    run.update(held('A2', 3, 'alice', serverTime + 33));
    run.pass(16_999);
    run.booking.warnOfEnds();
    expect(run.said).toEqual([]);
    run.pass(1);
    for (let n = 0; n < 3; n++) run.booking.warnOfEnds();
    expect(run.said).toEqual(['warning: 10 s left to book A1.']);
    run.pass(3_000);
    run.booking.warnOfEnds();
    run.pass(20_000);
    run.booking.warnOfEnds();
    expect(run.said).toEqual(['warning: 10 s left to book A1.', 'warning: 10 s left to book A2.']);
  });

  test("events count as those of others if they are neither the user's nor from before the page", () => {
    const run = startBooking();
    run.update(held('A1', 1, 'bob'), held('A2', 2, 'alice'), available('A2', 3), available('A1', 4));
    expect(run.touchedByOthers).toEqual(['A1', 'A1']);
  });
});
