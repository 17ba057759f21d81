import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { focusOf, hasClass, recordAnnouncements, seat, textOf } from '../support/browser.ts';
import { startHttpProxy } from '../support/http-proxy.ts';
import { cards, checkOut, checkOutBest, goToPayPage, payWith, readQrCodes, titleOf } from '../support/order-page.ts';
import { usePages } from '../support/pages.ts';
import { patience } from '../support/patience.ts';
import { startEmbedded } from '../support/servers.ts';

const pages = usePages(() => startEmbedded({ env: { PAYMENT_PROVIDER: 'sandbox', HOLD_SECONDS: '120' } }));
/** Each goes through several pages. */
const timeout = 90_000;
const open = (options = {}) => pages.open(options, `${pages.venue.url}/shows/chamber`);

/** Holds the seats, and no others. */
async function pick(page: Page, ...ids: string[]): Promise<void> {
  for (const id of ids) await seat(page, id).click();
  await expect.poll(() => page.locator('#hold-list li').count()).toBe(ids.length);
}

const isMine = (page: Page, id: string, status: string) =>
  expect.poll(() => seat(page, id).getAttribute('class')).toMatch(new RegExp(`${hasClass(status).source}.*mine`));

/** A page that is not the map. */
async function openTab(context: BrowserContext, path: string, origin = pages.venue.url): Promise<Page> {
  const page = await context.newPage();
  onTestFinished(() => page.close());
  await page.goto(`${origin}${path}`);
  return page;
}

