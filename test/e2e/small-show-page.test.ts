import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { focusOf, hold, recordAnnouncements, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const heldCount = (page: Page) => expect.poll(() => page.locator('#hold-list li').count());

describe('a small show', () => {
  const pages = usePages(startEmbedded);
  const open = (options = {}) => pages.open(options, `${pages.venue.url}/shows/chamber`);

  test('[R651] each held seat has a choice of ticket type; the sum follows, and a reload keeps it', async () => {
    const { page } = await open();
    await textOf(page, 'best-hint').toContain('From €14 a seat.');
    await seat(page, 'C5').click();
    await seat(page, 'C6').click();
    await heldCount(page).toBe(2);
    await textOf(page, 'sum-amount').toBe('€90.00');
    const announced = await recordAnnouncements(page);
    const choice = page.getByLabel('Ticket for C5');
    await expect.poll(() => choice.locator('option').allInnerTexts()).toEqual(['adult €45.00', 'child €20.00']);
    await choice.focus();
    await page.keyboard.press('ArrowDown');
    await textOf(page, 'sum-amount').toBe('€65.00');
    await expect.poll(announced).toContainEqual(['polite', 'Total €65.00']);
    await page.reload();
    await textOf(page, 'sum-amount').toBe('€65.00');
    await expect.poll(() => choice.inputValue()).toBe('child');
    await page.locator('#hold-C5').click();
    await heldCount(page).toBe(1);
    await seat(page, 'C5').click();
    await textOf(page, 'sum-amount').toBe('€90.00');
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R652] wheelchair spaces and companion seats are held after an offer, by mouse, keyboard and list', async () => {
    const { page } = await open();
    await seat(page, 'J1').click();
    await textOf(page, 'messages').toContain('J1 is a wheelchair space, without a chair. Hold it?');
    await seat(page, 'J11').press('Enter');
    await textOf(page, 'messages').toContain('J11 is a seat for the companion of a wheelchair user. Hold it?');
    await page.getByRole('button', { name: 'List' }).click();
    await page.locator('.list-rows summary', { hasText: 'Row J' }).click();
    await seat(page, 'J12').click();
    await textOf(page, 'messages').toContain('J12 is a wheelchair space');
    expect(await page.locator('.seat.mine').count(), 'nothing is held yet').toBe(0);
    await page.getByRole('button', { name: 'Hold J12' }).click();
    await seat(page, 'J12').and(page.locator('.held.mine')).waitFor();
    await expect.poll(() => page.locator('.message', { hasText: 'Hold it?' }).count()).toBe(0);
    await seat(page, 'J11').click();
    await heldCount(page).toBe(2);
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R652] the filter for wheelchair spaces requests them', async () => {
    const { page } = await open();
    await page.locator('.filter', { hasText: 'Wheelchair' }).click();
    await seat(page, 'J1').click();
    await heldCount(page).toBe(1);
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R653] the reason why no seat can be chosen disappears when it ends', async () => {
    const { page, context } = await open();
    await context.setOffline(true);
    await page.locator('#connection-status.disconnected').waitFor();
    await seat(page, 'D5').click({ force: true });
    await textOf(page, 'messages').toContain('Not connected.');
    await context.setOffline(false);
    await page.locator('#connection-status.connected').waitFor();
    // Sooner than any message disappears by itself.
    await expect.poll(() => page.locator('#messages').innerText(), { timeout: 5_000 }).not.toContain('Not connected.');
    await seat(page, 'D5').click();
    await heldCount(page).toBe(1);
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R654] booked seats are named once, and as ranges', async () => {
    const { page } = await open();
    await seat(page, 'H5').click();
    await seat(page, 'H6').click();
    await heldCount(page).toBe(2);
    const announced = await recordAnnouncements(page);
    await page.locator('#book-btn').click();
    await textOf(page, 'booked-seats').toBe('H5–H6');
    await textOf(page, 'messages').toBe('Booked. The 2 seats are yours.');
    await expect.poll(announced).toContainEqual(['polite', 'H5 and H6 are booked. They are yours.']);
  });

  test('[R655] the map shows on which sides it continues', async () => {
    const { page } = await open({ viewport: { width: 320, height: 568 } });
    const box = page.locator('.map-viewport:visible');
    const sides = () =>
      box.evaluate(({ classList }) => [...classList].filter((name) => name.startsWith('more-')).sort());
    await box.evaluate((element) => element.scrollTo(0, 0));
    await expect.poll(sides).toEqual(['more-below', 'more-right']);
    expect(await box.evaluate((element) => getComputedStyle(element).maskImage)).toContain('gradient');
    await box.evaluate((element) => element.scrollTo(element.scrollWidth, element.scrollHeight));
    await expect.poll(sides).toEqual(['more-above', 'more-left']);
  });

  test('[R655] a hall of twelve seats in a row fits on a phone of 390 px', async () => {
    const { page } = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    const box = page.locator('.map-viewport:visible');
    expect(await box.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    expect((await seat(page, 'A1').boundingBox())?.width).toBeGreaterThanOrEqual(24);
  });

  test('[R550] it is shown whole, with its aisle; arrow keys cross it', async () => {
    const { page } = await open({ viewport: { width: 1200, height: 800 } });
    await expect.poll(() => page.locator('.map-grid .seat').count()).toBe(120);
    expect(await page.locator('.area, .map-back:visible').count()).toBe(0);
    const x = async (id: string) => (await seat(page, id).boundingBox())?.x ?? 0;
    const gaps = [(await x('J6')) - (await x('J5')), (await x('J7')) - (await x('J6'))];
    expect(Math.max(...gaps)).toBeGreaterThan(1.3 * Math.min(...gaps));
    await seat(page, 'J6').focus();
    await page.keyboard.press('ArrowRight');
    await focusOf(page).toBe('seat-J7');
    await page.keyboard.press('ArrowUp');
    await focusOf(page).toBe('seat-I7');
  });

  test('[R556] a choice that leaves a single seat gets a better one, which one press takes', async () => {
    const { page } = await open();
    await seat(page, 'F2').click();
    await page.locator('#single-seats').waitFor();
    await textOf(page, 'single-seats-text').toContain('F1');
    await textOf(page, 'single-seats-btn').toMatch(/^Take F\d+ instead$/);
    await page.locator('#single-seats-btn').click();
    await expect.poll(() => page.locator('#single-seats').isVisible()).toBe(false);
    await heldCount(page).toBe(1);
    await expect.poll(() => seat(page, 'F2').getAttribute('class')).toContain('available');
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R564] the page works over HTTP if WebSockets are blocked', async () => {
    const context = await pages.browser.newContext({ reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.addInitScript(() => {
      class Blocked extends EventTarget {
        readyState = 0;
        constructor() {
          super();
          setTimeout(() => this.dispatchEvent(new CloseEvent('close', { code: 1006 })));
        }
        close() {}
        send() {}
      }
      Object.assign(window, { WebSocket: Blocked });
    });
    try {
      await page.goto(`${pages.venue.url}/shows/chamber`);
      await page.locator('#connection-status.connected').waitFor();
      await page.locator('#best-2').click();
      await heldCount(page).toBe(2);
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    } finally {
      await context.close();
    }
  });
});

