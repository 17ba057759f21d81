import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectionMachine } from '../../machines/connection.ts';
import { seatMachine } from '../../machines/seat.ts';
import { post, textOf, useBrowser } from '../support/browser.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';

let browser: Browser;
let server: TestServer;
/** One page for all tests: loading it takes longer than they do. */
let live: Page;
const faults: string[] = [];

beforeAll(async () => {
  [browser, server] = await Promise.all([useBrowser(), startEmbedded({ env: { INSPECT: 'on', HOLD_SECONDS: '600' } })]);
  live = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  live.on('pageerror', (error) => faults.push(String(error)));
  await live.goto(`${server.url}/inspect/live`);
});
afterAll(async () => {
  await live?.close();
  await server?.stop();
  expect(faults).toEqual([]);
});

/** The live view of a seat or tab, as after following a link. */
async function openLive(hash: string): Promise<Page> {
  await textOf(live, 'status').toMatch(/Live from|Showing the past/);
  await live.locator('#live-btn').click();
  await live.evaluate((next) => {
    location.hash = next;
  }, hash);
  await textOf(live, 'machine-name').toBe(/=([^&]+)/.exec(hash)?.[1] ?? '');
  return live;
}

const state = (page: Page, path: string) => page.locator(`#chart .state-seat_${path}`);

describe('[R422] the latest transition', () => {
  test('is followed from seat to seat on request, until the user chooses a seat', async () => {
    const page = await openLive('#seat=A1');
    await page.keyboard.press('f');
    await expect.poll(() => page.locator('#follow-btn').getAttribute('aria-pressed')).toBe('true');
    await post(server, 'select', 'B1');
    await textOf(page, 'machine-name').toBe('B1');
    await expect.poll(() => page.locator('.transition.on-seat_available_HELD_0.last').count()).toBe(1);
    await post(server, 'select', 'B2');
    await textOf(page, 'machine-name').toBe('B2');
    expect(new URL(page.url()).hash).toBe('#seat=B2&follow');

    await page.locator('.cell[data-seat-id=A3]').click();
    await expect.poll(() => page.locator('#follow-btn').getAttribute('aria-pressed')).toBe('false');
    await post(server, 'select', 'B3');
    await textOf(page, 'latest').toMatch(/^\s*B3/);
    await textOf(page, 'machine-name').toBe('A3');
    expect(new URL(page.url()).hash).toBe('#seat=A3');
  });

  test('is followed after a reload', async () => {
    const page = await openLive('#seat=A1');
    await page.locator('#follow-btn').click();
    await expect.poll(() => new URL(page.url()).hash).toContain('&follow');
    await page.reload();
    await textOf(page, 'status').toContain('Live from');
    await post(server, 'select', 'B4');
    await textOf(page, 'machine-name').toBe('B4');
  });

  test('is followed in a replay', async () => {
    await post(server, 'select', 'C1');
    await post(server, 'select', 'C2');
    const page = await openLive('#seat=A1');
    await page.keyboard.press('r');
    await page.locator('#replay').waitFor(); // the history is there
    await page.keyboard.press('f');
    await page.locator('#slider').focus();
    await page.keyboard.press('End');
    await textOf(page, 'machine-name').toBe('C2');
    await page.keyboard.press(',');
    await textOf(page, 'machine-name').toBe('C1');
  });
});

describe('[R423] descriptions', () => {
  const { states = {} } = seatMachine.config;
  const descriptionOf = (name: keyof typeof states) => states[name]?.description ?? 'none';

  test('of the active state, of the one under the pointer, of a transition under the pointer', async () => {
    const page = await openLive('#seat=D1');
    await textOf(page, 'chart-note').toBe(`available ${descriptionOf('available')}`);
    await state(page, 'booked').locator('.name').hover();
    await textOf(page, 'chart-note').toBe(`booked ${descriptionOf('booked')}`);
    await page.locator('#chart .label.on-seat_held_BOOKED_0').hover();
    await textOf(page, 'chart-note').toBe('BOOKED The user booked in time.');
    await page.locator('h1').hover();
    await textOf(page, 'chart-note').toBe(`available ${descriptionOf('available')}`);
  });

  test('with the keyboard: one tab stop, arrow keys from state to state', async () => {
    const page = await openLive('#seat=D2');
    await page.locator('#zoom-fit-btn').focus();
    await page.keyboard.press('Tab');
    await textOf(page, 'chart-note').toContain(descriptionOf('available'));
    await page.keyboard.press('ArrowDown');
    await textOf(page, 'chart-note').toBe(`held ${descriptionOf('held')}`);
    await page.keyboard.press('End');
    await textOf(page, 'chart-note').toBe(`booked ${descriptionOf('booked')}`);
    await page.keyboard.press('ArrowUp');
    await textOf(page, 'chart-note').toBe(`expiring ${descriptionOf('expiring')}`);
    await expect.poll(() => page.locator('#chart [tabindex="0"]').count()).toBe(1);
    const focused = page.locator('#chart :focus');
    await expect.poll(() => focused.getAttribute('aria-label')).toBe(`expiring: ${descriptionOf('expiring')}`);
    await expect.poll(() => state(page, 'available').getAttribute('aria-current')).toBe('true');
  });

  test('of every state of both charts', async () => {
    const page = await openLive('#seat=D3');
    const labels = () =>
      page.locator('#chart .state').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));
    const described = (root: object): string[] => {
      const node = root as { key: string; description: string; states: Record<string, object> };
      return [`${node.key}: ${node.description}`, ...Object.values(node.states).flatMap(described)];
    };
    expect(await labels()).toEqual(described(seatMachine.root));
    await openLive('#tab=connection-none');
    expect(await labels()).toEqual(described(connectionMachine.root));
  });
});

