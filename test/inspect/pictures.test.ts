import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { post, useBrowser } from '../support/browser.ts';
import { startEmbedded } from '../support/servers.ts';

/** `PICTURES_DIR=docs npx vitest run test/inspect/pictures` updates the pictures of the README. */
const folder = process.env.PICTURES_DIR ?? '.test-data/pictures';

test('a watched seat', { timeout: 60_000 }, async () => {
  mkdirSync(folder, { recursive: true });
  const [server, browser] = await Promise.all([startEmbedded({ env: { INSPECT: 'on' } }), useBrowser()]);
  onTestFinished(() => server.stop());
  const page = await browser.newPage({ viewport: { width: 1280, height: 990 }, colorScheme: 'dark' });
  onTestFinished(() => page.close());
  await page.goto(`${server.url}/inspect/live#seat=D5`);
  await page.locator('.cell').first().waitFor();
  const users = ['ann', 'bob', 'eve', 'user_0123456789ab', 'user_fedcba987654'];
  for (const [index, id] of ['B3', 'B4', 'E9', 'G2', 'A7', 'H8', 'C1', 'J10', 'F5', 'F6', 'I2', 'D5'].entries()) {
    const user = users[index % users.length] ?? '';
    await post(server, 'select', id, user);
    if (index % 3 === 0) await post(server, 'book', id, user);
    if (index % 5 === 2) await post(server, 'release', id, user);
  }
  await page.locator('#machine-state.held').waitFor();
  await page.locator('#left').waitFor();
  const png = await page.screenshot({ path: join(folder, 'live-view.png'), animations: 'disabled' });
  expect(png.length).toBeGreaterThan(10_000);
});