describe('the panel on a phone', () => {
  const pages = usePages(startEmbedded);

  test.each([
    ['/', 320, 568],
    ['/shows/chamber', 320, 568],
    ['/shows/arena', 320, 568],
    ['/shows/chamber', 390, 844],
    ['/shows/chamber', 844, 390],
    ['/shows/arena', 568, 320],
  ])(
    '[R659] %s with six seats at %i × %i: it leaves the map its half, and its buttons are seen',
    async (path, width, height) => {
      const { page } = await pages.open(
        { viewport: { width, height }, isMobile: true, hasTouch: true },
        `${pages.venue.url}${path}`,
      );
      if (path === '/') for (let nth = 1; nth <= 6; nth++) await hold(page, `E${nth}`);
      else await page.locator('#best-6').tap();
      await heldCount(page).toBe(6);
      await expect
        .poll(() =>
          page.evaluate(() => {
            const panel = document.querySelector('.actions')?.getBoundingClientRect() ?? new DOMRect();
            const button = document.querySelector('#book-btn')?.getBoundingClientRect() ?? new DOMRect();
            const part = panel.width < innerWidth ? panel.width / innerWidth : panel.height / innerHeight;
            return { isLow: part <= 0.5, isButtonSeen: button.top >= 0 && button.bottom <= innerHeight };
          }),
        )
        .toEqual({ isLow: true, isButtonSeen: true });
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    },
  );

  /** By how much the panel scrolls, and the height of its lowest button. */
  const fitOf = (page: Page) =>
    page.evaluate(() => {
      const panel = document.querySelector('.actions') ?? document.body;
      const heights = [...panel.querySelectorAll<HTMLElement>('button')].map(({ offsetHeight }) => offsetHeight);
      const lowestPx = Math.min(...heights.filter((height) => height > 0));
      return { scrolledPx: panel.scrollHeight - panel.clientHeight, hasSmallTarget: lowestPx < 24 };
    });

  describe.each([
    [320, 568],
    [568, 320],
  ])('[R1051] at %i × %i the panel needs no scrolling', (width, height) => {
    const open = (path: string) =>
      pages.open({ viewport: { width, height }, isMobile: true, hasTouch: true }, `${pages.venue.url}${path}`);
    const fits = { scrolledPx: 0, hasSmallTarget: false };

    test.each(['/', '/shows/chamber', '/shows/arena'])('%s with six seats and the offer to keep them', async (path) => {
      const { page } = await open(path);
      if (path === '/') for (let nth = 1; nth <= 6; nth++) await hold(page, `E${nth}`);
      else await page.locator('#best-6').tap();
      await heldCount(page).toBe(6);
      // As near the end of the hold, without the wait for it.
      await page.locator('#keep-btn').evaluate(({ style }) => style.setProperty('display', 'block', 'important'));
      await page.locator('#keep-btn').waitFor();
      await expect.poll(() => fitOf(page)).toEqual(fits);
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    });

    test('with the offer of other seats in place of single ones', async () => {
      const { page } = await open('/shows/chamber');
      for (const id of ['F2', 'F4']) await seat(page, id).click();
      await page.locator('#single-seats').waitFor();
      await expect.poll(() => fitOf(page)).toEqual(fits);
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    });
  });
});
