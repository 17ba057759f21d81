import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { post, textOf, useBrowser } from '../support/browser.ts';
import { freePort, startBooking, startEmbedded, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { startStandIn } from './stand-in-inspector.ts';

let browser: Browser;
let server: TestServer;
let standIn: Awaited<ReturnType<typeof startStandIn>>;

const folder = mkdtempSync(join(tmpdir(), 'concert-booking-shows-'));

/** Two sections, and rows of different lengths. */
const studio = {
  name: 'Studio',
  starts_at: '2030-05-18T19:30:00+02:00',
  categories: [{ name: 'All', colour: '#b03a2e' }],
  layout: {
    sections: [
      { name: 'Stalls', rows: 3, seats: 4, seats_step: 1, category: 'All' },
      { name: 'Circle', rows: 2, seats: 5, id_prefix: 'C-', first_seat: 11, distance: 200, category: 'All' },
    ],
  },
};

const wide = {
  ...studio,
  name: 'Wide',
  layout: { sections: [{ name: 'Hall', rows: 3, seats: 40, category: 'All' }] },
};

/** With the shows that ship, too: `chamber` has 120 seats, `arena` 9,930. */
beforeAll(async () => {
  cpSync('shows', folder, { recursive: true });
  writeFileSync(join(folder, 'studio.json'), JSON.stringify(studio));
  writeFileSync(join(folder, 'wide.json'), JSON.stringify(wide));
  standIn = await startStandIn();
  const env = { INSPECT: 'on', INSPECTOR_URL: standIn.url, HOLD_SECONDS: '600', SHOWS_DIR: folder };
  [browser, server] = await Promise.all([useBrowser(), startEmbedded({ env })]);
});
afterAll(async () => {
  await server?.stop();
  await standIn?.stop();
  rmSync(folder, { recursive: true });
});

async function open(path: string, { width = 1200, url = server.url } = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 844 }, reducedMotion: 'reduce' });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // The stand-in has no icon.
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(message.text());
  });
  onTestFinished(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${url}${path}`);
  return page;
}

async function openLive(query: string, options: { width?: number; url?: string } = {}): Promise<Page> {
  const page = await open(`/inspect/live${query}`, options);
  await textOf(page, 'status').toContain('Live from');
  return page;
}

async function hold(show: string, seats: string[], { url = server.url, user_id = 'ann' } = {}): Promise<void> {
  const reply = await fetch(`${url}/api/shows/${show}/holds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seats, user_id }),
  });
  expect(await reply.json()).toMatchObject({ success: true });
}

const cell = (page: Page, id: string) => page.locator(`.cell[data-seat-id="${id}"]`);
const cellIds = (page: Page) =>
  expect.poll(() => page.locator('.cell').evaluateAll((all) => all.map((each) => each.getAttribute('data-seat-id'))));
const addressOf = (page: Page) => {
  const { pathname, search, hash } = new URL(page.url());
  return pathname + search + hash;
};

