import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

/** `PICTURES_DIR=docs npx vitest run test/e2e/pictures` renews those of the README. */
const folder = process.env.PICTURES_DIR ?? '.test-data/pictures';
const size = { width: 640, height: 990 };

let venue: TestVenue;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  [venue, browser] = await Promise.all([startVenue(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await venue?.stop();
});

async function picture(page: Page, name: string): Promise<Buffer> {
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  return readFileSync(path);
}

test('two browsers on one seat', { timeout: 60_000 }, async () => {
  const [one, two] = await Promise.all([openPage(browser, venue.url), openPage(browser, venue.url)]);
  for (const { page } of [one, two]) await page.setViewportSize(size);
  for (const id of ['B3', 'B4', 'E9', 'G2']) {
    await two.page.locator(`#seat-${id}`).click();
    await two.page.locator('#book-btn').click();
    await one.page.locator(`#seat-${id}.booked`).waitFor();
  }
  await two.page.locator('#seat-H8').click();
  await one.page.locator('#seat-D5').click();
  await two.page.locator('#seat-D5.held').waitFor();
  await two.page.locator('#seat-D5').click();
  await one.page.locator('#seat-H8.held').waitFor();

  const shots = [await one.page.screenshot(), await two.page.screenshot()].map((png) => png.toString('base64'));
  const frame = await (await browser.newContext({ viewport: { width: 1320, height: 1030 } })).newPage();
  await frame.setContent(`<style>
    body { margin: 20px; display: flex; gap: 20px; background: #dfe3ea }
    img { width: 630px; border-radius: 10px; box-shadow: 0 2px 12px #0003 }
  </style>${shots.map((shot) => `<img src="data:image/png;base64,${shot}">`).join('')}`);
  expect((await picture(frame, 'two-browsers')).length).toBeGreaterThan(10_000);
});
