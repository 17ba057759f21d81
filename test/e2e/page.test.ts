import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Seat } from '../../src/protocol/seat.ts';
import { type Booker, classOf, focusOf, hasClass, hold, holdAtLast, post, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

async function countsOf(venue: TestVenue): Promise<[number, number, number]> {
  const seats = (await (await fetch(new URL('/api/seats', venue.url))).json()) as Seat[];
  const count = (status: number) => seats.filter((seat) => seat.status === status).length;
  return [count(0), count(1), count(2)];
}

const shownCounts = (page: Page) =>
  expect.poll(async () => [
    Number(await page.locator('#count').innerText()),
    Number(await page.locator('#held-count').innerText()),
    Number(await page.locator('#booked-count').innerText()),
  ]);

/** The positions of the parts of the page in the window. */
const boxes = (page: Page) =>
  page.evaluate(() => {
    const box = (element: Element | null) => (element as Element).getBoundingClientRect().toJSON() as DOMRect;
    return {
      seats: [...document.querySelectorAll('.seat')].map(box),
      map: box(document.querySelector('main')),
      legend: box(document.querySelector('.legend')),
      panel: box(document.querySelector('.actions')),
      scrollWidth: document.documentElement.scrollWidth,
      windowWidth: window.innerWidth,
    };
  });

describe('the page', () => {
  const pages = usePages(startVenue);
  let venue: TestVenue;
  let booker: Booker;
  let page: Page;

  beforeEach(async () => {
    venue = pages.venue;
    booker = await pages.open();
    page = booker.page;
  });

  test.each(['/', '/shows/main'])('[R809] %s gets its states as SEATS, and shows them', async (path) => {
    const received: string[] = [];
    const tab = await booker.context.newPage();
    tab.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) =>
        received.push((JSON.parse(String(payload)) as { type: string }).type),
      ),
    );
    await tab.goto(new URL(path, venue.url).href);
    await textOf(tab, 'connection-status').toBe('● Connected');
    await post(venue, 'select', 'J10');
    await textOf(tab, 'held-count').toBe('1');
    await post(venue, 'release', 'J10');
    await textOf(tab, 'held-count').toBe('0');
    expect(received).toContain('SEATS');
    expect(received.filter((type) => type === 'VENUE_STATE' || type === 'SEAT_UPDATE')).toEqual([]);
  });

  test('[R101] shows the connection, the user, and the count of each state', async () => {
    await textOf(page, 'connection-status').toBe('● Connected');
    await classOf(page, 'connection-status').toBe('connected');
    await expect.poll(() => page.locator('#retry-btn').isVisible()).toBe(false);
    await textOf(page, 'user-id').toMatch(/^u_[\w-]{4}…$/);
    await expect.poll(() => page.locator('#user-id').getAttribute('title')).toMatch(/^u_[\w-]{22}$/);
    await textOf(page, 'total').toBe('100');
    await textOf(page, 'hold-seconds').toBe('30');

    await post(venue, 'select', 'A1');
    await post(venue, 'select', 'A2');
    await post(venue, 'book', 'A2');
    await hold(page, 'A3');
    await shownCounts(page).toEqual(await countsOf(venue));
    await post(venue, 'release', 'A1');
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-A3').toMatch(hasClass('booked'));
    await shownCounts(page).toEqual(await countsOf(venue));
    await expect.poll(() => seat(page, 'A2').getAttribute('aria-label')).toBe('Row A, seat 2, booked');
    await expect.poll(() => seat(page, 'A3').getAttribute('aria-label')).toBe('Row A, seat 3, booked by you');
  });

  test('[R98] the panel shows the held seats, or a hint if there are none', async () => {
    const isPanelShown = () => page.locator('#selected-info').isVisible();
    expect([await isPanelShown(), await page.locator('#hint').isVisible()]).toEqual([false, true]);
    await hold(page, 'B1');
    await textOf(page, 'selected-seat').toBe('B1');
    await hold(page, 'B2');
    await textOf(page, 'selected-seat').toBe('2 of 6');
    expect([await isPanelShown(), await page.locator('#hint').isVisible()]).toEqual([true, false]);
    await seat(page, 'B1').click();
    await classOf(page, 'seat-B1').toMatch(hasClass('available'));
    await textOf(page, 'messages').toContain('B1 is released.');
    await textOf(page, 'selected-seat').toBe('B2');
    await page.locator('#release-btn').focus();
    await page.keyboard.press('Enter');
    await classOf(page, 'seat-B2').toMatch(hasClass('available'));
    await expect.poll(isPanelShown).toBe(false);
    // The focus returns to the seat.
    await focusOf(page).toBe('seat-B2');
  });

  test('[R390] seats that are drawn before the session is known become the user’s own', async () => {
    await hold(page, 'I1');
    await hold(page, 'I2');
    await page.locator('#book-btn').click();
    await classOf(page, 'seat-I2').toMatch(hasClass('booked'));
    await hold(page, 'I3');
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/api/session', async (route) => {
      await answered;
      await route.continue();
    });
    await page.reload();
    // The seats are live and belong to no user.
    await post(venue, 'select', 'I9');
    await classOf(page, 'seat-I9').toMatch(hasClass('held'));
    await classOf(page, 'seat-I3').toBe('seat held');
    answer();
    for (const id of ['I1', 'I2']) await classOf(page, `seat-${id}`).toBe('seat booked mine');
    await classOf(page, 'seat-I3').toBe('seat held mine');
    await textOf(page, 'booked-info').toContain('I1, I2');
    await page.locator('#release-btn').click();
  });

  test('[R100] a click on a seat that another user holds or has booked shows a message', async () => {
    await post(venue, 'select', 'B5');
    await post(venue, 'select', 'B6');
    await post(venue, 'book', 'B6');
    await classOf(page, 'seat-B5').toMatch(hasClass('held'));
    await classOf(page, 'seat-B6').toMatch(hasClass('booked'));
    await seat(page, 'B5').click();
    await textOf(page, 'messages').toContain('B5 is held by someone else.');
    await seat(page, 'B6').click();
    await textOf(page, 'messages').toContain('B6 is already booked.');
    await post(venue, 'release', 'B5');
  });

  test('[R101] [R93] the page shows that it is offline, and reconnects by itself', async () => {
    await booker.context.setOffline(true);
    await textOf(page, 'connection-status').toBe('● Offline');
    await classOf(page, 'connection-status').toBe('disconnected');
    await classOf(page, 'seat-map').toMatch(hasClass('dimmed'));
    await expect.poll(() => page.locator('#retry-btn').isVisible()).toBe(true);
    await booker.context.setOffline(false);
    await textOf(page, 'connection-status').toBe('● Connected');
    await classOf(page, 'seat-map').not.toMatch(hasClass('dimmed'));
    await expect.poll(() => page.locator('#retry-btn').isVisible()).toBe(false);
  });

  test('[R101] [R97] without any edge the page shows that and refuses clicks; afterwards it is correct again', {
    timeout: 120_000,
  }, async () => {
    await hold(page, 'C1');
    await Promise.all(venue.edges.map((edge) => edge.kill()));
    try {
      await textOf(page, 'connection-status').toMatch(/Reconnecting/);
      await classOf(page, 'connection-status').toBe('connecting');
      await classOf(page, 'seat-map').toMatch(hasClass('dimmed'));
      await textOf(page, 'messages').toContain('The connection is lost');
      for (const target of [seat(page, 'C2'), page.locator('#book-btn'), page.locator('#release-btn')]) {
        await page.locator('#messages').evaluate((messages) => messages.replaceChildren());
        // The target is marked as disabled, and a click without `force` would wait until it is enabled.
        await target.click({ force: true });
        await textOf(page, 'messages').toContain('Not connected');
      }
      await post(venue, 'select', 'C3');
      await classOf(page, 'seat-C2').toBe('seat available');
    } finally {
      await Promise.all(venue.edges.map((edge) => edge.restart()));
    }
    await textOf(page, 'connection-status').toBe('● Connected');
    await classOf(page, 'connection-status').toBe('connected');
    await classOf(page, 'seat-map').not.toMatch(hasClass('dimmed'));
    await textOf(page, 'messages').toContain('Connected again.');
    await shownCounts(page).toEqual(await countsOf(venue));
    await expect
      .poll(() => seat(page, 'C2').getAttribute('class'), { message: 'the refused click is not queued' })
      .toBe('seat available');
    await hold(page, 'C2');
  });

  test('[R101] while Redis does not reply, a notice says that the seats may be stale', {
    timeout: 120_000,
  }, async () => {
    const notice = page.locator('#stale-notice');
    await expect.poll(() => notice.isVisible()).toBe(false);
    await venue.redis.kill('SIGSTOP');
    try {
      await notice.waitFor();
      await textOf(page, 'connection-status').toBe('● Connected');
      await seat(page, 'D1').click();
      await page.locator('.message.error').first().waitFor();
    } finally {
      await venue.redis.kill('SIGCONT');
    }
    await notice.waitFor({ state: 'hidden' });
    await holdAtLast(page, 'D2');
    await shownCounts(page).toEqual(await countsOf(venue));
  });

  test('[R102] at 320 px nothing is cut off, and each seat is large enough', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    await hold(page, 'E1');
    const { seats, scrollWidth } = await boxes(page);
    expect(scrollWidth).toBeLessThanOrEqual(320);
    expect(seats).toHaveLength(100);
    for (const { width, height, left, right } of seats) {
      expect(Math.min(width, height)).toBeGreaterThanOrEqual(24);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(320);
    }
    await expect.poll(() => page.locator('#seat-map').evaluate((map) => map.scrollWidth <= map.clientWidth)).toBe(true);
  });

  test.each([
    [844, 390],
    [568, 320],
    [320, 568],
  ])(
    '[R393] on a small phone of %i × %i six held seats and a message leave the map usable',
    { timeout: 60_000 },
    async (width, height) => {
      await page.setViewportSize({ width, height });
      await hold(page, 'J1', 'J2', 'J3', 'J4', 'J5', 'J6');
      await seat(page, 'J7').click();
      const message = page.locator('.message', { hasText: 'maximum' });
      await message.waitFor();
      await page.evaluate(() => window.scrollTo(0, 0));
      // The layout may still adapt to the last message.
      await expect
        .poll(async () => {
          const { seats, map, panel, scrollWidth } = await boxes(page);
          const said = await message.boundingBox();
          return {
            isCutOff: scrollWidth > width,
            isPanelLow: panel.left >= map.right || panel.height <= height / 2,
            isPanelSeen: panel.bottom <= height + 1,
            isMessageSeen: said !== null && said.y + said.height <= height,
            areSeatsLarge: seats.every((each) => Math.min(each.width, each.height) >= 24),
          };
        })
        .toEqual({ isCutOff: false, isPanelLow: true, isPanelSeen: true, isMessageSeen: true, areSeatsLarge: true });
      await page.locator('#release-btn').click();
      await classOf(page, 'seat-J6').toMatch(hasClass('available'));
    },
  );

  test.each([
    [320, 640, 'F1'],
    [390, 844, 'F2'],
    [640, 640, 'F3'],
    [640, 860, 'F4'],
  ])('[R102] at %i × %i the whole map can be scrolled into view above the panel', async (width, height, id) => {
    await page.setViewportSize({ width, height });
    await hold(page, id);
    await page.locator('.message').first().waitFor();
    const { panel } = await boxes(page);
    expect(panel.bottom).toBeLessThanOrEqual(height + 1);
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    const bottom = await boxes(page);
    expect(bottom.legend.bottom).toBeLessThanOrEqual(bottom.panel.top);
  });

  test('[R102] at 390 × 844 and 640 × 860 a user chooses and books without scrolling', async () => {
    await hold(page, 'G1');
    for (const size of [
      { width: 390, height: 844 },
      { width: 640, height: 860 },
    ]) {
      await page.setViewportSize(size);
      const { seats, panel } = await boxes(page);
      expect(Math.max(...seats.map(({ bottom }) => bottom))).toBeLessThanOrEqual(panel.top);
      expect(panel.bottom).toBeLessThanOrEqual(size.height + 1);
    }
    await page.locator('#release-btn').click();
  });

  test('[R102] a focused seat is not hidden by the panel', async () => {
    await page.setViewportSize({ width: 320, height: 480 });
    await hold(page, 'G3');
    await page.evaluate(() => window.scrollTo(0, 0));
    await seat(page, 'G10').focus();
    for (let n = 0; n < 3; n++) await page.keyboard.press('ArrowDown');
    const focused = await page.evaluate(() => document.activeElement?.getBoundingClientRect().bottom ?? 0);
    await focusOf(page).toBe('seat-J10');
    await expect.poll(async () => focused <= (await boxes(page)).panel.top).toBe(true);
    await page.locator('#release-btn').click();
  });

  test('[R102] from 900 px on the panel is beside the map; at 1280 px the seats are at least 40 px', async () => {
    for (const width of [900, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      const { seats, map, panel, scrollWidth } = await boxes(page);
      expect(scrollWidth).toBeLessThanOrEqual(width);
      expect(panel.left).toBeGreaterThanOrEqual(map.right);
      expect(panel.top).toBeLessThan(seats[0]?.top ?? 0);
      if (width < 1280) continue;
      for (const { width, height } of seats) expect(Math.min(width, height)).toBeGreaterThanOrEqual(40);
    }
  });

  test('[R103] the page sends no request to another host', async () => {
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    page.on('websocket', (socket) => hosts.add(new URL(socket.url()).host));
    await page.reload({ waitUntil: 'networkidle' });
    await page.locator('#connection-status.connected').waitFor();
    await hold(page, 'H1');
    await page.locator('#release-btn').click();
    await classOf(page, 'seat-H1').toMatch(hasClass('available'));
    expect([...hosts]).toEqual([new URL(venue.url).host]);
  });
});

