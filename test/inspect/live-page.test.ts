import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { post, textOf, useBrowser } from '../support/browser.ts';
import { freePort, startBooking, startEmbedded, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { startVenue } from '../support/venue.ts';
import { joined, ofType, openFeed } from './inspect-fixture.ts';

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([useBrowser(), startEmbedded({ env: { INSPECT: 'on', HOLD_SECONDS: '600' } })]);
});
afterAll(() => server?.stop());

/** The test fails on an error in the console and on a request to another host. */
async function openLive(
  hash = '',
  { url = server.url, context, width = 1280 }: { url?: string; context?: BrowserContext; width?: number } = {},
): Promise<Page> {
  const page = await (context ?? browser).newPage({ viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(`requested ${request.url()}`);
  });
  onTestFinished(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${url}/inspect/live${hash}`);
  await page.locator('#status.open, #status.past').waitFor();
  await page.locator('.cell').first().waitFor();
  return page;
}

interface HoldableFeed {
  /** The number of further messages of the feed that reach the page at once. The others wait for `letPass`. */
  passing: number;
  /** Forwards the waiting messages, and all later ones at once. */
  letPass(): void;
}

function holdableFeed(): void {
  const waiting: (() => void)[] = [];
  const page = Object.assign(window, {
    passing: Number.POSITIVE_INFINITY,
    letPass() {
      page.passing = Number.POSITIVE_INFINITY;
      for (const tell of waiting.splice(0)) tell();
    },
  });
  const { set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage') as PropertyDescriptor;
  Object.defineProperty(MessagePort.prototype, 'onmessage', {
    set(listener: (event: MessageEvent) => void) {
      set?.call(this, (event: MessageEvent) => {
        if (event.data.type === 'status' || page.passing-- > 0) return listener(event);
        page.passing = 0;
        waiting.push(() => listener(event));
      });
    },
  });
}

const cell = (page: Page, id: string) => page.locator(`.cell[data-seat-id=${id}]`);
const activeStates = (page: Page) =>
  expect.poll(() =>
    page.evaluate(() =>
      [...document.querySelectorAll('#chart .active:not(.root, .region) > .name')].map((name) => name.textContent),
    ),
  );

describe('[R163] the live view', () => {
  test('100 seats by state, one of them with its chart, which follows the transitions', async () => {
    const page = await openLive('#seat=A1');
    await expect.poll(() => page.locator('.cell').count()).toBe(100);
    await textOf(page, 'machine-state').toBe('available');
    await activeStates(page).toEqual(['available']);
    await post(server, 'select', 'A1', 'user_0123456789abcdef');
    await activeStates(page).toEqual(['held']);
    await expect.poll(() => cell(page, 'A1').getAttribute('class')).toBe('cell held');
    await expect.poll(() => page.locator('.transition.on-seat_available_HELD_0.last').count()).toBe(1);
    await textOf(page, 'left').toMatch(/^59\d\.\d s left$/);
    await textOf(page, 'facts').toContain('user_…def');
    await expect.poll(async () => Number(await page.locator('.fuse').getAttribute('width'))).toBeGreaterThan(0);
    await textOf(page, 'sequence').toMatch(
      /select · user_…def[\s\S]*select\?[\s\S]*HELD · \d+[\s\S]*seats\.held[\s\S]*reply/,
    );
    await page.locator('#tab-events').click();
    await textOf(page, 'events').toMatch(/REPLY[\s\S]*HELD[\s\S]*REQUEST/);
    await textOf(page, 'latest').toContain('A1');
    await post(server, 'book', 'A1', 'user_0123456789abcdef');
    await activeStates(page).toEqual(['booked']);
    await textOf(page, 'count-booked').toBe('1');
    expect(await page.locator('body').innerText()).not.toContain('0123456789');
  });

  test('it works with the keyboard only', async () => {
    const page = await openLive('#seat=B2');
    await cell(page, 'B2').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await textOf(page, 'machine-name').toBe('C3');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-seat-id'))).toBe('C3');
    expect(await page.evaluate(() => document.querySelectorAll('.cell[tabindex="0"]').length)).toBe(1);
    expect(new URL(page.url()).hash).toBe('#seat=C3');
    await page.locator('#tab-sequence').focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.locator('#events').isVisible()).toBe(true);
  });

  test.each([320, 768, 1280])('nothing is cut off at %i px', async (width) => {
    const page = await openLive('', { width });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });

  test.each(['light', 'dark'] as const)('axe finds no fault, %s', async (colorScheme) => {
    const page = await openLive('#seat=H1');
    await page.emulateMedia({ colorScheme });
    await post(server, 'select', colorScheme === 'light' ? 'H1' : 'H2');
    await page.locator('#machine-state.held').waitFor();
    for (const panel of ['sequence', 'events', 'history']) {
      await page.locator(`#tab-${panel}`).click();
      expect(await axeFaults(page)).toEqual([]);
    }
    await page.locator('#replay-btn').click();
    await page.locator('#replay').waitFor();
    expect(await axeFaults(page)).toEqual([]);
  });

  test('[R151] it reconnects by itself, with all seats', async () => {
    const own = await startEmbedded({ env: { INSPECT: 'on' } });
    onTestFinished(() => own.stop());
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`${own.url}/inspect/live#seat=A1`);
    await page.locator('.cell').first().waitFor();
    await own.kill();
    await page.locator('#status:not(.open)').waitFor();
    await own.restart();
    await post(own, 'select', 'A1');
    await textOf(page, 'machine-state').toBe('held');
  });

  test('while the venue is read again, the grid and its focus stay', async () => {
    const own = await startEmbedded({ env: { INSPECT: 'on' } });
    onTestFinished(() => own.stop());
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.addInitScript(holdableFeed);
    await page.goto(`${own.url}/inspect/live`);
    await cell(page, 'B2').focus();
    await page.evaluate(() => Object.assign(window, { passing: 50 }));
    await own.kill();
    await own.restart();
    await expect.poll(() => page.evaluate(() => (window as unknown as HoldableFeed).passing)).toBe(0);
    await textOf(page, 'status').toContain('Reading');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-seat-id'));
    expect([await page.locator('.cell').count(), await focused()]).toEqual([100, 'B2']);
    await page.evaluate(() => (window as unknown as HoldableFeed).letPass());
    await textOf(page, 'status').toContain('Live from');
    expect([await page.locator('.cell').count(), await focused()]).toEqual([100, 'B2']);
  });
});

