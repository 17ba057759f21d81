import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { classOf, hasClass, hold, post, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { freePort, startBooking, startEdge, startEmbedded, startNats, startRedis } from '../support/servers.ts';

/** `PICTURES_DIR=docs npx vitest run test/e2e/pictures` updates the pictures of the documents. */
const folder = process.env.PICTURES_DIR ?? '.test-data/pictures';
const pages = usePages(startEmbedded);

beforeAll(() => mkdirSync(folder, { recursive: true }));

/** Puts pages side by side into one picture. */
async function picture(name: string, shown: Page[], width: number): Promise<void> {
  const shots = await Promise.all(shown.map((page) => page.screenshot()));
  const frame = await pages.browser.newPage({ viewport: { width: (width + 20) * shown.length + 20, height: 400 } });
  await frame.setContent(`<style>
    body { margin: 20px; display: flex; gap: 20px; align-items: flex-start; background: #dfe3ea }
    img { width: ${width}px; border-radius: 10px; box-shadow: 0 2px 12px #0003 }
  </style>${shots.map((shot) => `<img src="data:image/png;base64,${shot.toString('base64')}">`).join('')}`);
  const png = await frame.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  expect(png.length).toBeGreaterThan(10_000);
  await frame.close();
}

async function sellSome(): Promise<void> {
  for (const id of ['B3', 'B4', 'E9', 'G2']) {
    await post(pages.venue, 'select', id);
    await post(pages.venue, 'book', id);
  }
}

test('two browsers on one seat', { timeout: 60_000 }, async () => {
  await sellSome();
  const viewport = { width: 640, height: 990 };
  const [one, two] = await Promise.all([pages.open({ viewport }), pages.open({ viewport })]);
  await hold(two.page, 'H8');
  await hold(one.page, 'D5');
  await classOf(two.page, 'seat-D5').toMatch(hasClass('held'));
  await seat(two.page, 'D5').click();
  await textOf(two.page, 'messages').toContain('D5 is held by someone else.');
  await classOf(one.page, 'seat-H8').toMatch(hasClass('held'));
  await picture('two-browsers', [one.page, two.page], 630);
  for (const { page } of [one, two]) await page.locator('#release-btn').click();
});

test('several seats on a desktop, in dark mode', { timeout: 60_000 }, async () => {
  const { page } = await pages.open({ viewport: { width: 1180, height: 900 }, colorScheme: 'dark' });
  await post(pages.venue, 'select', 'H8', 'somebody');
  await hold(page, 'D5', 'D6', 'D7');
  await classOf(page, 'seat-H8').toMatch(hasClass('held'));
  await picture('several-seats', [page], 1180);
  await page.locator('#release-btn').click();
  await post(pages.venue, 'release', 'H8', 'somebody');
});

test('on phones: a lost race, several seats, a lost connection', { timeout: 60_000 }, async () => {
  const phone = { viewport: { width: 375, height: 760 }, deviceScaleFactor: 2 };
  const [lost, several, offline] = await Promise.all([pages.open(phone), pages.open(phone), pages.open(phone)]);
  await hold(several.page, 'D5', 'D6', 'D7');
  await classOf(lost.page, 'seat-D6').toMatch(hasClass('held'));
  await seat(lost.page, 'D6').click();
  await textOf(lost.page, 'messages').toContain('D6 is held by someone else.');
  await hold(offline.page, 'F4');
  await offline.context.setOffline(true);
  await textOf(offline.page, 'connection-status').toBe('● Offline');
  await expect.poll(() => offline.page.locator('#retry-btn').isVisible()).toBe(true);
  await picture('phones', [lost.page, several.page, offline.page], 375);
});

test('the page for operators', { timeout: 60_000 }, async () => {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const env = { STATUS_PEERS: ports.map((port) => `http://127.0.0.1:${port}`).join(',') };
  const links = { redisUrl: redis.url, natsUrl: nats.url, env };
  const bookings = await Promise.all(ports.slice(0, 2).map((port) => startBooking({ ...links, port })));
  const edgeLinks = { natsUrl: nats.url, bookingUrls: bookings.map(({ url }) => url) };
  const edges = await Promise.all(ports.slice(2).map((port) => startEdge({ ...edgeLinks, port })));
  onTestFinished(async () => {
    await Promise.all([...bookings, ...edges].map((server) => server.stop()));
    await Promise.all([redis.stop(), nats.stop()]);
  });
  const [booking] = bookings;
  const page = await pages.browser.newPage({ viewport: { width: 1640, height: 480 } });
  await page.goto(`${booking?.url}/status`);
  await expect.poll(() => page.locator('h1').textContent()).toBe('All processes are ready');
  for (const id of ['A1', 'A2', 'A3']) if (booking) await post(booking, 'select', id);
  // The rates are those since the first reading; the page refreshes itself.
  const commandsPerSecond = page.locator('tbody tr').first().locator('td').nth(3);
  await expect.poll(() => commandsPerSecond.textContent()).toMatch(/\d/);
  await picture('status', [page], 1640);
  await page.close();
});
