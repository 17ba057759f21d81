import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { type Booker, openPage, useBrowser } from './browser.ts';

/** A browser, and a system that runs during the tests of a file or of a `describe`. */
export function usePages<Venue extends { url: string; stop(): Promise<void> }>(start: () => Promise<Venue>) {
  let venue: Venue;
  let browser: Browser;

  beforeAll(async () => {
    [venue, browser] = await Promise.all([start(), useBrowser()]);
  });
  afterAll(() => venue?.stop());

  return {
    get venue() {
      return venue;
    },
    get browser() {
      return browser;
    },
    /** A new user until the end of the test. The console of the page must stay clean. */
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