describe('[R161] the replay', () => {
  test('it moves by step, by the slider and by a link, and plays', async () => {
    for (const [action, seat, user] of [
      ['select', 'E1', 'ann'],
      ['select', 'E2', 'bob'],
      ['book', 'E1', 'ann'],
      ['release', 'E2', 'bob'],
    ] as const) {
      await post(server, action, seat, user);
    }
    const page = await openLive('#seat=E1');
    await page.keyboard.press('r');
    await page.locator('#status.past').waitFor();
    await page.locator('#slider').focus();
    await page.keyboard.press('End');
    await activeStates(page).toEqual(['booked']);
    await page.keyboard.press(',');
    await expect.poll(() => cell(page, 'E2').getAttribute('class')).toBe('cell held');
    await expect.poll(() => page.locator('.on-seat_held_BOOKED_0.last').count()).toBe(2); // the arrow and the label
    await page.keyboard.press(',');
    await activeStates(page).toEqual(['held']);
    const link = page.url();
    expect(link).toMatch(/#seat=E1&at=\d+&epoch=[0-9a-f-]{36}$/);

    const other = await openLive(new URL(link).hash);
    await activeStates(other).toEqual(['held']);
    expect(await other.locator('#moment-what').innerText()).toBe(await page.locator('#moment-what').innerText());

    await page.locator('#tab-history').click();
    await expect
      .poll(() => page.locator('.history-item').allInnerTexts())
      .toEqual([expect.stringMatching(/ann\s+booked/), expect.stringMatching(/ann\s+selected/)]);
    await page.locator('.history-item').last().click();
    await textOf(page, 'moment-what').toContain('E1 held');

    await page.locator('#slider').focus();
    await page.keyboard.press('Home');
    await textOf(page, 'moment-what').toContain('before the first transition');
    await textOf(page, 'count-available').toBe('100');
    await page.locator('#speed').selectOption('10');
    await page.locator('#play-btn').click();
    await textOf(page, 'moment-what').toContain('E2 released');
    await textOf(page, 'play-btn').toBe('Play');
    await page.keyboard.press('l');
    await page.locator('#status.open').waitFor();
  });

  test('a link to an epoch that has ended shows that', async () => {
    const page = await openLive('#seat=A1&at=1&epoch=00000000-0000-0000-0000-000000000000');
    await textOf(page, 'status').toContain('The epoch of this link has ended.');
  });
});

test('[R165] the connection of a booking page that is open with ?inspect is shown to a viewer', async () => {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const booking = await context.newPage();
  await booking.goto(`${server.url}/?inspect`);
  const page = await openLive('', { context });
  await page.locator('.tab-machine').click();
  await activeStates(page).toEqual(expect.arrayContaining(['attached', 'live']));
  await booking.evaluate(() => dispatchEvent(new Event('offline')));
  await activeStates(page).toEqual(['offline']);
  await booking.evaluate(() => dispatchEvent(new Event('online')));
  await activeStates(page).toEqual(expect.arrayContaining(['attached', 'live']));
  await textOf(page, 'sequence').toMatch(/OFFLINE[\s\S]*ONLINE[\s\S]*OPENED[\s\S]*CONNECT[\s\S]*SYNCHRONISED/);
  await booking.close();
  await expect.poll(() => page.locator('.tab-machine').count()).toBe(0);
});

test('[R165] without ?inspect no file of the inspector is loaded', async () => {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const requested: string[] = [];
  page.on('request', (request) => requested.push(new URL(request.url()).pathname));
  await page.goto(server.url);
  await page.locator('#connection-status.connected').waitFor();
  expect(requested.some((path) => path.includes('inspect'))).toBe(false);
});

test('[R162] two processes: each can be watched, and differences are shown', async () => {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const ports = [await freePort(), await freePort()].sort((a, b) => a - b);
  const peers = ports.map((port) => `http://127.0.0.1:${port}`).join(',');
  const env = { INSPECT: 'on', INSPECT_PEERS: peers };
  const links = { redisUrl: redis.url, natsUrl: nats.url, env };
  const [one, two] = await Promise.all(ports.map((port) => startBooking({ ...links, port })));
  if (!one || !two) throw new Error('not started');
  onTestFinished(async () => {
    await two.kill('SIGCONT').catch(() => {});
    await Promise.all([one.stop(), two.stop()]);
    await Promise.all([redis.stop(), nats.stop()]);
  });
  const page = await openLive('#seat=A1', { url: one.url });
  await textOf(page, 'nodes').toBe('2 processes, all in the same state.');
  await page.locator('#node').selectOption(`booking-${two.port}`);
  await textOf(page, 'status').toContain(`Live from booking-${two.port}`);
  await post(two, 'select', 'A1');
  await textOf(page, 'machine-state').toBe('held');
  await textOf(page, 'sequence').toContain('select · someone');
  await page.locator('#node').selectOption(`booking-${one.port}`);
  await textOf(page, 'status').toContain(`Live from booking-${one.port}`);
  await textOf(page, 'machine-state').toBe('held');

  await two.kill('SIGSTOP'); // it runs, but does not reply
  await textOf(page, 'nodes').toContain(`booking-${two.port} does not reply.`);
  await two.kill('SIGCONT');
  await textOf(page, 'nodes').toBe('2 processes, all in the same state.');

  const difference = [
    { node: `booking-${one.port}`, seats: { A1: { state: 'booked', seq: 9 } } },
    { node: `booking-${two.port}`, seats: { A1: { state: 'available', seq: 7 } } },
  ];
  await page.route('**/inspect/states*', (route) => route.fulfill({ json: difference }));
  await expect.poll(() => cell(page, 'A1').getAttribute('class')).toBe('cell held differs');
  await textOf(page, 'nodes').toBe(`A1: booking-${one.port} booked · 9, booking-${two.port} available · 7`);
});

test('[R151] nginx forwards the feed without buffering', async () => {
  const venue = await startVenue({ env: { INSPECT: 'on' } });
  onTestFinished(() => venue.stop());
  const feed = await joined(await openFeed(venue.url, 'A1'));
  await post(venue, 'select', 'A1');
  await expect
    .poll(() => ofType(feed, '@xstate.snapshot').at(-1)?.snapshot)
    .toMatchObject({
      value: 'held',
    });
  feed.close();
  const page = await openLive('#seat=A1', { url: venue.url });
  await textOf(page, 'machine-state').toBe('held');
});

describe('[R328] many inspector pages of one browser', () => {
  async function openMany(paths: string[]): Promise<{ context: BrowserContext; inspectors: Page[] }> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const inspectors: Page[] = [];
    for (const path of paths) {
      const page = await context.newPage();
      await page.goto(`${server.url}${path}`);
      inspectors.push(page);
    }
    return { context, inspectors };
  }

  test('seven live views share a feed: each is live, and the booking page works', { timeout: 180_000 }, async () => {
    const { context, inspectors } = await openMany(new Array(7).fill('/inspect/live#seat=J1'));
    for (const page of inspectors) await textOf(page, 'status').toContain('Live from');
    const booker = await context.newPage();
    await booker.goto(server.url, { timeout: 30_000 });
    await booker.locator('#connection-status.connected').waitFor();
    // Booked at once, since seven countdowns would be drawn in each frame.
    await post(server, 'select', 'J1', 'ann');
    await post(server, 'book', 'J1', 'ann');
    for (const page of inspectors) await textOf(page, 'machine-state').toBe('booked');
    for (const page of inspectors) await textOf(page, 'status').toContain('1 viewer');
  });

  test('a hidden page closes its feed, and catches up when it is shown', async () => {
    const { inspectors } = await openMany(['/inspect/live#seat=J2']);
    const [page] = inspectors as [Page];
    await textOf(page, 'status').toContain('Live from');
    const show = (isHidden: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, isHidden);
    await show(true);
    const other = await openFeed(server.url, 'J2');
    await joined(other);
    await expect.poll(() => ofType(other, 'time').at(-1)?.viewers).toBe(1);
    await post(server, 'select', 'J2');
    await show(false);
    await textOf(page, 'machine-state').toMatch(/^held/);
    other.close();
  });

  test('seven different feeds: three are live, the others show the reason, and the booking page works', {
    timeout: 90_000,
  }, async () => {
    const { context, inspectors } = await openMany(['/inspect/live']);
    const [page] = inspectors as [Page];
    // As seven pages with other seats or processes do.
    const feeds = await page.evaluateHandle(() => {
      const shown: string[] = [];
      const ports: MessagePort[] = [];
      for (let n = 0; n < 7; n++) {
        const hub = new SharedWorker('/inspect/assets/feed-worker.js', { type: 'module', name: 'inspect feed' });
        hub.port.onmessage = ({ data }) => {
          if (data.type === 'status') shown[n] = data.status;
        };
        hub.port.postMessage({ type: 'open', seats: `J${n + 1}` });
        ports.push(hub.port);
      }
      return { shown, ports };
    });
    // Each is shown after the one before it, and all after the page itself, which may get the focus at any time.
    const show = () =>
      feeds.evaluate(({ shown, ports }) => {
        for (const port of ports) port.postMessage({ type: 'shown' });
        return shown;
      });
    const pageStatus = () => page.locator('#status').textContent();
    await expect
      .poll(async () => [...(await show()), await pageStatus()])
      .toEqual([
        ...['paused', 'paused', 'paused', 'paused', 'open', 'open', 'open'],
        expect.stringContaining('Paused: other inspector pages use all connections.'),
      ]);
    const booker = await context.newPage();
    await booker.goto(server.url);
    await booker.locator('#connection-status.connected').waitFor();
  });
});
