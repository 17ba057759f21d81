import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { securityHeaders } from '../../src/http/security-headers.ts';
import { classOf, hasClass, hold, post, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startVenue } from '../support/venue.ts';

describe('before the script runs', () => {
  const pages = usePages(() => startVenue({ edges: 1 }));

  async function openWithoutScript() {
    const context = await pages.browser.newContext({ javaScriptEnabled: false });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(pages.venue.url);
    return page;
  }

  test('[R120] the HTML has the seats, counts and limits, is compressed, and names no user', async () => {
    await post(pages.venue, 'select', 'A1', 'secret-name');
    await post(pages.venue, 'select', 'A2', 'secret-name');
    await post(pages.venue, 'book', 'A2', 'secret-name');
    const response = await fetch(pages.venue.url);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-encoding')).toBe('gzip');
    const html = await response.text();
    expect(html.match(/role="gridcell"/g)).toHaveLength(100);
    expect(html).toContain('aria-label="Row A, seat 1, held by someone else"');
    expect(html).toContain('aria-label="Row A, seat 2, booked"');
    expect(html).toContain('<span id="count">98</span>/<span id="total">100</span>');
    expect(html).toMatch(/id="held-count"[^>]*>1</);
    expect(html).toMatch(/id="max-holds">6</);
    expect(html).not.toContain('secret-name');
    expect(html).not.toMatch(/<!-- (seats|count|available) -->/);
  });

  test('[R120] the ETag stays the same until a seat changes', async () => {
    // `fetch` adds `no-cache` to a conditional request, undici's `request` does not.
    const get = (headers = {}) => request(pages.venue.url, { headers });
    const etag = async () => String((await get()).headers.etag);
    const first = await etag();
    const again = () => get({ 'if-none-match': first });
    expect((await again()).statusCode).toBe(304);
    await post(pages.venue, 'select', 'B1');
    await expect.poll(async () => (await again()).statusCode).toBe(200);
    expect(await etag()).not.toBe(first);
  });

  test('[R124] without JavaScript the page shows the seats and their states, and that booking needs JavaScript', async () => {
    await post(pages.venue, 'select', 'C1');
    const page = await openWithoutScript();
    await expect.poll(() => page.locator('.seat').count()).toBe(100);
    await expect.poll(() => page.locator('#seat-C1').getAttribute('class')).toBe('seat held');
    const { width, height } = (await page.locator('#seat-J10').boundingBox()) ?? { width: 0, height: 0 };
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(24);
    expect(await page.locator('#connection-status').innerText(), 'no connection is announced').toBe('');
    await expect.poll(() => page.locator('noscript').innerText()).toMatch(/Choosing and booking .* need JavaScript/s);
    await post(pages.venue, 'book', 'C1');
    await expect
      .poll(async () => {
        await page.reload();
        return page.locator('#seat-C1').getAttribute('class');
      })
      .toBe('seat booked');
  });

  test('[R120] the script takes over the seats of the HTML', async () => {
    const context = await pages.browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route('**/app.js', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(pages.venue.url, { waitUntil: 'commit' });
    await page.locator('#seat-J10').waitFor();
    const before = await page.locator('#seat-D4').elementHandle();
    letGo();
    await page.locator('#connection-status.connected').waitFor();
    await hold(page, 'D4');
    expect(await before?.evaluate((seat) => seat === document.getElementById('seat-D4'))).toBe(true);
  });

  test('[R120] with no booking process the page loads without seats, and fills in later', {
    timeout: 60_000,
  }, async () => {
    const [booking] = pages.venue.bookings;
    await booking?.kill();
    try {
      const response = await fetch(pages.venue.url);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('id="seat-map"');
      expect(response.headers.get('content-security-policy')).toBe(securityHeaders['content-security-policy']);
      // The edge has the seats.
      const context = await pages.browser.newContext();
      onTestFinished(() => context.close());
      const page = await context.newPage();
      await page.goto(pages.venue.url);
      await expect.poll(() => page.locator('.seat').count()).toBe(100);
      await expect.poll(() => page.locator('#seat-map [tabindex="0"]').count()).toBe(1);
      // Without a session there is no user.
      await textOf(page, 'connection-status').toMatch(/^● The server cannot start your session \(50\d\)\. /);
      await booking?.restart();
      await page.locator('#connection-status.connected').waitFor();
      await hold(page, 'J10');
    } finally {
      if (!(await fetch(`${booking?.url}/health`).catch(() => undefined))) await booking?.restart();
    }
  });

  test('[R121] the policy allows no inline script or style, and is the same at both addresses of the page', async () => {
    for (const path of ['/', '/index.html']) {
      const { headers } = await fetch(new URL(path, pages.venue.url));
      for (const [name, value] of Object.entries(securityHeaders)) expect(headers.get(name), name).toBe(value);
    }
    expect(securityHeaders['content-security-policy']).not.toContain('unsafe');
    const context = await pages.browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(pages.venue.url);
    await page.locator('#connection-status.connected').waitFor();
    const violated = await page.evaluate(async () => {
      const violations: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'window.wasRun = true';
      document.body.append(script);
      document.body.setAttribute('style', 'color: red');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { violations: violations.sort(), wasRun: 'wasRun' in window };
    });
    expect(violated).toEqual({ violations: ['script-src-elem', 'style-src-attr'], wasRun: false });
  });

  test('[R121] the compressed script is at most 40 KB', () => {
    expect(gzipSync(readFileSync('public/app.js')).length).toBeLessThanOrEqual(40 * 1024);
  });

  test.each([
    ['', 320],
    [' beside a scrollbar', 305],
  ])('[R119] [R456] at 320 px%s, without the script, nothing is cut off', async (_, width) => {
    const page = await openWithoutScript();
    await page.setViewportSize({ width, height: 640 });
    const hiddenPx = await page.locator('#seat-map').evaluate((map) => map.scrollWidth - map.clientWidth);
    expect(hiddenPx).toBe(0);
    const right = Math.max(
      ...(await Promise.all(
        ['A10', 'J10'].map(async (id) => {
          const box = await page.locator(`#seat-${id}`).boundingBox();
          return (box?.x ?? 999) + (box?.width ?? 999);
        }),
      )),
    );
    expect(right).toBeLessThanOrEqual(width);
    await classOf(page, 'seat-A10').toMatch(hasClass('seat'));
  });
});
