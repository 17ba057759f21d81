import { describe, expect, test } from 'vitest';
import { orderWords } from '../../src/browser/order/order-words.ts';
import { minutesText, TimeToPay } from '../../src/browser/order/time-to-pay.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import { anOrder } from '../support/an-order.ts';

const wordsOf = (changes: Partial<OrderReply>, msLeft = 60_000) => orderWords(anOrder(changes), msLeft, '€90.00');

const moneyWords: Record<OrderReply['state'], RegExp> = {
  open: /held until the time is up/,
  paying: /shows your tickets as soon as the payment is confirmed/,
  authorised: /being booked/,
  booking: /being booked/,
  issued: /Paid: €90\.00/,
  lapsing: /Nothing was charged\. Your seats are being freed/,
  lapsed: /Nothing was charged\. The seats are free/,
  cancelling: /Nothing was charged\. Your seats are being freed/,
  cancelled: /Nothing was charged\. The seats are free/,
  refunding: /€90\.00, is being returned/,
  refunded: /€90\.00, was returned/,
  needs_person: /tickets or your money back\. Do not pay again/,
};

describe('[R862] every state of an order has words for the seats and for the money', () => {
  test.each(Object.entries(moneyWords))('%s', (state, money) => {
    const { title, text } = wordsOf({ state: state as OrderReply['state'] });
    expect(title).not.toBe('');
    expect(text).toMatch(money);
  });

  test('no two states that differ in their outcome have the same title', () => {
    const outcomes = ['issued', 'lapsed', 'cancelled', 'refunding', 'refunded', 'needs_person'] as const;
    expect(new Set(outcomes.map((state) => wordsOf({ state }).title)).size).toBe(outcomes.length);
  });

  test('a failed payment shows the reason, and that nothing was charged', () => {
    const { title, text, tone } = wordsOf({ state: 'open', failure: 'The card was declined' });
    expect([title, tone]).toEqual(['The payment failed', 'error']);
    expect(text).toContain('The card was declined. Nothing was charged. You can pay again');
  });

  test.each(['open', 'paying'] as const)(
    '%s after the time to pay: the provider is asked, nothing is promised',
    (state) => {
      const { title, text } = wordsOf({ state }, 0);
      expect(title).toBe('The time to pay is up');
      expect(text).toContain('If you have, you get your tickets');
    },
  );

  test('a provider that does not reply is named; there is no link to a missing page', () => {
    const { pay_url: _, ...order } = anOrder();
    expect(orderWords(order, 60_000, '€90.00').text).toContain('The payment provider does not reply at the moment');
  });

  test('returned money has its reason; one seat is no plural', () => {
    expect(wordsOf({ state: 'refunding', reason: 'Sold to someone else already: A1' }).why).toBe(
      'Sold to someone else already: A1.',
    );
    const seats = [{ id: 'A1', name: 'Row A, seat 1', ticket_type: 'adult', price: 9_000 }];
    expect(wordsOf({ state: 'issued', seats }).title).toBe('Your ticket');
  });

  test('an order of free seats does not mention a payment', () => {
    for (const state of ['authorised', 'issued'] as const) {
      const { title, text } = wordsOf({ state, amount: 0 });
      expect(`${title} ${text}`).not.toMatch(/pa(y|id)/i);
    }
  });
});

describe('[R863] the time to pay', () => {
  test('is shown in minutes and seconds, and never below zero', () => {
    expect([600_000, 61_000, 60_001, 59_999, 1, 0, -5].map(minutesText)).toEqual([
      ...['10:00', '1:01', '1:01', '1:00', '0:01', '0:00', '0:00'],
    ]);
  });

  test('is announced at 5 minutes, 1 minute and 20 seconds, each once', () => {
    const time = new TimeToPay();
    const announced: [number, string][] = [];
    for (let seconds = 400; seconds >= 0; seconds--) {
      const text = time.announcement(seconds * 1000);
      if (text !== undefined) announced.push([seconds, text]);
    }
    expect(announced).toEqual([
      [300, '5 minutes left to pay.'],
      [60, '1 minute left to pay.'],
      [20, '20 seconds left to pay.'],
    ]);
  });

  test('is announced as it is after a sleep, and not for times that passed before the page came', () => {
    const time = new TimeToPay();
    expect(time.announcement(250_000)).toBeUndefined();
    expect(time.announcement(45_000)).toBe('45 seconds left to pay.');
    expect(time.announcement(44_000)).toBeUndefined();
    expect(time.announcement(-1)).toBeUndefined();
  });
});