describe('[R424] the chart', () => {
  const measure = (page: Page) =>
    page.locator('#chart').evaluate((frame) => {
      const { clientWidth, clientHeight, scrollLeft, scrollTop } = frame;
      const { width, height } = (frame.firstElementChild as Element).getBoundingClientRect();
      return { clientWidth, clientHeight, scrollLeft, scrollTop, width, height, pageScroll: window.scrollY };
    });

  test('zooms and pans by keyboard', async () => {
    const page = await openLive('#seat=E1');
    await state(page, 'held').focus();
    const before = await measure(page);
    for (let n = 0; n < 5; n++) await page.keyboard.press('+');
    const zoomed = await measure(page);
    expect(zoomed.width).toBeCloseTo(before.width * 1.25 ** 5, 0);
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowUp');
    const panned = await measure(page);
    expect(panned.scrollLeft).toBe(zoomed.scrollLeft + 120);
    expect(panned.scrollTop).toBe(zoomed.scrollTop - 120);
    await page.keyboard.press('Home');
    await page.keyboard.press('End');
    const isInFrame = await state(page, 'booked').evaluate((booked) => {
      const [box, frame] = [booked, document.getElementById('chart') as Element].map((e) => e.getBoundingClientRect());
      return box && frame && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
    });
    expect(isInFrame, 'the focused state').toBe(true);
    await page.keyboard.press('-');
    expect((await measure(page)).width).toBeCloseTo(before.width * 1.25 ** 4, 0);
    await page.keyboard.press('0');
    const fitted = await measure(page);
    expect(fitted.width).toBeLessThanOrEqual(fitted.clientWidth);
    expect(fitted.height).toBeLessThanOrEqual(fitted.clientHeight);
    expect(fitted.pageScroll).toBe(before.pageScroll);
  });

  test('zooms and pans by mouse; the point under the pointer stays', async () => {
    const page = await openLive('#seat=E2');
    const name = state(page, 'held').locator('.name');
    for (let n = 0; n < 4; n++) await page.locator('#zoom-in-btn').click();
    await name.hover();
    const at = async () => (await name.boundingBox()) as { x: number; y: number; width: number; height: number };
    const middle = ({ x, y, width, height }: Awaited<ReturnType<typeof at>>) => [x + width / 2, y + height / 2];
    const before = await at();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -50);
    await page.keyboard.up('Control');
    await expect.poll(async () => (await at()).width).toBeCloseTo(before.width * 1.25, 0);
    const after = middle(await at());
    for (const [index, place] of middle(before).entries())
      expect(Math.abs((after[index] ?? 0) - place)).toBeLessThan(3);

    const scroll = await measure(page);
    await page.mouse.down();
    await page.mouse.move((after[0] ?? 0) + 40, (after[1] ?? 0) + 30);
    await page.mouse.up();
    const pannedBy = async () => {
      const { scrollLeft, scrollTop } = await measure(page);
      return [scroll.scrollLeft - scrollLeft, scroll.scrollTop - scrollTop];
    };
    await expect.poll(async () => (await pannedBy())[1]).toBeGreaterThan(28);
    const [byX = 0, byY = 0] = await pannedBy();
    // A browser rounds the movement of a pointer to whole pixels.
    expect(Math.abs(byX - 40)).toBeLessThan(2);
    expect(Math.abs(byY - 30)).toBeLessThan(2);
  });
});

describe('[R425] an unknown seat', () => {
  test('the live view shows that, also in a replay', async () => {
    const page = await openLive('#seat=Z99');
    await textOf(page, 'unknown').toBe('No such seat: Z99. Choose one of the seats in the grid.');
    await textOf(page, 'machine-state').toBe('unknown');
    await page.keyboard.press('r');
    await page.locator('#replay').waitFor(); // the history is there
    await expect.poll(() => page.locator('#unknown').isVisible()).toBe(true);
    await page.locator('.cell[data-seat-id=A1]').click();
    await expect.poll(() => page.locator('#unknown').isVisible()).toBe(false);
  });

  test('the page of Stately Inspector names it and opens nothing', async () => {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`${server.url}/inspect?seat=A1,Z99&seat=Y7`);
    await textOf(page, 'status').toBe('No such seat: Z99, Y7');
    await expect.poll(() => page.locator('#inspector').isVisible()).toBe(false);
  });

  test('the feed names it', async () => {
    const reply = await fetch(`${server.url}/inspect/feed?seats=A1,Z99`);
    expect(reply.status).toBe(404);
    expect(await reply.json()).toMatchObject({ error: { code: 'UNKNOWN_SEAT', message: 'No such seat: Z99' } });
  });
});

test('[R426] a replay starts at the first transition and offers 0.25 to 100 times the speed', async () => {
  await post(server, 'select', 'F1', 'bob'); // one user holds the maximum number of seats
  const page = await openLive('#seat=F1');
  await page.keyboard.press('r');
  await page.locator('#replay').waitFor();
  await textOf(page, 'moment-what').toMatch(/^1 of \d+ · [A-Z]\d+ held$/);
  const speeds = await page
    .locator('#speed option')
    .evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value));
  expect([speeds.at(0), speeds.at(-1)]).toEqual(['0.25', '100']);
  await expect.poll(() => page.locator('#speed').inputValue()).toBe('1');
});