describe('check out', { timeout }, () => {
  test('[R860] [R865] held seats are ordered with their ticket types, paid, and become tickets with codes that the door accepts', async () => {
    const { page } = await open();
    await pick(page, 'A3', 'A4', 'A5');
    await page.getByLabel('Ticket for A4').selectOption('child');
    await textOf(page, 'book-btn').toBe('Check out 3 seats · €110.00');
    expect(await page.locator('#sum').isVisible(), 'the button has the sum').toBe(false);
    await checkOut(page);
    await titleOf(page).toBe('Pay €110.00');
    await textOf(page, 'order-facts').toContain('String quartet in the chamber hall');
    const rows = await page.locator('.order-table tr').allInnerTexts();
    expect(rows.map((row) => row.replaceAll(/\s+/g, ' ').trim())).toEqual([
      'Seat Ticket Price',
      'Row A, seat 3 adult €45.00',
      'Row A, seat 4 child €20.00',
      'Row A, seat 5 adult €45.00',
      'Total €110.00',
    ]);
    await textOf(page, 'pay-timer').toMatch(/^(9:\d\d|10:00)$/);
    await goToPayPage(page);
    expect(await page.locator('h1').innerText()).toBe('Pay €110.00');
    await payWith(page, cards.approved);
    await titleOf(page).toBe('Your 3 tickets');
    await textOf(page, 'order-text').toContain('Paid: €110.00');
    expect(await page.locator('#pay-timer').isVisible(), 'nothing is left to pay').toBe(false);
    await textOf(page, 'kept-until').toContain('This page opens in this browser only, until');
    const codes = await page.locator('.ticket-code').allInnerTexts();
    expect(await readQrCodes(pages.browser, page)).toEqual(codes);
    const seats = await Promise.all(
      codes.map(async (code) => (await fetch(`${pages.venue.url}/api/tickets/${code}`)).json()),
    );
    expect(seats).toEqual(['A3', 'A4', 'A5'].map((id) => expect.objectContaining({ valid: true, seat: id })));
    await page.locator('#to-show').click();
    await page.locator('#connection-status.connected').waitFor();
    await isMine(page, 'A4', 'booked');
    await page.getByRole('link', { name: 'Tickets for A3–A5' }).click();
    await titleOf(page).toBe('Your 3 tickets');
  });

  test('[R866] two users want the same seats: one orders them, the other one sees the reason, and gets them after a cancellation', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    await pick(one.page, 'C3', 'C4');
    await checkOut(one.page);
    await seat(two.page, 'C3').click();
    await textOf(two.page, 'messages').toContain('C3 is held by someone else');
    const press = one.page.locator('#cancel-btn');
    await press.click();
    await one.page.locator('#cancel-no').click();
    await focusOf(one.page).toBe('cancel-btn');
    await titleOf(one.page).toBe('Pay €90.00');
    await press.click();
    await one.page.locator('#cancel-yes').click();
    await titleOf(one.page).toBe('Order cancelled');
    await textOf(one.page, 'order-text').toContain('Nothing was charged');
    await focusOf(one.page).toBe('order-title');
    await expect.poll(() => seat(two.page, 'C3').getAttribute('class')).toContain('available');
    await pick(two.page, 'C3', 'C4');
    await checkOut(two.page);
    await goToPayPage(two.page);
    await payWith(two.page, cards.approved);
    await titleOf(two.page).toBe('Your 2 tickets');
    await one.page.getByRole('link', { name: 'Choose seats again' }).click();
    await one.page.locator('#connection-status.connected').waitFor();
    await seat(one.page, 'C4').click();
    await textOf(one.page, 'messages').toContain('C4 is already booked');
  });

  test('[R867] a declined card, then one with a second step; nothing is charged in between', async () => {
    const { page } = await open();
    await pick(page, 'B3');
    await textOf(page, 'book-btn').toBe('Check out 1 seat · €45.00');
    await checkOut(page);
    await goToPayPage(page);
    await payWith(page, cards.declined);
    await page.getByRole('alert').waitFor();
    await page.getByRole('link', { name: 'Back to the shop' }).click();
    await titleOf(page).toBe('The payment failed');
    await textOf(page, 'order-text').toContain('The card was declined. Nothing was charged.');
    await textOf(page, 'pay-btn').toBe('Pay €45.00 again');
    await goToPayPage(page);
    await payWith(page, cards.challenge);
    await page.getByRole('button', { name: 'Yes, pay €45.00' }).click();
    await titleOf(page).toBe('Your ticket');
  });

  test('[R867] Back from the pay page shows the unchanged order, Back from the order shows its seats on the map, and a reload changes nothing', async () => {
    const { page } = await open();
    await pick(page, 'D3', 'D4');
    await checkOut(page);
    await goToPayPage(page);
    await page.goBack();
    await titleOf(page).toBe('Pay €90.00');
    await page.reload();
    await titleOf(page).toBe('Pay €90.00');
    await page.goBack();
    await page.locator('#connection-status.connected').waitFor();
    await textOf(page, 'order-list').toMatch(/^Pay €90\.00 for D3–D4\s+\d+:\d\d left$/);
    expect(await page.locator('#selected-info').isVisible(), 'its seats are no seats to check out').toBe(false);
    await seat(page, 'D3').click();
    await textOf(page, 'messages').toContain('D3 is in your order.');
    await seat(page, 'D4').press('Delete');
    await isMine(page, 'D4', 'held');
    // Another seat is an order of its own.
    await pick(page, 'D5');
    await textOf(page, 'book-btn').toBe('Check out 1 seat · €45.00');
    await page.locator('#release-btn').click();
    await page.getByRole('button', { name: 'Go to your order' }).click();
    await goToPayPage(page);
    await payWith(page, cards.approved);
    await titleOf(page).toBe('Your 2 tickets');
    await page.goBack();
    await expect.poll(() => page.locator('body').innerText()).toContain('Paid.');
    await page.getByRole('link', { name: 'Back to the shop' }).click();
    await titleOf(page).toBe('Your 2 tickets');
  });

  test('[R868] a second tab follows without a click: the payment, and a cancellation', async () => {
    const { page, context } = await open();
    await checkOutBest(page, 2);
    const path = new URL(page.url()).pathname;
    const other = await openTab(context, path);
    await titleOf(other).toMatch(/^Pay/);
    const announced = await recordAnnouncements(other);
    await goToPayPage(page);
    await payWith(page, cards.neverSent);
    await titleOf(page).toBe('Your 2 tickets');
    await titleOf(other).toBe('Your 2 tickets');
    await expect
      .poll(async () => (await announced()).map(([, text]) => text).join())
      .toContain('Your 2 tickets. Paid:');
    const map = await openTab(context, '/shows/chamber');
    await map.locator('#connection-status.connected').waitFor();
    await checkOutBest(map, 1);
    const second = await openTab(context, new URL(map.url()).pathname);
    await titleOf(second).toMatch(/^Pay/);
    await map.locator('#cancel-btn').click();
    await map.locator('#cancel-yes').click();
    await titleOf(second).toBe('Order cancelled');
  });

  test('[R868] the same seats are checked out in two tabs: it is one order', async () => {
    const { page, context } = await open();
    await pick(page, 'E3');
    const other = await openTab(context, '/shows/chamber');
    await textOf(other, 'book-btn').toBe('Check out 1 seat · €28.00');
    // Each request waits for the other, so each tab clicks before it shows the other's order.
    let requests = 0;
    for (const tab of [page, other]) {
      await tab.route('**/api/shows/chamber/orders', async (route) => {
        if (route.request().method() === 'POST') {
          requests++;
          await expect.poll(() => requests, patience).toBe(2);
        }
        await route.continue();
      });
    }
    await Promise.all(
      [page, other].map((tab) => tab.locator('#book-btn').evaluate((button: HTMLElement) => button.click())),
    );
    await Promise.all([page, other].map((tab) => tab.waitForURL('**/orders/*')));
    expect(other.url()).toBe(page.url());
  });

  test('[G8] [R869] another user does not see the order', async () => {
    const { page } = await open();
    await checkOutBest(page, 1);
    const context = await pages.browser.newContext();
    onTestFinished(() => context.close());
    const stranger = await openTab(context, new URL(page.url()).pathname);
    await textOf(stranger, 'no-order').toContain('There is no such order in this browser');
    expect(await stranger.locator('body').innerText()).not.toMatch(/€|Row/);
  });

  test('[R869] a lost connection is shown, and the page recovers by itself', async () => {
    const { page, context } = await open();
    await checkOutBest(page, 1);
    const tab = await openTab(context, new URL(page.url()).pathname);
    await titleOf(tab).toMatch(/^Pay/);
    await tab.route('**/api/orders/*', (route) => route.abort());
    await textOf(tab, 'order-trouble').toContain('Nothing is lost. Trying again');
    await titleOf(tab).toMatch(/^Pay/);
    await tab.unroute('**/api/orders/*');
    await expect.poll(() => tab.locator('#order-trouble').isVisible()).toBe(false);
  });

  test('[R869] without JavaScript the page shows that it needs it', async () => {
    const context = await pages.browser.newContext({ javaScriptEnabled: false });
    onTestFinished(() => context.close());
    const page = await openTab(context, '/orders/any');
    expect(await page.locator('main').innerText()).toContain('JavaScript is off.');
    expect(await page.locator('button:visible').count()).toBe(0);
  });

  test('[R869] with cookies blocked, the user is warned before an order is created', async () => {
    const proxy = await startHttpProxy(pages.venue.url, { stripsCookies: true });
    onTestFinished(() => proxy.close());
    const context = await pages.browser.newContext();
    onTestFinished(() => context.close());
    const page = await openTab(context, '/shows/chamber', proxy.url);
    await page.locator('#connection-status.connected').waitFor();
    await page.locator('#best-1').click();
    await page.locator('#selected-info').waitFor();
    await page.locator('#book-btn').click();
    await textOf(page, 'messages').toContain('Allow cookies for this site');
    expect(proxy.requests.filter((request) => request.endsWith('/orders'))).toEqual([]);
    await page.locator('#release-btn').click();
  });

  test('[R872] the pay page takes a card where browsers send no Fetch Metadata: over plain HTTP beyond this machine', async () => {
    const proxy = await startHttpProxy(pages.venue.url, { dropsFetchMetadata: true });
    onTestFinished(() => proxy.close());
    const { page } = await pages.open({}, `${proxy.url}/shows/chamber`);
    await checkOutBest(page, 1);
    await goToPayPage(page);
    await payWith(page, cards.approved);
    await titleOf(page).toBe('Your ticket');
  });
});