describe('[R616] the live view of a show', () => {
  test('is chosen in a list and kept in the address; the title and the messages name it', async () => {
    const page = await openLive('#seat=A2');
    expect(await page.title()).toBe('Statecharts, live');
    await textOf(page, 'status').toMatch(/^Live from/);
    expect(await page.locator('#show option').allInnerTexts()).toEqual([
      'Main',
      'Summer night in the arena',
      'String quartet in the chamber hall',
      'Studio',
      'Wide',
    ]);
    await page.locator('#show').selectOption('chamber');
    await textOf(page, 'status').toMatch(/^String quartet in the chamber hall · Live from/);
    expect(await page.title()).toBe('String quartet in the chamber hall · Statecharts, live');
    await expect.poll(() => page.locator('.cell').count()).toBe(120);
    await page.locator('.cell[data-seat-id=C5]').click();
    await textOf(page, 'machine-place').toBe('Hall, row C, seat 5');
    expect(addressOf(page)).toBe('/inspect/live?show=chamber#seat=C5');
    await expect.poll(() => page.locator('#stately-link').getAttribute('href')).toBe('/inspect?show=chamber&seat=C5');
    await hold('chamber', ['C5']);
    await post(server, 'select', 'A2');
    await textOf(page, 'machine-state').toBe('held');
    await expect
      .poll(() => cell(page, 'A2').getAttribute('class'), { message: 'the seat of the other show' })
      .toBe('cell available');
    await textOf(page, 'sequence').toContain('seats.chamber.held');

    await page.reload();
    await textOf(page, 'machine-state').toBe('held');
    await page.locator('#replay-btn').click();
    await textOf(page, 'status').toBe('String quartet in the chamber hall · Showing the past');
    await textOf(page, 'moment-what').toMatch(/C5 held$/);
    expect(addressOf(page)).toMatch(/^\/inspect\/live\?show=chamber#seat=C5&at=\d+&epoch=/);
    await page.locator('#tab-history').click();
    await expect.poll(() => page.locator('.history-item').count()).toBe(1);

    const other = await openLive('?show=chamber#seat=Z99');
    await textOf(other, 'unknown').toMatch(/^String quartet in the chamber hall · No such seat: Z99/);
  });

  test('rows of different lengths, labels and sections are those of the plan', async () => {
    const page = await openLive('?show=studio#seat=C6');
    await expect.poll(() => page.locator('.section-label').allInnerTexts()).toEqual(['Stalls', 'Circle']);
    await expect.poll(() => page.locator('.row-label').allInnerTexts()).toEqual(['A', 'B', 'C', 'A', 'B']);
    await expect.poll(() => cell(page, 'C-B15').innerText()).toBe('15');
    await expect.poll(() => cell(page, 'C-B15').getAttribute('aria-label')).toBe('Circle, row B, seat 15, available');
    const tops = await page.locator('.cell').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().top));
    const lengths = [...new Set(tops)].map((top) => tops.filter((each) => each === top).length);
    expect(lengths).toEqual([4, 5, 6, 5, 5]);
    await cell(page, 'C6').focus();
    await page.keyboard.press('ArrowUp');
    await textOf(page, 'machine-name').toBe('B5');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await textOf(page, 'machine-place').toBe('Circle, row A, seat 15');
  });

  test('[R657] a wide hall gets more room, and fades out where it continues', async () => {
    const widthOf = (page: Page) => page.locator('.card.venue').evaluate(({ clientWidth }) => clientWidth);
    const narrow = await widthOf(await openLive('?show=studio'));
    const page = await openLive('?show=wide');
    await expect.poll(() => widthOf(page)).toBeGreaterThan(narrow + 50);
    const grid = page.locator('#grid');
    await expect.poll(() => grid.getAttribute('class')).toContain('more-right');
    await grid.evaluate((element) => element.scrollTo(element.scrollWidth, 0));
    await expect.poll(() => grid.getAttribute('class')).not.toContain('more-right');
    const last = await cell(page, 'A40').boundingBox();
    const box = await grid.boundingBox();
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual((box?.x ?? 0) + (box?.width ?? 0));
  });

  test('[R657] some seats of a show: the counts of all of them, too', async () => {
    await hold('arena', ['F2-B8']);
    const page = await openLive('?show=arena');
    await textOf(page, 'show-counts').toMatch(/^All 9,930 seats: 9,9\d\d available, [1-9]\d* held, 0 booked\.$/);
    const whole = await openLive('?show=studio');
    expect(await whole.locator('#show-counts').isVisible()).toBe(false);
  });

  test('named seats: only these, and the names that the show does not have', async () => {
    await hold('arena', ['F2-A8']);
    const page = await openLive('?show=arena&seats=F2-A7,f2-a8,A1');
    await cellIds(page).toEqual(['F2-A7', 'F2-A8']);
    await textOf(page, 'shown').toBe('No such seat: A1. 2 of 9,930 seats, which the legend counts.');
    await textOf(page, 'machine-name').toBe('F2-A7');
    await page.locator('.cell').first().focus();
    await page.keyboard.press('ArrowRight');
    await textOf(page, 'machine-state').toBe('held');
    await page.locator('#all-link').click();
    await textOf(page, 'shown').toContain('those that changed last');
    expect(addressOf(page)).toBe('/inspect/live?show=arena');
  });

  test('10,000 seats: those that changed last, and any other by name', async () => {
    const page = await openLive('?show=arena');
    await textOf(page, 'shown').toBe(
      '9,930 seats. Shown, and counted in the legend: those that changed last, up to 1,000, and the chosen one.',
    );
    await textOf(page, 'machine-name').toBe('F1-A1');
    await textOf(page, 'machine-state').toBe('available');
    await expect.poll(() => page.locator('.cell').count()).toBeLessThan(50);
    await page.keyboard.press('f');
    await hold('arena', ['111-A1'], { user_id: 'bob' });
    await textOf(page, 'machine-name').toBe('111-A1');
    await textOf(page, 'machine-state').toBe('held');
    await cell(page, '111-A1').and(page.locator('.held')).waitFor();

    await page.locator('#seat-input').fill('f3-t16');
    await page.keyboard.press('Enter');
    await textOf(page, 'machine-place').toBe('Floor 3, row T, seat 16');
    await textOf(page, 'machine-state').toBe('available');
    await hold('arena', ['F3-T16'], { user_id: 'eve' });
    await textOf(page, 'machine-state').toBe('held');
    await page.locator('#seat-input').fill('nowhere');
    await page.keyboard.press('Enter');
    await textOf(page, 'unknown').toContain('No such seat: nowhere');

    await page.locator('#replay-btn').click();
    await page.locator('#replay').waitFor();
    await page.locator('#slider').focus();
    await page.keyboard.press('Home');
    await expect.poll(() => page.locator('.cell').count(), { message: '[R617] nothing has changed yet' }).toBe(0);
    await page.keyboard.press('End');
    await cell(page, 'F3-T16').and(page.locator('.held')).waitFor();
  });

  test.each([1200, 390, 320])('at %i px nothing is cut off, and axe finds no fault', async (width) => {
    for (const query of ['?show=arena', '?show=chamber#seat=C5']) {
      const page = await openLive(query, { width });
      await page.locator('.cell').first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await axeFaults(page)).toEqual([]);
    }
  });
});

