import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { findExecutable } from '../../src/launch/find-executable.ts';

let launched: Promise<Browser> | undefined;

/** One browser for all files of a test worker. It ends with the worker. */
export function useBrowser(): Promise<Browser> {
  launched ??= launch();
  return launched;
}

async function launch(): Promise<Browser> {
  const browser = await chromium.launch({
    // The headless shell draws no windows: a page takes a third of the CPU that it takes in Chromium itself.
    executablePath: findExecutable('chromium-headless-shell') ?? findExecutable('chromium') ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    // SIGTERM ends the worker, and with its end of the pipe the browser.
    handleSIGTERM: false,
  });
  browser.once('disconnected', () => {
    launched = undefined;
  });
  return browser;
}

/** One user with a browser: storage of its own, the page open and live. */
export interface Booker {
  context: BrowserContext;
  page: Page;
  /** Exceptions of the page, and errors in its console. */
  faults: string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Booker> {
  // Motion costs CPU, so only tests of motion turn it on.
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const faults: string[] = [];
  const page = await openTab(context, url, faults);
  return { context, page, faults };
}

/** Another tab of the same user. */
export async function openTab(context: BrowserContext, url: string, faults: string[]): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // Chromium logs an error if an edge ends with the connection, which tests do on purpose.
    if (message.type() === 'error' && !message.text().includes('WebSocket')) faults.push(message.text());
  });
  await page.goto(url);
  await page.locator('#connection-status.connected').waitFor();
  return page;
}

export const seat = (page: Page, id: string) => page.locator(`#seat-${id}`);
export const hasClass = (name: string) => new RegExp(`(^| )${name}( |$)`);

/** Polls until the value is as expected. */
export const classOf = (page: Page, id: string) => expect.poll(() => page.locator(`#${id}`).getAttribute('class'));
export const textOf = (page: Page, id: string) => expect.poll(() => page.locator(`#${id}`).innerText());
export const focusOf = (page: Page) => expect.poll(() => page.evaluate(() => document.activeElement?.id));

/** Clicks the seats, and waits until the user holds them. */
export async function hold(page: Page, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await seat(page, id).click();
    await seat(page, id).and(page.locator('.held.mine')).waitFor();
  }
}

/** Clicks the seat until the user holds it, and no more often, because that would release it. */
export const holdAtLast = (page: Page, id: string, options: { timeout?: number } = {}) =>
  expect
    .poll(
      () =>
        seat(page, id).evaluate((button: HTMLElement) => {
          if (!button.matches('.mine, .pending')) button.click();
          return button.className;
        }),
      options,
    )
    .toMatch(hasClass('mine'));

/** Records the announcements for screen readers from now on: the live region and the text of each announcement, in order. */
export async function recordAnnouncements(page: Page): Promise<() => Promise<[string, string][]>> {
  const announced = await page.evaluateHandle(() => {
    const announced: [string, string][] = [];
    for (const id of ['polite', 'assertive']) {
      const region = document.getElementById(id) as HTMLElement;
      new MutationObserver((records) => {
        for (const { addedNodes } of records) {
          for (const node of addedNodes) announced.push([id, node.textContent ?? '']);
        }
      }).observe(region, { childList: true });
    }
    return announced;
  });
  return () => announced.jsonValue();
}

/** The types of the commands that the page sends over WebSockets that it opens from now on. */
export function recordCommands(page: Page): string[] {
  const types: string[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const { type } = JSON.parse(String(payload)) as { type: string };
      if (/_SEATS?$|_HOLD$/.test(type)) types.push(type);
    }),
  );
  return types;
}

/** A command of a user without a browser. It must succeed. */
export async function post(
  venue: { url: string },
  action: 'select' | 'book' | 'release',
  seat_id: string,
  user_id = 'someone',
): Promise<void> {
  const response = await fetch(new URL(`/api/seats/${action}`, venue.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seat_id, user_id }),
  });
  expect(await response.json()).toMatchObject({ success: true });
}
