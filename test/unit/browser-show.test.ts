import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BestRequest } from '../../src/browser/best-request.ts';
import type { MessageDetails } from '../../src/browser/message-list.ts';
import { replyTimeoutMs } from '../../src/browser/pending-requests.ts';
import { nextSaleChangeMs, saleClosedText } from '../../src/browser/sale.ts';
import { pricesHtml, showListHtml } from '../../src/browser/show-html.ts';
import { Venue } from '../../src/browser/venue.ts';
import type { ClientMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { ShowDetails, ShowSummary } from '../../src/protocol/show.ts';
import { priceFormat } from '../../src/shows/price-format.ts';
import { available, booked, held, startSeatActions, updateOf, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function startBest() {
  const sent: ClientMessage[] = [];
  const reported: string[] = [];
  const details: MessageDetails[] = [];
  const heldSeats: (readonly Seat[])[] = [];
  const learned: Seat[] = [];
  const best = new BestRequest({
    send: (message) => sent.push(message),
    report: (text, tone, more = {}) => {
      reported.push(`${tone}: ${text}`);
      details.push(more);
    },
    learn: (seats) => learned.push(...seats),
    onHeld: (seats) => heldSeats.push(seats),
    onChange: () => {},
    offerAtLimit: ({ count }) => ({ label: `release for ${count}`, accept: () => {} }),
    heldText: (seats) => `${seats.map(({ id }) => id).join()} held`,
  });
  return { best, sent, reported, details, heldSeats, learned };
}

describe('the best seats', () => {
  test('[R555] one request at a time; its seats are taken over and shown', () => {
    const run = startBest();
    run.best.hold({ count: 2, category: 'Front' });
    run.best.hold({ count: 3 });
    expect(run.sent).toEqual([{ type: 'HOLD_BEST', request_id: 'best-1', data: { count: 2, category: 'Front' } }]);
    expect(run.best.pending?.count).toBe(2);
    const seats = [held('A1', 1, 'alice'), held('A2', 2, 'alice')];
    expect(run.best.receive({ type: 'ACK', request_id: 'other', data: { success: true, seats } })).toBe(false);
    expect(run.best.receive({ type: 'ACK', request_id: 'best-1', data: { success: true, seats } })).toBe(true);
    expect([run.learned, run.heldSeats, run.reported]).toEqual([seats, [seats], ['success: A1,A2 held']]);
    expect(run.best.pending).toBeUndefined();
    vi.advanceTimersByTime(replyTimeoutMs);
    expect(run.reported).toHaveLength(1);
  });

  test.each([
    [
      'NOT_TOGETHER',
      { count: 4, section: 'Block 101' },
      'No 4 seats together are free in Block 101. Try fewer seats.',
      'Search all sections',
    ],
    ['NOT_TOGETHER', { count: 1 }, 'No 1 seat is free. Try fewer seats.', undefined],
    [
      'NOT_TOGETHER',
      { count: 2, accessible: true },
      'No 2 seats together with a wheelchair space are free. Try fewer seats.',
      undefined,
    ],
    ['SEATS_TAKEN', { count: 3 }, 'Others were faster: the 3 seats found for you are taken.', 'Try again'],
    ['HOLD_LIMIT', { count: 8 }, 'With 8 seats more you would hold too many. Release some first.', 'release for 8'],
    ['SALE_CLOSED', { count: 1 }, 'Seats are not on sale now.', undefined],
  ] as const)('[R555] %s for %j is explained, with the next step', (code, wish, text, label) => {
    const run = startBest();
    run.best.hold(wish);
    const retryable = code === 'SEATS_TAKEN';
    run.best.receive({ type: 'ERROR', request_id: 'best-1', data: { code, message: 'server', retryable } });
    expect(run.reported).toEqual([`error: ${text}`]);
    expect(run.details[0]?.offer?.label).toBe(label);
    run.details[0]?.offer?.accept();
    if (label === 'Search all sections') expect(run.sent[1]).toMatchObject({ data: { count: 4 } });
    if (label === 'Try again') expect(run.sent[1]).toMatchObject({ request_id: 'best-2', data: wish });
  });

  test('[R555] without a reply it ends after 5 s, or with the connection', () => {
    const run = startBest();
    run.best.hold({ count: 2 });
    vi.advanceTimersByTime(replyTimeoutMs);
    run.best.hold({ count: 2 });
    run.best.connectionLost();
    run.best.connectionLost();
    expect(run.reported).toEqual([
      'error: No reply to your request within 5 s. Check your selection, then try again.',
      'error: The connection broke while the best seats were being found. Check your selection, then try again.',
    ]);
    expect(run.best.pending).toBeUndefined();
  });
});

describe('seats in place of others', () => {
  test('[R556] the others are released once the new ones are held', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'));
    run.actions.exchange(['A1'], ['A2', 'A3']);
    expect(run.sent).toMatchObject([{ type: 'HOLD_SEATS', data: { seats: ['A2', 'A3'] } }]);
    run.ackGroup(held('A2', 2, 'alice'), held('A3', 3, 'alice'));
    expect(run.sent.at(-1)).toMatchObject({ type: 'RELEASE_SEAT', data: { seat_id: 'A1' } });
  });

  test('[R556] if the new ones are refused, nothing is released, now or later', () => {
    const run = startSeatActions();
    run.update(held('A1', 1, 'alice'));
    run.actions.exchange(['A1'], ['A2']);
    run.refuse('SEAT_HELD', held('A2', 2, 'bob'));
    expect(run.sent).toHaveLength(1);
    run.update(available('A2', 3));
    run.actions.clickSeat('A2');
    run.ack(held('A2', 4, 'alice'));
    expect(run.sent).toHaveLength(2);
    expect(run.heldIds()).toEqual(['A1', 'A2']);
  });
});

test('[R556] a show that refuses single seats offers the seats that leave none, in place of all that are held', () => {
  const run = startSeatActions({ withoutSingle: () => ['A2', 'A3'], namesOf: (ids) => ids.map((id) => `Hall ${id}`) });
  run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
  run.actions.clickSeat('A3');
  run.refuse('SINGLE_SEAT');
  expect(run.reported.at(-1)).toBe('error: Hall A3 would leave a single free seat, which this show does not allow.');
  expect(run.offer()?.label).toBe('Take Hall A3 instead');
  run.offer()?.accept();
  expect(run.sent.at(-1)).toMatchObject({ type: 'SELECT_SEAT', data: { seat_id: 'A3' } });
  run.ack(held('A3', 3, 'alice'));
  expect(run.sent.at(-1)).toMatchObject({ type: 'RELEASE_SEAT', data: { seat_id: 'A1' } });
});

test('[R557] after the sale held seats can be booked and released, but none can be held', () => {
  const run = startSeatActions({ closedReason: () => 'The sale is closed.' });
  run.update(held('A1', 1, 'alice'), held('A2', 2, 'alice'));
  run.actions.clickSeat('A3');
  expect(run.reported).toEqual(['error: The sale is closed.']);
  run.actions.book('A1');
  run.actions.clickSeat('A2');
  expect(run.sent.map(({ type }) => type)).toEqual(['BOOK_SEAT', 'RELEASE_SEAT']);
});

test('[R486] the seats of a user are found without a search, even if another user held them before', () => {
  const venue = new Venue();
  venue.replace(venueState({}, held('A2', 1, 'ann')));
  venue.update(updateOf(available('A2', 2)));
  venue.update(updateOf(held('A2', 3, 'bob')));
  venue.update(updateOf(booked('A2', 4, 'bob')));
  venue.update(updateOf(held('A3', 5, 'bob')));
  venue.update(updateOf(held('A1', 6, 'bob')));
  expect(venue.holdsOf('ann')).toEqual([]);
  expect(venue.holdsOf('bob').map(({ id }) => id)).toEqual(['A1', 'A3']);
  expect(venue.bookedBy('bob').map(({ id }) => id)).toEqual(['A2']);
  venue.replace(venueState({ epoch: 'e2' }));
  expect(venue.holdsOf('bob')).toEqual([]);
});

const summary: ShowSummary = { id: 'opera', name: 'Opera', sale: 'open', seats: 1234 };
const details = (changes: Partial<ShowDetails>): ShowDetails => ({
  ...summary,
  categories: [],
  plan: 'p1',
  single_seats: 'warn',
  hold_seconds: 30,
  max_holds: 6,
  hold_extensions: 0,
  position: { epoch: 'e1', seq: 0 },
  counts: { available: 0, held: 0, booked: 0 },
  ...changes,
});

describe('the sale', () => {
  test('[R557] no seat can be chosen before it opens and after it has closed', () => {
    const opensAt = '2030-01-01T10:00:00.000Z';
    const upcoming = details({ sale: 'upcoming', sale_opens_at: opensAt, sale_closes_at: '2031-01-01T10:00:00.000Z' });
    expect(saleClosedText(upcoming)).toMatch(/^The sale begins .*2030/);
    expect(nextSaleChangeMs(upcoming)).toBe(Date.parse(opensAt));
    expect(saleClosedText(details({}))).toBeUndefined();
    expect(nextSaleChangeMs(details({ sale_closes_at: opensAt }))).toBe(Date.parse(opensAt));
    expect(nextSaleChangeMs(details({}))).toBeUndefined();
    expect(saleClosedText(details({ sale: 'closed' }))).toBe('The sale is closed.');
    expect(nextSaleChangeMs(details({ sale: 'closed', sale_closes_at: opensAt }))).toBeUndefined();
  });
});

describe('shows as HTML', () => {
  test('[R559] the list shows the seats on sale, times and prices', () => {
    const html = showListHtml([
      { ...summary, starts_at: '2030-06-21T18:00:00.000Z', currency: 'EUR', lowest_price: 2500, highest_price: 9500 },
      { ...summary, id: 'later', sale: 'upcoming', sale_opens_at: '2030-01-01T10:00:00.000Z' },
    ]);
    const text = html.replaceAll(/<[^>]*>/g, '|');
    expect(text).toContain('|Opera|');
    expect(text).toContain('Fri, June 21, 2030 at 18:00 UTC');
    expect(text).toContain('1,234 seats · €25.00 – €95.00');
    expect(text).toContain('On sale from |Tue, January 1, 2030 at 10:00 UTC|');
    expect(html).toContain('href="/shows/later"');
    expect(html).toContain('<time datetime="2030-06-21T18:00:00.000Z">');
  });

  test('[R559] names of show files are text, and never HTML', () => {
    const name = '<img src=x onerror="run()"> & \'co\'';
    const categories = [{ name, colour: '#000000', prices: { [name]: 100 } }];
    const html =
      showListHtml([{ ...summary, name }]) + pricesHtml(details({ currency: 'EUR', ticket_types: [name], categories }));
    expect(html).not.toContain('<img');
    expect(html.match(/&#60;img src=x onerror=&#34;run\(\)&#34;&#62; &#38; &#39;co&#39;/g)).toHaveLength(3);
  });

  test('[R561] amounts have as many decimals as their currency', () => {
    expect(['EUR', 'JPY', 'KWD'].map((currency) => priceFormat(currency, { locale: 'en' })(7500))).toEqual([
      '€75.00',
      '¥7,500',
      expect.stringMatching(/7\.500$/),
    ]);
    const short = priceFormat('EUR', { locale: 'en', isShort: true });
    expect([short(7500), short(7550)]).toEqual(['€75', '€75.50']);
  });
});