test.each([
  [320, 568],
  [390, 844],
  [568, 320],
])(
  '[R870] with six seats at %i × %i the panel leaves the map its half, and the button to check out is seen whole',
  async (width, height) => {
    const { page } = await open({ viewport: { width, height }, isMobile: true, hasTouch: true });
    await page.locator('#best-6').tap();
    await textOf(page, 'book-btn').toMatch(/^Check out 6 seats · €\d+\.00$/);
    await expect
      .poll(() =>
        page.evaluate(() => {
          const panel = document.querySelector('.actions')?.getBoundingClientRect() ?? new DOMRect();
          const button = document.querySelector('#book-btn') as HTMLElement;
          const { top, bottom, right } = button.getBoundingClientRect();
          const part = panel.width < innerWidth ? panel.width / innerWidth : panel.height / innerHeight;
          const room = document.querySelector('#selected-info')?.getBoundingClientRect() ?? new DOMRect();
          const isInPanel = right <= room.right && button.scrollWidth <= button.clientWidth;
          const isWhole = top >= 0 && bottom <= innerHeight && isInPanel;
          return { isLow: part <= 0.5, isWhole };
        }),
      )
      .toEqual({ isLow: true, isWhole: true });
    await page.locator('#release-btn').click();
  },
);

describe.each([
  ['a phone', 320, 568, 'light'],
  ['a desk', 1200, 850, 'dark'],
] as const)('on %s (%i × %i, %s)', { timeout }, (_what, width, height, colorScheme) => {
  const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

  test('[R870] axe finds nothing, nothing is cut off, and it works by keyboard alone', {
    timeout: 120_000,
  }, async () => {
    const { page } = await open({ viewport: { width, height }, colorScheme });
    const check = async (what: string) => {
      expect(await axeFaults(page), what).toEqual([]);
      expect(await fits(page), what).toBeLessThanOrEqual(0);
    };
    await page.locator('#best-2').press('Enter');
    await expect.poll(() => page.locator('#hold-list li').count()).toBe(2);
    await check('the seats');
    await page.locator('#book-btn').press('Enter');
    await page.locator('#pay-link:visible').waitFor();
    await check('the order');
    await page.locator('#cancel-btn').press('Enter');
    await check('the question before a cancellation');
    await page.keyboard.press('Escape');
    await focusOf(page).toBe('cancel-btn');
    await page.keyboard.press('Shift+Tab');
    await focusOf(page).toBe('pay-link');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sandbox/*');
    await check('the pay page');
    await page.getByLabel('Card number').press('Tab');
    await page.getByLabel('Card number').fill(cards.declined);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await check('a declined card');
    await page.getByRole('link', { name: 'Back to the shop' }).press('Enter');
    await titleOf(page).toBe('The payment failed');
    await check('a failed payment');
    await page.locator('#pay-btn').press('Enter');
    await page.waitForURL('**/sandbox/*');
    await payWith(page, cards.approved);
    await titleOf(page).toBe('Your 2 tickets');
    await check('the tickets');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.qr').count()).toBe(2);
    expect(await page.locator('button:visible').count(), 'nothing to press on paper').toBe(0);
    expect(await readQrCodes(pages.browser, page)).toEqual(await page.locator('.ticket-code').allInnerTexts());
    await page.emulateMedia({ media: 'screen' });
    await page.locator('#to-show').click();
    await page.locator('#order-list a').waitFor();
    await check('the map with tickets');
  });
});
