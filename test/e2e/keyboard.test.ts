import { describe, expect, test } from 'vitest';
import { classOf, focusOf, hasClass, post, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

describe('with the keyboard only', () => {
  const pages = usePages(startEmbedded);

  test('[R118] the map is one tab stop that keeps its position; the skip link leads to it', async () => {
    const { page } = await pages.open();
    await expect.poll(() => page.locator('#seat-map [tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Tab');
    await focusOf(page).toBe('skip-link');
    await page.keyboard.press('Enter');
    await focusOf(page).toBe('seat-A1');
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await focusOf(page).toBe('seat-B3');
    await expect.poll(() => page.locator('#seat-map [tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await focusOf(page).toBe('seat-B3');
    for (const [key, id] of [
      ['End', 'B10'],
      ['Home', 'B1'],
      ['Control+End', 'J10'],
      ['ArrowRight', 'J10'],
      ['PageUp', 'A10'],
      ['Control+Home', 'A1'],
    ] as const) {
      await page.keyboard.press(key);
      await focusOf(page).toBe(`seat-${id}`);
    }
  });

  test('[R118] a seat is held, booked and released without a mouse, and the focus is never lost', async () => {
    const { page } = await pages.open();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    for (const key of ['ArrowDown', 'ArrowDown', 'Space']) await page.keyboard.press(key);
    await classOf(page, 'seat-C1').toMatch(hasClass('mine'));
    await focusOf(page).toBe('seat-C1');
    await page.keyboard.press('Tab');
    await focusOf(page).toBe('book-btn');
    await page.keyboard.press('Enter');
    await classOf(page, 'seat-C1').toMatch(hasClass('booked'));
    await focusOf(page).toBe('seat-C1');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await classOf(page, 'seat-C2').toMatch(hasClass('mine'));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await classOf(page, 'seat-C2').toMatch(hasClass('available'));
    await focusOf(page).toBe('seat-C2');
  });

  test('[R118] taken seats can be reached, say that they are taken, and keep the focus when they change', async () => {
    const { page } = await pages.open();
    await post(pages.venue, 'select', 'D2');
    await classOf(page, 'seat-D2').toMatch(hasClass('held'));
    await seat(page, 'D1').focus();
    await page.keyboard.press('ArrowRight');
    await focusOf(page).toBe('seat-D2');
    await expect.poll(() => seat(page, 'D2').getAttribute('aria-label')).toBe('Row D, seat 2, held by someone else');
    await post(pages.venue, 'book', 'D2');
    await classOf(page, 'seat-D2').toMatch(hasClass('booked'));
    await focusOf(page).toBe('seat-D2');
    await page.keyboard.press('Enter');
    await textOf(page, 'messages').toContain('D2 is already booked.');
    // The offered seat is the next tab stop.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.seat.held.mine').count()).toBe(1);
    await focusOf(page).toMatch(/^seat-/);
  });

  test('[R117] changes by other users are announced as a count, not one by one', { timeout: 60_000 }, async () => {
    const { page } = await pages.open();
    for (const id of ['H1', 'H2', 'H3']) await post(pages.venue, 'select', id);
    await post(pages.venue, 'release', 'H3');
    await expect
      .poll(() => page.locator('#polite').textContent(), { timeout: 30_000 })
      .toMatch(/Others took 3 seats and freed 1\. \d+ are available\./);
    await expect.poll(() => page.locator('#polite p').count()).toBe(1);
  });
});