describe('with holds of 3 s', () => {
  const pages = usePages(() => startEmbedded({ env: { HOLD_SECONDS: '3' } }));

  test.each([
    ['an hour ahead', 3_600_000],
    ['right', 0],
    ['an hour behind', -3_600_000],
  ])('[R96] [G3] on a device whose clock is %s the countdown is right', async (_, wrongByMs) => {
    const { context, page } = await pages.open();
    await context.addInitScript((wrongByMs) => {
      const RightDate = Date;
      globalThis.Date = class extends RightDate {
        constructor(...given: []) {
          super(...((given.length > 0 ? given : [RightDate.now() + wrongByMs]) as []));
        }
        static override now() {
          return RightDate.now() + wrongByMs;
        }
      } as DateConstructor;
    }, wrongByMs);
    await page.reload();
    await page.locator('#connection-status.connected').waitFor();
    const shownByDevice = await page.evaluate(() => Date.now());
    expect(Math.abs(shownByDevice - Date.now() - wrongByMs)).toBeLessThan(60_000);
    await textOf(page, 'hold-seconds').toBe('3');

    await page.evaluate(() => {
      const shown: [string, number][] = [];
      Object.assign(window, { shown });
      const timer = document.getElementById('timer') as HTMLElement;
      new MutationObserver(() => shown.push([timer.innerText, performance.now()])).observe(timer, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    await seat(page, 'A1').click();
    await textOf(page, 'messages').toContain('Time is up: you no longer hold A1.');
    await expect.poll(() => page.locator('#selected-info').isVisible()).toBe(false);
    await classOf(page, 'seat-A1').toMatch(hasClass('available'));

    const shown = await page.evaluate(() => (window as unknown as { shown: [string, number][] }).shown);
    const texts = shown.map(([text]) => text).filter((text) => text !== 'Time is up');
    // A busy machine may skip a second, but none is shown twice or late.
    expect(['3 s', '2 s', '1 s'].filter((text) => texts.includes(text))).toEqual(texts);
    expect(texts.length).toBeGreaterThanOrEqual(2);
    expect((shown.at(-1)?.[1] ?? 0) - (shown[0]?.[1] ?? 0)).toBeLessThan(4_000);
  });
});
