import { type LaunchOptions, launch } from 'puppeteer-core';
import type { RunningBrowser, SupportedBrowser, Tab } from './tab.ts';

export const chromiumBrowser: SupportedBrowser = {
  name: 'Chromium',
  packages: { chromium: '/usr/bin/chromium' },
  launch: () =>
    run({
      browser: 'chrome',
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu'],
      ignoreDefaultArgs: ['--hide-scrollbars'],
    }),
};

/** Over WebDriver BiDi: Debian has no geckodriver, and Playwright 1.65 sends commands that Firefox ESR does not know. */
export const firefoxBrowser: SupportedBrowser = {
  name: 'Firefox',
  packages: { 'firefox-esr': '/usr/bin/firefox-esr' },
  launch: () =>
    run({
      browser: 'firefox',
      executablePath: '/usr/bin/firefox-esr',
      extraPrefsFirefox: { 'widget.gtk.overlay-scrollbars.enabled': false },
    }),
};

async function run(options: LaunchOptions): Promise<RunningBrowser> {
  const browser = await launch(options);
  return {
    version: await browser.version(),
    async openTab(): Promise<Tab> {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      return {
        goto: async (url) => void (await page.goto(url)),
        reload: async () => void (await page.reload()),
        click: (selector) => page.bringToFront().then(() => page.click(selector)),
        press: (key) => page.bringToFront().then(() => page.keyboard.press(key === 'Space' ? ' ' : key)),
        resize: (width, height) => page.setViewport({ width, height }),
        // A tab in the background draws no frames.
        evaluate: <T>(expression: string) => page.bringToFront().then(() => page.evaluate(expression) as Promise<T>),
      };
    },
    close: () => browser.close(),
  };
}
