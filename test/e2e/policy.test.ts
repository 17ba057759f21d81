import { Redis } from 'ioredis';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { usePages } from '../support/pages.ts';
import { startVenue } from '../support/venue.ts';

const pages = usePages(() =>
  startVenue({ edges: 1, env: { INSPECT: 'on', INSPECTOR_URL: 'http://127.0.0.1:9/inspector' } }),
);

/** Opens a page, and collects the errors in its console, violations of its policy included. */
async function watched(path: string): Promise<{ page: Page; faults: string[] }> {
  const page = await pages.browser.newPage();
  onTestFinished(() => page.close());
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(`${pages.venue.url}${path}`);
  return { page, faults };
}

test('[R236] no page requests anything that its policy forbids', async () => {
  const shown: [string, string][] = [
    ['/', '#connection-status.connected'],
    ['/inspect/live', '.cell'],
    ['/inspect', '#stately-link'],
    ['/api/docs/', '.opblock'],
  ];
  for (const [path, element] of shown) {
    const { page, faults } = await watched(path);
    await page.locator(element).first().waitFor();
    expect(faults, path).toEqual([]);
  }
});

test('[R236] the documentation works under its policy: an operation opens, and can be tried', async () => {
  const { page, faults } = await watched('/api/docs/');
  const operation = page.locator('.opblock', { hasText: '/api/seats' }).first();
  await operation.locator('.opblock-summary-control').click();
  await operation.locator('.try-out__btn').click();
  await operation.locator('.execute').click();
  await operation.locator('.live-responses-table .response .response-col_status', { hasText: '200' }).waitFor();
  expect(faults).toEqual([]);
});

// The API refuses such a name. It is written to Redis directly, as if all checks before the page had failed.
test('[R237] a user name with HTML is shown as text everywhere', async () => {
  const name = '<img src=x onerror="window.wasRun=true"><b class="injected">';
  const [booking] = pages.venue.bookings;
  const redis = new Redis(pages.venue.redis.url);
  onTestFinished(() => redis.disconnect());
  await booking?.kill();
  const seat = { id: 'A1', row: 0, col: 0, status: 2, held_by: name, seq: Number(await redis.incr('venue:seq')) };
  await redis.hset('venue:seats', 'A1', JSON.stringify(seat));
  await redis.set('seat:A1:lock', name);
  const event = ['type', 'booked', 'seat_id', 'A1', 'user_id', name, 'status', '2', 'at_ms', String(Date.now())];
  const epoch = (await redis.get('venue:epoch')) ?? '';
  await redis.xadd('venue:events', `${seat.seq}-0`, ...event, 'epoch', epoch, 'seq', String(seat.seq));
  await booking?.restart();

  const { page } = await watched('/');
  await page.locator('#connection-status.connected').waitFor();
  await page.locator('#seat-A1.booked').click();
  const { page: live } = await watched('/inspect/live#seat=A1');
  await expect.poll(() => live.locator('body').innerText()).toContain('<img');
  for (const shown of [page, live]) {
    expect(await shown.locator('.injected, img[src=x]').count()).toBe(0);
    expect(await shown.evaluate(() => 'wasRun' in window)).toBe(false);
  }
});
