import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { type Booker, launchBrowser, openPage } from './browser.ts';
import { startVenue, type TestVenue, type VenueOptions } from './venue.ts';

/** For a file of tests, or a part of it: the whole system and a browser, started before its tests and ended after them. */
export function usePages(options: VenueOptions = {}) {
  let venue: TestVenue;
  let browser: Browser;

  beforeAll(async () => {
    [venue, browser] = await Promise.all([startVenue(options), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await venue?.stop();
  });

  return {
    get venue() {
      return venue;
    },
    get browser() {
      return browser;
    },
    /** Someone new, until the end of the test, whose page must have nothing to complain about. */
    async open(context: BrowserContextOptions = {}, url = venue.url): Promise<Booker> {
      const booker = await openPage(browser, url, context);
      onTestFinished(async () => {
        await booker.context.close();
        expect(booker.faults, '[R103] the console stays clean').toEqual([]);
      });
      return booker;
    },
  };
}
