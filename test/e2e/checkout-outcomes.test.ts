import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import { present } from '../../src/process/present.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { axeFaults } from '../support/axe.ts';
import { recordAnnouncements, textOf, useBrowser } from '../support/browser.ts';
import { pricedShow, sandboxCheckout } from '../support/checkout.ts';
import { cards, goToPayPage, payWith, titleOf } from '../support/order-page.ts';
import { severalShows, testShow } from '../support/several-shows.ts';

const paymentMs = 600_000;

/** A shop in this process, so that tests can set its clock, and reach its ledger and its provider. */
async function startShop() {
  let passedMs = 0;
  const nowMs = () => Date.now() + passedMs;
  const checkout = sandboxCheckout({ paymentMs, nowMs });
  const { ledger, bank } = checkout;
  const shop = await severalShows({
    shows: [testShow('main'), pricedShow('gala')],
    storeOf: ({ plan }, rules) => new MemorySeatStore({ ...rules, plan, nowMs }),
    ...{ checkout, ledger, publicDir: resolve('public') },
  });
  const url = await shop.app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await useBrowser();
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(`${url}/shows`);
  const { order, userId } = await page.evaluate(async () => {
    const post = async (path: string, body?: object) => {
      const init = { method: 'POST', ...(body && { body: JSON.stringify(body) }) };
      return (await fetch(path, init)).json();
    };
    const { user_id: userId } = await post('/api/session');
    await post('/api/shows/gala/holds', { seats: ['A1', 'A2'] });
    const order = (await post('/api/shows/gala/orders', { seats: [{ id: 'A1' }, { id: 'A2' }] })) as OrderReply;
    return { order, userId: String(userId) };
  });
  await page.goto(`${url}/orders/${order.id}`);
  await titleOf(page).toBe('Pay €90.00');
  const state = async () => (await ledger.order(order.id))?.state;
  const reference = () => (order.pay_url ?? '').replace('/sandbox/', '');
  /** Advances the clock of the store and of the provider. */
  const pass = (ms: number) => {
    passedMs += ms;
  };
  return { ...shop, pass, checkout, ledger, bank, page, context, order, userId, state, reference };
}

const seen = (page: Page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));

test('[R871] the order runs out while the pay page is open: nothing is charged, and the seats are free', async () => {
  const { page, state, shows, pass } = await startShop();
  await goToPayPage(page);
  pass(paymentMs);
  await expect.poll(state).toBe('lapsed');
  await payWith(page, cards.approved);
  await textOf(page, 'pay-result').toContain('Nothing was charged');
  await page.getByRole('link', { name: 'Back to the shop' }).click();
  await titleOf(page).toBe('The order has ended');
  await textOf(page, 'order-text').toBe(
    'It was not paid in time. Nothing was charged. The seats are free for others again.',
  );
  expect(shows.get('gala').service.view.seat('A1')?.status).toBe(0);
  expect(await page.locator('#pay-link, #pay-btn, #cancel-btn').filter({ visible: true }).count()).toBe(0);
});

test('[R871] paid at the last second, while the page is offline: it shows the tickets, not the end of the time', async () => {
  const { page, state, bank, reference, pass } = await startShop();
  await page.route('**/api/orders/*', (route) => route.abort());
  await bank.pay(reference(), cards.neverSent);
  expect(await state()).toBe('paying');
  pass(paymentMs);
  await expect.poll(state).toBe('issued');
  await page.unroute('**/api/orders/*');
  await seen(page);
  await titleOf(page).toBe('Your 2 tickets');
});

test('[R871] paid, but the hold was gone: the page shows that the money is returned, and the reason', async () => {
  const { page, post, app, bank, reference, userId, state } = await startShop();
  const { user_id, token } = (await app.inject({ method: 'POST', url: '/api/session' })).json();
  await page.evaluate(() =>
    fetch('/api/shows/gala/holds/release', { method: 'POST', body: JSON.stringify({ seats: ['A1'] }) }),
  );
  const taken = await post('gala/holds', { seats: ['A1'] }, { authorization: `Bearer ${token}` });
  expect([taken.status, user_id === userId]).toEqual([200, false]);
  await bank.pay(reference(), cards.neverSent);
  await expect.poll(state).toBe('refunded');
  await titleOf(page).toBe('Your money was returned');
  await textOf(page, 'order-text').toContain('The whole amount, €90.00, was returned');
  await textOf(page, 'order-why').toContain('another user has a seat');
  expect(await page.locator('.ticket').count()).toBe(0);
  expect(await axeFaults(page)).toEqual([]);
});

test('[R871] the page of an order that needs a person shows that, with its number and without an error of a server', async () => {
  const { page, ledger, order } = await startShop();
  const announced = await recordAnnouncements(page);
  const change = {
    state: 'needs_person',
    dueAtMs: undefined,
    reason: 'connect ECONNREFUSED',
    atMs: Date.now(),
  } as const;
  await ledger.change(present(await ledger.order(order.id), 'the order'), change);
  await titleOf(page).toBe('The organiser will settle this order');
  expect(await announced()).toContainEqual(['assertive', expect.stringContaining('Do not pay again')]);
  await textOf(page, 'order-number').toBe(order.id);
  expect(await page.locator('body').innerText()).not.toContain('ECONNREFUSED');
  expect(await axeFaults(page)).toEqual([]);
});

test('[R871] without the ledger the page shows that it may be out of date, keeps its last state, and catches up', async () => {
  const { page, ledger, bank, reference } = await startShop();
  const away = vi.spyOn(ledger, 'order').mockRejectedValue(new LedgerUnavailableError('away'));
  await textOf(page, 'order-trouble').toContain('This page may be out of date');
  await titleOf(page).toBe('Pay €90.00');
  await page.locator('#cancel-btn').click();
  await page.locator('#cancel-yes').click();
  await textOf(page, 'messages').toContain('The order was not cancelled. Checkout is not possible at the moment');
  await bank.pay(reference(), cards.neverSent);
  away.mockRestore();
  await titleOf(page).toBe('Your 2 tickets');
  expect(await page.locator('#order-trouble').isVisible()).toBe(false);
});

test.each([
  ['before the tickets', 'Your money was returned', 'Reason: Cancelled.'],
  [
    'after the tickets',
    'Your 2 tickets',
    'The order was not cancelled. This order cannot be changed any more: it is issued.',
  ],
])('[R871] cancelled in one tab while it is paid in another, %s', async (when, title, text) => {
  const { page, bank, reference, order, state } = await startShop();
  await page.locator('#cancel-btn').click();
  // The page does not know the payment yet.
  await page.route(`**/api/orders/${order.id}`, (route) => route.abort());
  await bank.pay(reference(), cards.neverSent);
  const isIssued = when === 'after the tickets';
  if (isIssued) await page.request.get(`${new URL(page.url()).origin}/api/orders/${order.id}`);
  expect(await state()).toBe(isIssued ? 'issued' : 'paying');
  await page.locator('#cancel-yes').click();
  await expect.poll(() => page.locator('#order-status').innerText()).toContain(text);
  await page.unroute(`**/api/orders/${order.id}`);
  await seen(page);
  await titleOf(page).toBe(title);
});
