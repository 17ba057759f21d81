import { type Browser, chromium, firefox } from 'playwright-core';
import type { RunningBrowser, SupportedBrowser, Tab } from './tab.ts';

export const chromiumBrowser: SupportedBrowser = {
  name: 'Chromium',
  packages: { chromium: '/usr/bin/chromium' },
  launch: async () =>
    running(
      await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu'],
        ignoreDefaultArgs: ['--hide-scrollbars'],
      }),
    ),
};

/** Debian's Firefox as it is, over WebDriver BiDi. */
export const firefoxBrowser: SupportedBrowser = {
  name: 'Firefox',
  packages: { 'firefox-esr': '/usr/bin/firefox-esr' },
  launch: async () =>
    running(
      await firefox.launch({
        channel: 'moz-firefox',
        executablePath: '/usr/bin/firefox-esr',
        firefoxUserPrefs: { 'widget.gtk.overlay-scrollbars.enabled': false },
      }),
    ),
};

function running(browser: Browser): RunningBrowser {
  return {
    version: browser.version(),
    openTab: () => openTab(browser),
    close: () => browser.close(),
  };
}

async function openTab(browser: Browser): Promise<Tab> {
  const page = await browser.newPage();
  return {
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    click: (selector) => page.click(selector),
    press: (key) => page.keyboard.press(key),
    resize: (width, height) => page.setViewportSize({ width, height }),
    evaluate: (expression) => page.evaluate(expression),
  };
}
