import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's Chromium, kept from looking for anything beyond this machine. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** One person with a browser: storage of its own, the page open and live. */
export interface Booker {
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page: exceptions, and errors in its console. */
  faults: string[];
}

export async function openPage(browser: Browser, url: string): Promise<Booker> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // A connection that an edge's end cut is an error to Chromium's console, and part of the test.
    if (message.type() === 'error' && !message.text().includes('WebSocket')) faults.push(message.text());
  });
  await page.goto(url);
  await page.locator('#connection-status.connected').waitFor();
  return { context, page, faults };
}
