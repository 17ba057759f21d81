import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Route } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const day = 86_400_000;
const at = (ms: number) => new Date(Date.now() + ms).toISOString().replace(/\.\d+/, '');

/** A folder with shows before, in and after their sale. */
function showsDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'shows-'));
  const show = (name: string, times: object) => ({
    name,
    starts_at: at(9 * day),
    currency: 'EUR',
    ticket_types: ['adult', 'child'],
    categories: [{ name: 'Standard', colour: '#1e8449' }],
    prices: { Standard: { adult: 2500, child: 1200 } },
    layout: { sections: [{ name: 'Hall', rows: 4, seats: 8, category: 'Standard' }] },
    ...times,
  });
  const files = {
    open: show('Open <b>night</b>', {}),
    soon: show('Soon on sale', { sale_opens_at: at(2 * day) }),
    over: show('Sold till yesterday', { sale_opens_at: at(-9 * day), sale_closes_at: at(-day) }),
  };
  for (const [id, file] of Object.entries(files)) writeFileSync(join(dir, `${id}.json`), JSON.stringify(file));
  return dir;
}

describe('the pages of shows', () => {
  const pages = usePages(() => startEmbedded({ env: { SHOWS_DIR: showsDir() } }));

  async function openPlain(path: string, options = {}) {
    const context = await pages.browser.newContext(options);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const response = await page.goto(`${pages.venue.url}${path}`);
    return { page, status: response?.status() };
  }

  test('[R559] without JavaScript the list and the page show the seats on sale, times and prices', async () => {
    const { page } = await openPlain('/shows', { javaScriptEnabled: false });
    const list = await page.locator('#shows').innerText();
    expect(list).toContain('Open <b>night</b>');
    expect(list).toMatch(/On sale from .* UTC/);
    expect(list).toContain('Sale closed');
    expect(list).toContain('32 seats · €12.00 – €25.00');
    expect(await axeFaults((await openPlain('/shows')).page)).toEqual([]);
    await page.getByText('Soon on sale').click();
    await expect.poll(() => page.locator('h1').innerText()).toBe('Soon on sale');
    await expect.poll(() => page.locator('#show-facts').innerText()).toMatch(/UTC.*On sale from/s);
    await expect.poll(() => page.locator('.prices').innerText()).toMatch(/Standard\s+€25\.00\s+€12\.00/);
    expect(await page.locator('button').count(), 'nothing to press').toBe(0);
    await expect.poll(() => page.locator('main').innerText(), { message: '[R658]' }).toContain('Free seats: 32 of 32');
    await expect.poll(() => page.locator('main').innerText()).toContain('need JavaScript');
    await page.getByRole('link', { name: 'All shows', exact: true }).click();
    await expect.poll(() => page.locator('h1').innerText()).toBe('Shows');
  });

  test('[R559] the script writes times in the language and time zone of the user', async () => {
    const { page } = await openPlain('/shows', { locale: 'de-DE', timezoneId: 'Asia/Tokyo' });
    await expect.poll(() => page.locator('time').first().innerText()).not.toContain('UTC');
    await expect.poll(() => page.locator('time').first().innerText()).toMatch(/\d\. [A-ZÄ]/);
  });

  test('[R557] before and after the sale the page shows that, and no seat can be chosen', async () => {
    for (const [id, text] of [
      ['soon', /^The sale begins /],
      ['over', /^The sale is closed\.$/],
    ] as const) {
      const { page } = await pages.open({}, `${pages.venue.url}/shows/${id}`);
      await textOf(page, 'lead').toMatch(text);
      await page.locator('#seat-A1').click({ force: true });
      await textOf(page, 'messages').toMatch(text);
      await page.locator('#best-2').click({ force: true });
      await expect.poll(() => page.locator('.seat.mine').count()).toBe(0);
      await expect.poll(() => page.locator('.map-grid').getAttribute('aria-disabled')).toBe('true');
    }
  });

  test('[R656] a show that cannot be opened shows the reason, and opens as soon as it can', async () => {
    const context = await pages.browser.newContext({ reducedMotion: 'reduce' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const error = { code: 'STORE_UNAVAILABLE', message: 'The store is unavailable', retryable: true };
    let isUp = false;
    const fail = (status: number, body: unknown) => (route: Route) =>
      isUp ? route.continue() : route.fulfill({ status, json: body });
    await page.route(`${pages.venue.url}/shows/open`, async (route) => {
      const response = await route.fetch();
      // As the proxy's own file, which has no details.
      await route.fulfill({ response, body: (await response.text()).replace('id="show-details"', '') });
    });
    await page.route('**/api/shows/open', fail(503, { success: false, error }));
    await page.goto(`${pages.venue.url}/shows/open`);
    await textOf(page, 'show-trouble').toBe('This show cannot be opened now. The store is unavailable. Trying again…');
    expect(await page.locator('#available-count').isVisible(), 'no empty count').toBe(false);
    expect(await page.locator('#hold-rules').isVisible(), 'no empty rule').toBe(false);
    await page.unroute('**/api/shows/open');
    await page.route('**/api/shows/open', fail(409, '<html>'));
    await textOf(page, 'show-trouble').toContain('the server replied 409');
    isUp = true;
    await page.locator('#connection-status.connected').waitFor();
    await expect.poll(() => page.locator('#show-trouble').isVisible()).toBe(false);
    await textOf(page, 'count').toMatch(/^\d+$/);
  });

  test('[R656] a refused connection of a page without seats shows the reason', async () => {
    const context = await pages.browser.newContext({ reducedMotion: 'reduce' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.routeWebSocket('**/ws', (socket) => {
      socket.onMessage((text) => {
        const { request_id } = JSON.parse(String(text)) as { request_id?: string };
        const data = { code: 'STORE_UNAVAILABLE', message: 'The store is unavailable', retryable: true };
        socket.send(JSON.stringify({ type: 'ERROR', request_id, data }));
      });
    });
    await page.goto(`${pages.venue.url}/shows/open`);
    await textOf(page, 'show-trouble').toContain('The store is unavailable. Trying again…');
    expect(await page.locator('.message').count(), 'said once').toBe(0);
  });

  test('[R656] a plan that has just changed is read again with the details', async () => {
    const context = await pages.browser.newContext({ reducedMotion: 'reduce' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.route(`${pages.venue.url}/shows/open`, async (route) => {
      const response = await route.fetch();
      const html = (await response.text()).replaceAll(/("plan":"|\/plan\/)[0-9a-f]+/g, '$1aaaa');
      await route.fulfill({ response, body: html });
    });
    await page.goto(`${pages.venue.url}/shows/open`);
    await page.locator('#connection-status.connected').waitFor();
    expect(await page.locator('#unknown-show').isVisible()).toBe(false);
  });

  test('[R559] a show that does not exist is a 404 with a link to the list', async () => {
    const { page, status } = await openPlain('/shows/nowhere');
    expect(status).toBe(404);
    await expect.poll(() => page.locator('#unknown-show').isVisible()).toBe(true);
    await page.locator('#unknown-show a').click();
    await expect.poll(() => page.locator('.show').count()).toBe(4);
  });

  test('[R566] prices that changed are shown after the next reconnection', async () => {
    const { page, context } = await pages.open({}, `${pages.venue.url}/shows/open`);
    await page.locator('#best-1').click();
    await textOf(page, 'sum-amount').toBe('€25.00');
    await page.route('**/api/shows/open', async (route) => {
      const response = await route.fetch();
      const details = (await response.json()) as { categories: { prices: Record<string, number> }[] };
      for (const { prices } of details.categories) prices.adult = 9900;
      await route.fulfill({ response, json: details });
    });
    await context.setOffline(true);
    await page.locator('#connection-status.disconnected').waitFor();
    await context.setOffline(false);
    await textOf(page, 'sum-amount').toBe('€99.00');
  });

  test('[R566] the default show has a page of shows too', async () => {
    const { page } = await pages.open({}, `${pages.venue.url}/shows/main`);
    await expect.poll(() => page.locator('.map-grid .seat').count()).toBe(100);
    await page.locator('#best-3').click();
    await expect.poll(() => page.locator('.seat.held.mine').count()).toBe(3);
    expect(await page.locator('#sum').isVisible(), 'without prices there is no sum').toBe(false);
  });
});

describe('prices that change while the page is open', () => {
  const pages = usePages(startEmbedded);

  test.each(['chamber', 'arena'])(
    '[R1052] prices that changed are in the filters, the sections, the list and the names of seats of %s',
    async (show) => {
      const { page, context } = await pages.open({}, `${pages.venue.url}/shows/${show}`);
      const prices = () => page.locator('.filter strong, .area-price, .list-price').allTextContents();
      const names = () =>
        page.locator('.seat, .area').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label') ?? ''));
      await page.getByRole('button', { name: 'List' }).click();
      await page.locator('.seat-list details:not([open]) > summary').first().click();
      const rows = page.locator('.list-rows details:not([open]) > summary');
      await rows.first().click();
      await page.locator('.list-seats .seat').first().waitFor();
      const isNew = (text: string) => !text.includes('€') || text.includes('€99');
      expect((await prices()).some(isNew), 'the control: old prices').toBe(false);
      expect((await names()).some((name) => name.includes('€99'))).toBe(false);
      await page.route(`**/api/shows/${show}`, async (route) => {
        const response = await route.fetch();
        const details = (await response.json()) as { categories: { prices: Record<string, number> }[] };
        for (const category of details.categories) {
          for (const type of Object.keys(category.prices)) category.prices[type] = 9900;
        }
        await route.fulfill({ response, json: details });
      });
      await context.setOffline(true);
      await page.locator('#connection-status.disconnected').waitFor();
      await context.setOffline(false);
      await expect.poll(async () => (await prices()).every((price) => price === '€99')).toBe(true);
      await expect.poll(async () => (await names()).every(isNew)).toBe(true);
    },
  );
});
