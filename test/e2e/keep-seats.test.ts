import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { focusOf, hold, recordAnnouncements, recordCommands, seat, textOf } from '../support/browser.ts';
import { startHttpProxy } from '../support/http-proxy.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const keepButton = (page: Page) => page.locator('#keep-btn');
const shownSeconds = (page: Page) => page.locator('#timer').innerText().then(Number.parseInt);
const isExtended = (page: Page, fromS: number) =>
  expect.poll(() => shownSeconds(page), { interval: 20 }).toBeGreaterThanOrEqual(fromS);

describe('with holds of 9 s that can be extended twice', () => {
  const pages = usePages(() => startEmbedded({ env: { HOLD_SECONDS: '9', HOLD_EXTENSIONS: '2' } }));

  test('[R482] [R483] [R484] F2 extends all seats by one message, at most twice; screen readers announce the offer before', async () => {
    const { page } = await pages.open();
    const commands = recordCommands(page);
    await page.reload();
    await page.locator('#connection-status.connected').waitFor();
    const announcements = await recordAnnouncements(page);
    await hold(page, 'A1', 'A2');
    expect(await keepButton(page).isVisible()).toBe(false);
    await page.keyboard.press('F2');
    for (let extension = 1; extension <= 2; extension++) {
      await keepButton(page).waitFor();
      expect(await shownSeconds(page)).toBeLessThanOrEqual(6);
      await page.keyboard.press('F2');
      await isExtended(page, 8);
      await keepButton(page).waitFor({ state: 'hidden' });
      await focusOf(page).toBe('seat-A2');
    }
    await textOf(page, 'messages').toMatch(/A1 and A2 are kept for you for [89] s more\./);
    await keepButton(page).waitFor();
    await page.keyboard.press('F2');
    await textOf(page, 'messages').toContain('The time for A1 and A2 cannot be extended any more.');
    await keepButton(page).waitFor({ state: 'hidden' });
    expect(commands.filter((type) => type === 'EXTEND_HOLD')).toHaveLength(3);

    const offers = (await announcements()).filter(([, text]) => text.includes('F2'));
    expect(offers).toHaveLength(3);
    for (const [region, text] of offers) {
      expect(region).toBe('polite');
      expect(text).toMatch(/^[56] s left for A1 and A2\. Press F2, or the button Keep 2 seats, to restart the 9 s\.$/);
    }
  });

  test('[R482] the button shows the key, and with the keyboard the focus goes on to Book', async () => {
    const { page } = await pages.open();
    await hold(page, 'B1');
    await keepButton(page).waitFor();
    await textOf(page, 'keep-btn').toBe('Keep seat F2');
    await expect.poll(() => keepButton(page).getAttribute('aria-keyshortcuts')).toBe('F2');
    expect(await axeFaults(page)).toEqual([]);
    await keepButton(page).focus();
    await page.keyboard.press('Enter');
    await isExtended(page, 8);
    await focusOf(page).toBe('book-btn');
  });

  test('[R482] a tap extends the seats, also where WebSockets are blocked', { timeout: 60_000 }, async () => {
    const proxy = await startHttpProxy(pages.venue.url, { dropsUpgrade: true });
    onTestFinished(() => proxy.close());
    const context = await pages.browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(proxy.url);
    await page.locator('#connection-status.connected').waitFor();
    for (const id of ['C1', 'C2']) {
      await seat(page, id).tap();
      await seat(page, id).and(page.locator('.held.mine')).waitFor();
    }
    await keepButton(page).tap();
    await isExtended(page, 8);
    await page.locator('#book-btn').tap();
    for (const id of ['C1', 'C2']) await seat(page, id).and(page.locator('.booked.mine')).waitFor();
    expect(proxy.requests.filter((request) => /^POST .*(seats|holds)/.test(request))).toEqual([
      'POST /api/shows/main/seats/select',
      'POST /api/shows/main/seats/select',
      'POST /api/shows/main/holds/extend',
      'POST /api/shows/main/holds/book',
    ]);
  });
});

describe('with holds of 20 s', () => {
  const pages = usePages(() => startEmbedded({ env: { HOLD_SECONDS: '20' } }));

  test.each([
    [320, 568],
    [568, 320],
    [844, 390],
  ])('[R487] on a phone of %i × %i six seats, a message and the offer leave the page usable', async (width, height) => {
    const { page } = await pages.open({ viewport: { width, height }, hasTouch: true, isMobile: true });
    await hold(page, 'J1', 'J2', 'J3', 'J4', 'J5', 'J6');
    await seat(page, 'J7').click();
    const message = page.locator('.message', { hasText: 'maximum' });
    await message.waitFor();
    await page.evaluate(() => window.scrollTo(0, 0));
    const book = page.locator('#book-btn');
    const bookBefore = await book.boundingBox();
    await keepButton(page).waitFor();
    const [keep, bookAfter, said, map, panel] = await Promise.all(
      [keepButton(page), book, message, page.locator('main'), page.locator('.actions')].map((part) =>
        part.boundingBox(),
      ),
    );
    for (const button of [keep, bookAfter]) {
      expect(button?.height).toBeGreaterThanOrEqual(24);
      expect(button?.width).toBeGreaterThanOrEqual(24);
      expect((button?.y ?? 0) + (button?.height ?? 0), 'seen without scrolling').toBeLessThanOrEqual(height);
      expect((button?.x ?? 0) + (button?.width ?? 0)).toBeLessThanOrEqual(width);
    }
    expect((said?.y ?? 0) + (said?.height ?? 0)).toBeLessThanOrEqual(height);
    const isBeside = (panel?.x ?? 0) >= (map?.x ?? 0) + (map?.width ?? 0);
    if (!isBeside) {
      expect(panel?.height).toBeLessThanOrEqual(height / 2);
      expect(bookAfter?.y, 'a tap that was meant for Book still hits it').toBe(bookBefore?.y);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.locator('#release-btn').click();
  });
});