test('[R614] two processes are compared for the show of the page', async () => {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const ports = [await freePort(), await freePort()];
  const peers = ports.map((port) => `http://127.0.0.1:${port}`).join(',');
  const links = { redisUrl: redis.url, natsUrl: nats.url, env: { INSPECT: 'on', INSPECT_PEERS: peers } };
  const [one, two] = await Promise.all(ports.map((port) => startBooking({ ...links, port })));
  if (!one || !two) throw new Error('not started');
  onTestFinished(async () => {
    await Promise.all([one.stop(), two.stop()]);
    await Promise.all([redis.stop(), nats.stop()]);
  });
  const page = await openLive('?show=arena', { url: one.url });
  await textOf(page, 'nodes').toBe('2 processes, all in the same state.');
  await hold('arena', ['F2-A7'], { url: two.url });
  await cell(page, 'F2-A7').and(page.locator('.held')).waitFor();
  await page.locator('#node').selectOption(`booking-${two.port}`);
  await textOf(page, 'status').toContain(`Live from booking-${two.port}`);
  await cell(page, 'F2-A7').and(page.locator('.held')).waitFor();

  const difference = [
    { node: `booking-${one.port}`, seats: {} },
    { node: `booking-${two.port}`, seats: { 'F2-A7': { state: 'held', seq: 1 } } },
  ];
  await page.route('**/inspect/states?show=arena', (route) => route.fulfill({ json: difference }));
  await textOf(page, 'nodes').toBe(`F2-A7: booking-${one.port} available · 0, booking-${two.port} held · 1`);
});

test('[R619] the page of Stately Inspector shows seats of the chosen show, and keeps the choice', async () => {
  const page = await open('/inspect?show=chamber');
  await expect.poll(() => page.title()).toBe('String quartet in the chamber hall · Stately Inspector');
  await expect.poll(() => page.locator('#stately-link').getAttribute('href')).toBe('/inspect/live?show=chamber');
  await page.locator('#seat').fill('d4');
  await page.keyboard.press('Enter');
  await textOf(page, 'status').toBe('String quartet in the chamber hall · Showing D4');
  expect(addressOf(page)).toBe('/inspect?show=chamber&seat=d4');
  const received = async () => {
    const frame = page.frames().find((each) => each.url().startsWith(standIn.url));
    return frame?.evaluate(() => (globalThis as unknown as { received?: object[] }).received?.[0]);
  };
  await expect
    .poll(received)
    .toMatchObject({ sessionId: 'seat-D4', snapshot: { context: { place: 'Hall, row D, seat 4' } } });
  const unknown = await open('/inspect?show=chamber&seat=D4,F2-A7');
  await textOf(unknown, 'status').toBe('String quartet in the chamber hall · No such seat: F2-A7');
  const large = await open('/inspect?show=arena&seat=all');
  await textOf(large, 'status').toBe('Summer night in the arena · Showing the 1,000 seats that changed last');
});
