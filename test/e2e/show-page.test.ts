import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { readShow } from '../../src/shows/read-shows.ts';
import { axeFaults } from '../support/axe.ts';
import { focusOf, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { sellHalf } from '../support/sell-half.ts';
import { startEmbedded } from '../support/servers.ts';

const phones = [
  { width: 390, height: 844 },
  { width: 320, height: 568 },
];

const area = (page: Page, name: string) => page.locator(`.area[aria-label^="${name},"]`);
const heldCount = (page: Page) => expect.poll(() => page.locator('#hold-list li').count());

describe('a large show', () => {
  const pages = usePages(startEmbedded);
  const open = (options = {}) => pages.open(options, `${pages.venue.url}/shows/arena`);
  let sold = 0;

  beforeAll(async () => {
    sold = await sellHalf(pages.venue.url, 'arena', readShow('shows/arena.json').plan);
  });

  test('[R550] [R553] [R561] the overview has all sections with their free seats and prices', async () => {
    const { page } = await open();
    await expect.poll(() => page.locator('.area').count()).toBe(26);
    await textOf(page, 'count').toBe(String(9_930 - sold));
    const label = await area(page, 'Block 101').getAttribute('aria-label');
    expect(label).toMatch(/^Block 101, 1\d\d free seats, from €50$/);
    await expect.poll(() => area(page, 'Block 201').getAttribute('aria-label')).toContain('from €25');
    await expect.poll(() => page.locator('.area[tabindex="0"]').count(), { message: 'one tab stop' }).toBe(1);
  });

  test('[R551] [R561] a section opens with its seats; a seat is picked, shown with its price, and summed', async () => {
    const { page } = await open({ viewport: { width: 1200, height: 800 } });
    await area(page, 'Block 106').click();
    await expect.poll(() => page.locator('.map-grid .seat').count()).toBe(270);
    const free = page.locator('.map-grid .seat.available:not(.accessible, .companion)').first();
    const id = await free.getAttribute('data-seat-id');
    await free.hover();
    await expect
      .poll(() => page.locator('.map-caption').innerText())
      .toMatch(/^Block 106, row .*adult €75\.00, child €50\.00/);
    await free.click();
    await seat(page, id ?? '')
      .and(page.locator('.held.mine'))
      .waitFor();
    await textOf(page, 'sum-amount').toBe('€75.00');
    await textOf(page, 'selected-seat').toMatch(/^Block 106 [A-R]\d+$/);
    await page.locator('.map-back').click();
    await expect.poll(() => area(page, 'Block 106').getAttribute('aria-label')).toMatch(/1 yours$/);
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test.each(phones)(
    '[R563] four seats together on a phone of $width × $height: one tap, and they are shown',
    async (viewport) => {
      const { page } = await open({ viewport, hasTouch: true, isMobile: true });
      await page.locator('#best-4').tap();
      await heldCount(page).toBe(4);
      await expect.poll(() => page.locator('.map-grid .seat.held.mine').count()).toBe(4);
      await textOf(page, 'sum-amount').toMatch(/^€\d+\.00$/);
      for (const button of await page.locator('.map-grid .seat.held.mine').all()) {
        const box = await button.boundingBox();
        expect(box?.width).toBeGreaterThanOrEqual(24);
        expect(box?.height).toBeGreaterThanOrEqual(24);
      }
      await expect.poll(() => page.locator('#book-btn').isVisible()).toBe(true);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        'nothing is cut off',
      ).toBeLessThanOrEqual(0);
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    },
  );

  test('[R563] [R552] four seats with the keyboard only, from the overview and back', async () => {
    const { page } = await open();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.area:focus').count()).toBe(1);
    await page.keyboard.press('ArrowRight');
    const name = (await page.locator('.area:focus').getAttribute('aria-label'))?.split(',')[0] ?? '';
    await page.keyboard.press('Enter');
    await focusOf(page).toMatch(/^seat-/);
    const first = await page.evaluate(() => document.activeElement?.id);
    await page.keyboard.press('Enter');
    await page.locator(`#${first}.held.mine`).waitFor();
    for (let taken = 1; taken < 4; ) {
      await page.keyboard.press('ArrowRight');
      const isFree = await page.evaluate(() => document.activeElement?.classList.contains('available'));
      if (!isFree) {
        await page.keyboard.press('Home');
        await page.keyboard.press('ArrowDown');
        if (!(await page.evaluate(() => document.activeElement?.classList.contains('available')))) continue;
      }
      await page.keyboard.press('Enter');
      taken++;
      await heldCount(page).toBe(taken);
    }
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('.area:focus').getAttribute('aria-label')).toContain(`${name},`);
    await page.locator('#release-btn').press('Enter');
    await heldCount(page).toBe(0);
  });

  test('[R558] the list has the functions of the map: section, row, seat, price, filter', async () => {
    const { page } = await open({ viewport: { width: 390, height: 844 } });
    await page.getByRole('button', { name: 'List' }).click();
    await page.locator('summary', { hasText: 'Block 107' }).click();
    await page.locator('.list-rows summary', { hasText: 'Row C' }).first().click();
    const seats = page.locator('.list-seats .seat');
    await expect.poll(() => seats.count()).toBe(15);
    const free = page.locator('.list-seats .seat.available').first();
    await expect
      .poll(() => free.getAttribute('aria-label'))
      .toMatch(/^Block 107, row C, seat \d+, available, from €50\.00$/);
    const before = await page.locator('.list-rows details[open] .list-free').innerText();
    await free.click();
    await heldCount(page).toBe(1);
    await expect.poll(() => page.locator('.list-rows details[open] .list-free').innerText()).not.toBe(before);
    expect(await axeFaults(page), 'with the list open').toEqual([]);
    await page.locator('.filter', { hasText: 'Floor' }).click();
    await expect.poll(() => page.locator('summary', { hasText: 'Block 107' }).innerText()).toContain('none free');
    await page.locator('.list-seats .seat.mine').press('Delete');
    await heldCount(page).toBe(0);
    await page.getByRole('button', { name: 'Map', exact: true }).click();
    await expect.poll(() => page.locator('.area').first().isVisible()).toBe(true);
  });

  test('[R553] a filter changes the counts, and limits the best seats', async () => {
    const { page } = await open();
    await page.locator('.filter', { hasText: 'Lower tier' }).click();
    await expect.poll(() => area(page, 'Block 203').getAttribute('aria-label')).toContain('no free seats');
    await textOf(page, 'best-hint').toContain('in Lower tier');
    await page.locator('#best-2').click();
    await heldCount(page).toBe(2);
    await textOf(page, 'sum-amount').toBe('€150.00');
    await page.locator('#release-btn').click();
    await heldCount(page).toBe(0);
  });

  test('[R562] zoom by buttons, keys, wheel and pinch keeps the point under the pointer', async () => {
    const { page } = await open({ viewport: { width: 1200, height: 800 }, hasTouch: true });
    await area(page, 'Block 106').click();
    const widthOf = () =>
      page
        .locator('.map-grid .seat')
        .first()
        .evaluate((button) => button.getBoundingClientRect().width);
    const initial = await widthOf();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    const larger = await widthOf();
    expect(larger).toBeGreaterThan(initial * 1.2);
    await page.locator('.map-grid .seat[tabindex="0"]').focus();
    await page.keyboard.press('-');
    expect(await widthOf()).toBeCloseTo(initial, 0);
    const box = await page.locator('.map-viewport:visible').boundingBox();
    const middle = { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
    const seatAt = () =>
      page.evaluate(
        ({ x, y }) => document.elementFromPoint(x, y)?.closest<HTMLElement>('.seat')?.dataset.seatId,
        middle,
      );
    await page.mouse.move(middle.x, middle.y);
    const under = await seatAt();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    await expect.poll(widthOf).toBeGreaterThan(initial * 1.2);
    if (under) expect(await seatAt()).toBe(under);
    const wide = await widthOf();
    const client = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apartPx?: number) =>
      client.send('Input.dispatchTouchEvent', {
        type,
        touchPoints:
          apartPx === undefined
            ? []
            : [-1, 1].map((side, id) => ({ ...middle, x: middle.x + (side * apartPx) / 2, id })),
      });
    await touch('touchStart', 120);
    for (const apartPx of [116, 100, 80, 70]) await touch('touchMove', apartPx);
    await touch('touchEnd');
    await expect.poll(widthOf).toBeLessThan(wide * 0.8);
    const smaller = page.getByRole('button', { name: 'Zoom out' });
    for (let nth = 0; nth < 12 && (await smaller.getAttribute('aria-disabled')) === null; nth++) await smaller.click();
    await expect.poll(() => smaller.getAttribute('aria-disabled')).toBe('true');
    expect(await widthOf(), 'never less than 24 px').toBeGreaterThanOrEqual(24);
  });

  test('[R551] the labels of the rows stay visible when the seats are scrolled', async () => {
    const { page } = await open({ viewport: { width: 320, height: 568 } });
    await area(page, 'Block 203').click();
    await page.locator('.map-viewport:visible').evaluate((box) => box.scrollTo(box.scrollWidth, 0));
    await expect
      .poll(() =>
        page.evaluate(() => {
          const label = document.querySelector('.map-row-label')?.getBoundingClientRect();
          const box = [...document.querySelectorAll('.map-viewport')]
            .find((each) => each.checkVisibility())
            ?.getBoundingClientRect();
          return label && box ? label.left - box.left : -1;
        }),
      )
      .toBeGreaterThanOrEqual(0);
  });

  test.each([
    [1200, 800, 'light'],
    [390, 844, 'dark'],
    [320, 568, 'light'],
  ] as const)(
    '[R565] axe finds no fault at %i × %i (%s): overview, section, held seats',
    async (width, height, colorScheme) => {
      const { page } = await open({ viewport: { width, height }, colorScheme });
      expect(await axeFaults(page), 'overview').toEqual([]);
      await page.locator('#best-3').click();
      await heldCount(page).toBe(3);
      await expect.poll(() => page.locator('.map-grid .seat.held.mine').count()).toBe(3);
      expect(await axeFaults(page), 'with three seats').toEqual([]);
      await page.locator('#release-btn').click();
      await heldCount(page).toBe(0);
    },
  );

  test.each(phones)('[R565] every target is at least 24 px at $width × $height', async (viewport) => {
    const { page } = await open({ viewport });
    const small = () =>
      page.evaluate(() =>
        [...document.querySelectorAll('button, summary, .area, a')]
          .filter((target) => target.checkVisibility() && !target.matches('.skip-link'))
          .map((target) => ({
            box: target.getBoundingClientRect(),
            name: target.getAttribute('aria-label') ?? target.textContent,
          }))
          .filter(({ box }) => box.width < 24 || box.height < 24)
          .map(({ box, name }) => `${name}: ${box.width} × ${box.height}`),
      );
    expect(await small(), 'overview').toEqual([]);
    await area(page, 'Block 106').focus();
    await page.keyboard.press('Enter');
    await focusOf(page).toMatch(/^seat-/);
    expect(await small(), 'section').toEqual([]);
  });
});
