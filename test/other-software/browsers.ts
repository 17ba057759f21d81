import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startHttpProxy } from '../support/http-proxy.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';
import { installMissing, installTimeoutMs } from './install-missing.ts';
import { chromiumBrowser, firefoxBrowser } from './puppeteer-browsers.ts';
import type { RunningBrowser, Tab } from './tab.ts';

/** Of a phone that is as narrow as the page has to fit. */
const phone = { width: 320, height: 640 };
const minTargetPx = 24;

describe.each([chromiumBrowser, firefoxBrowser])('[R450] $name', ({ name, packages, launch }) => {
  let venue: TestVenue;
  let browser: RunningBrowser;
  let one: Tab;
  let two: Tab;

  beforeAll(async () => {
    await installMissing(packages);
    [venue, browser] = await Promise.all([startVenue({ env: { HOLD_SECONDS: '300' } }), launch()]);
    console.log(`${name} ${browser.version}`);
    one = await browser.openTab();
    two = await browser.openTab();
  }, installTimeoutMs);
  afterAll(async () => {
    await browser?.close();
    await venue?.stop();
  });

  test('one user holds a seat; the other sees it, is refused and is offered another', async () => {
    for (const tab of [one, two]) await open(tab, venue.url);
    expect(await one.evaluate('document.querySelectorAll("#seat-map button").length')).toBe(100);
    await one.click('#seat-C4');
    await classOf(one, 'C4').toBe('seat held mine');
    await classOf(two, 'C4').toBe('seat held');
    await textOf(two, '#count').toBe('99');
    await textOf(one, '#timer').toMatch(/^\d+ s$/);

    await two.click('#seat-C4');
    await textOf(two, '#messages').toContain('C4 is held by someone else.');
    await classOf(two, 'C4').toBe('seat held');
    await two.click('#messages .offer');
    await expect.poll(() => two.evaluate('document.querySelectorAll(".seat.held.mine").length')).toBe(1);
    await two.click('#release-btn');
    await textOf(one, '#count').toBe('99');
  });

  test('the holder books it, and both see that', async () => {
    await one.click('#book-btn');
    await classOf(one, 'C4').toBe('seat booked mine');
    await classOf(two, 'C4').toBe('seat booked');
    await textOf(one, '#booked-seats').toContain('C4');
  });

  test('after a reload own seats look like own seats, also if the session comes after the seats', async () => {
    const proxy = await startHttpProxy(venue.url, {});
    onTestFinished(() => proxy.close());
    const late = await browser.openTab();
    await open(late, proxy.url);
    await late.click('#seat-E5');
    await classOf(late, 'E5').toBe('seat held mine');

    let release = () => {};
    const sessionAfter = new Promise<void>((resolve) => {
      release = resolve;
    });
    proxy.options = { sessionAfter };
    await late.reload();
    await classOf(late, 'E5').toBe('seat held');
    release();
    await classOf(late, 'E5').toBe('seat held mine');
    await textOf(late, '#selected-seat').toBe('E5');
    await late.click('#release-btn');
    await classOf(late, 'E5').toBe('seat available');
  });

  test('by keyboard alone a seat is chosen, held and booked, and one is given back', async () => {
    await one.evaluate('document.activeElement.blur()');
    await one.reload();
    await connected(one);
    await pressAll(one, 'Tab', 'Enter');
    await focusOf(one).toBe('seat-A1');
    await pressAll(one, 'ArrowDown', 'ArrowRight', 'Space');
    await classOf(one, 'B2').toBe('seat held mine');
    await pressAll(one, 'Tab');
    await focusOf(one).toBe('book-btn');
    await pressAll(one, 'Enter');
    await classOf(two, 'B2').toBe('seat booked');
    await focusOf(one).toBe('seat-B2');
    await pressAll(one, 'ArrowRight', 'Enter');
    await classOf(one, 'B3').toBe('seat held mine');
    await pressAll(one, 'Escape');
    await classOf(one, 'B3').toBe('seat available');
    await focusOf(one).toBe('seat-B3');
  });

  test('on a phone nothing is cut off, seats are large enough, and a seat is held and given back', async () => {
    await two.resize(phone.width, phone.height);
    await expect.poll(() => two.evaluate('innerWidth')).toBe(phone.width);
    await two.click('#seat-J10');
    await classOf(two, 'J10').toBe('seat held mine');
    expect(await two.evaluate(cutOff), 'elements that are wider than their place').toEqual([]);
    await expect.poll(() => two.evaluate(smallestSeatPx)).toBeGreaterThanOrEqual(minTargetPx);
    await two.click('#release-btn');
    await classOf(one, 'J10').toBe('seat available');
  });
});

/** Elements of the page that end beyond its right side, or hide a part of what is in them. */
const cutOff = `[...document.querySelectorAll('body *')]
  .filter((each) => each.offsetParent && !each.matches('.read-aloud, .read-aloud *, .skip-link, .hold-list, .hold-list *'))
  .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
    || (getComputedStyle(each).overflowX !== 'visible' && each.scrollWidth > each.clientWidth))
  .map((each) => each.id || each.className)`;

const smallestSeatPx = `Math.min(...[...document.querySelectorAll('.seat')].flatMap((seat) => {
  const { width, height } = seat.getBoundingClientRect();
  return [width, height];
}))`;

async function open(tab: Tab, url: string): Promise<void> {
  await tab.goto(url);
  await connected(tab);
}

const connected = (tab: Tab) => textOf(tab, '#connection-status').toBe('● Connected');
const classOf = (tab: Tab, seatId: string) =>
  expect.poll(() => tab.evaluate<string>(`document.getElementById('seat-${seatId}').className`));
const textOf = (tab: Tab, selector: string) =>
  expect.poll(() => tab.evaluate<string>(`document.querySelector('${selector}').innerText.trim()`));
const focusOf = (tab: Tab) => expect.poll(() => tab.evaluate('document.activeElement.id'));

async function pressAll(tab: Tab, ...keys: Parameters<Tab['press']>[0][]): Promise<void> {
  for (const key of keys) await tab.press(key);
}
