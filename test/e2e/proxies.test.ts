import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { classOf, hasClass, hold, post, seat, textOf } from '../support/browser.ts';
import { type HttpProxy, type HttpProxyOptions, startHttpProxy } from '../support/http-proxy.ts';
import { usePages } from '../support/pages.ts';
import { startVenue } from '../support/venue.ts';

const polling = '● Live updates every second (WebSocket blocked)';

/** Polls: a page that has just got its session sends its user to the server, and is disabled meanwhile. */
const mapOf = (page: Page) =>
  expect.poll(() =>
    page.locator('#seat-map').evaluate((map) => ({
      isDimmed: map.classList.contains('dimmed'),
      ariaDisabled: map.ariaDisabled,
      cursor: getComputedStyle(map.querySelector('.seat.available') as Element).cursor,
    })),
  );
const disabled = { isDimmed: true, ariaDisabled: 'true', cursor: 'not-allowed' };
const enabled = { isDimmed: false, ariaDisabled: null, cursor: 'pointer' };

describe('[R326] behind a proxy or a limit', () => {
  const pages = usePages(() => startVenue({ edges: 1 }));

  async function openThrough(options: HttpProxyOptions): Promise<{ page: Page; proxy: HttpProxy }> {
    const proxy = await startHttpProxy(pages.venue.url, options);
    onTestFinished(() => proxy.close());
    const page = await openAt(proxy.url);
    return { page, proxy };
  }

  /** Does not wait for a connection. The console may report the blocked requests. */
  async function openAt(url: string, prepare: (page: Page) => Promise<void> = async () => {}): Promise<Page> {
    const context = await pages.browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await prepare(page);
    await page.goto(url);
    return page;
  }

  test('[R320] [R321] [R322] without Upgrade everything works over HTTP, and a WebSocket takes over as soon as one opens', {
    timeout: 90_000,
  }, async () => {
    const { page, proxy } = await openThrough({ dropsUpgrade: true });
    await textOf(page, 'connection-status').toBe(polling);
    await textOf(page, 'messages').toContain('A proxy blocks WebSockets.');
    await mapOf(page).toEqual(enabled);
    await hold(page, 'A1');
    await textOf(page, 'timer').toMatch(/^(30|29|28|27) s$/);
    await post(pages.venue, 'select', 'A2');
    await classOf(page, 'seat-A2').toMatch(hasClass('held'));
    await seat(page, 'A2').click();
    await textOf(page, 'messages').toContain('A2 is held by someone else.');
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-A1').toMatch(hasClass('booked'));
    await hold(page, 'A3');
    await page.locator('#release-btn').click();
    await classOf(page, 'seat-A3').toBe('seat available');
    const polls = () => proxy.requests.filter((request) => request === 'GET /api/events').length;
    const before = polls();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(polls() - before).toBeLessThanOrEqual(6);
    expect(polls() - before).toBeGreaterThanOrEqual(2);

    proxy.options = {};
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await textOf(page, 'connection-status').toBe('● Connected');
    await hold(page, 'A4');
    expect(await page.locator('#messages').innerText()).not.toContain('lost');
  });

  test('[R320] over HTTP too the page shows that Redis is unavailable, until it replies again', {
    timeout: 90_000,
  }, async () => {
    const { page } = await openThrough({ dropsUpgrade: true });
    await textOf(page, 'connection-status').toBe(polling);
    await pages.venue.redis.kill('SIGSTOP');
    try {
      await expect.poll(() => page.locator('#stale-notice').isVisible()).toBe(true);
    } finally {
      await pages.venue.redis.kill('SIGCONT');
    }
    await expect.poll(() => page.locator('#stale-notice').isVisible()).toBe(false);
    await hold(page, 'B1');
  });

  test('[R324] after a sleep that stopped the clock of the page, the countdown is right with the next reply', {
    timeout: 90_000,
  }, async () => {
    const { page } = await openThrough({ dropsUpgrade: true });
    await textOf(page, 'connection-status').toBe(polling);
    await hold(page, 'B3');
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() - 60_000;
    });
    const shownSeconds = async () => Number.parseInt(await page.locator('#timer').innerText(), 10);
    await expect.poll(shownSeconds).toBeLessThanOrEqual(30);
  });

  test('[R326] a proxy that rewrites Host, and a browser that sends Sec-Fetch-Site: seats are held and booked', async () => {
    const { page } = await openThrough({ rewritesHost: true });
    await hold(page, 'C3');
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-C3').toMatch(hasClass('booked'));
  });

  test('[R326] a proxy that rewrites Host: the page shows that its address is not allowed, and the remedy', async () => {
    const { page, proxy } = await openThrough({ rewritesHost: true, dropsFetchMetadata: true });
    await textOf(page, 'connection-status').toMatch(/^● This address is not allowed\. Next try in \d+ s\.$/);
    await textOf(page, 'messages').toContain(`the server accepts no bookings from ${proxy.url}`);
    await textOf(page, 'messages').toContain('ALLOWED_ORIGINS');
    expect(await page.locator('#messages').innerText()).not.toContain('booking works');
    await mapOf(page).toEqual(disabled);
    await post(pages.venue, 'select', 'C1');
    await classOf(page, 'seat-C1').toMatch(hasClass('held'));
    await page.locator('#messages').evaluate((messages) => messages.replaceChildren());
    await seat(page, 'C2').click({ force: true });
    await textOf(page, 'messages').toContain('This address is not allowed');
    expect(proxy.requests.filter((request) => request === 'POST /api/session')).toHaveLength(1);
  });

  test('[R323] too many visitors: the page shows that, counts down, and retries after the time in Retry-After', async () => {
    let asked = 0;
    let isRefusing = true;
    const page = await openAt(pages.venue.url, async (opened) => {
      await opened.route('**/api/session', async (route) => {
        if (route.request().method() !== 'POST' || !isRefusing) return route.continue();
        asked++;
        await route.fulfill({ status: 429, headers: { 'retry-after': '4' }, json: { success: false } });
      });
    });
    await textOf(page, 'connection-status').toMatch(/^● Too many visitors from your network\. Next try in \d s\.$/);
    await mapOf(page).toEqual(disabled);
    await seat(page, 'D1').click({ force: true });
    await textOf(page, 'messages').toMatch(/Too many visitors from your network\. Next try in \d s\./);
    // The seats stay live.
    await post(pages.venue, 'select', 'D2');
    await classOf(page, 'seat-D2').toMatch(hasClass('held'));
    expect(asked).toBe(1);
    expect(await page.locator('#retry-btn').isVisible()).toBe(false);
    isRefusing = false;
    await textOf(page, 'connection-status').toBe('● Connected');
    await mapOf(page).toEqual(enabled);
    await hold(page, 'D1');
  });

  test('[R325] with cookies blocked the page shows that once, and keeps one user', {
    timeout: 90_000,
  }, async () => {
    const { page, proxy } = await openThrough({ stripsCookies: true });
    await textOf(page, 'connection-status').toBe('● Connected');
    await textOf(page, 'messages').toContain('Cookies are blocked.');
    await hold(page, 'E1');
    const user = await page.locator('#user-id').getAttribute('title');
    expect(proxy.requests.filter((request) => request === 'POST /api/session')).toHaveLength(2);
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-E1').toMatch(hasClass('booked'));
    await expect.poll(() => page.locator('#user-id').getAttribute('title')).toBe(user);
  });

  test('[R325] with cookies and WebSockets blocked the page books as its user', async () => {
    const { page } = await openThrough({ stripsCookies: true, dropsUpgrade: true });
    await textOf(page, 'connection-status').toBe(polling);
    await hold(page, 'F1');
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-F1').toMatch(hasClass('booked'));
  });

  test('[R327] a page that has never been connected looks and acts disabled, and a click shows the reason', async () => {
    const page = await openAt(pages.venue.url, async (opened) => {
      await opened.route('**/api/**', () => {}); // no reply
      await opened.routeWebSocket('**/ws', () => {});
    });
    await seat(page, 'G1').waitFor();
    await mapOf(page).toEqual(disabled);
    await seat(page, 'G1').click({ force: true });
    await textOf(page, 'messages').toContain('Not connected yet.');
    await expect.poll(() => seat(page, 'G1').getAttribute('class')).toBe('seat available');
  });
});
