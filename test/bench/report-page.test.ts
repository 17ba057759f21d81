import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderHtml } from '../../bench/report/html.ts';
import type { Report } from '../../bench/report/report.ts';
import { useBrowser } from '../support/browser.ts';
import { report } from './report-fixture.ts';

const names = ['redis', 'nats', 'booking-8080', 'booking-8081', 'edge-8090', 'edge-8091', 'loader'];
const long: Report = {
  ...report,
  commandLine: `npm run load -- contend --url http://${'a-very-long-host-name.'.repeat(5)}example --threshold 'p99<20'`,
  processes: names.map((name) => ({ ...(report.processes[0] as Report['processes'][number]), name })),
};

async function openReport(width: number): Promise<Page> {
  const page = await (await useBrowser()).newPage({ viewport: { width, height: 844 } });
  onTestFinished(() => page.close());
  await page.setContent(renderHtml(long, report));
  return page;
}

describe('the page of a report', () => {
  it.each([320, 390, 1280])(
    '[R439] fits a window of %i px: no sideways scrolling, plots whole and readable',
    async (width) => {
      const page = await openReport(width);
      const found = await page.evaluate(() => {
        const svgs = [...document.querySelectorAll('svg')];
        return {
          overflowPx: document.documentElement.scrollWidth - window.innerWidth,
          plots: svgs.length,
          widest: Math.max(...svgs.map((svg) => svg.getBoundingClientRect().right)),
          cutTexts: svgs.flatMap((svg) =>
            [...svg.querySelectorAll('text')]
              .filter((text) => !text.closest('.tip'))
              .filter((text) => text.getBoundingClientRect().right > svg.getBoundingClientRect().right + 1)
              .map((text) => text.textContent),
          ),
          leastFontPx: Math.min(
            ...svgs.map((svg) => (11 * svg.getBoundingClientRect().width) / svg.viewBox.baseVal.width),
          ),
        };
      });
      await page.close();
      expect(found.overflowPx).toBeLessThanOrEqual(0);
      expect(found.cutTexts).toEqual([]);
      expect(found.plots).toBeGreaterThanOrEqual(5);
      expect(found.widest).toBeLessThanOrEqual(width);
      expect(found.leastFontPx).toBeGreaterThanOrEqual(width < 390 ? 8.5 : 10);
    },
  );

  it('[R439] shows the values at a point under the mouse, and after a tap', async () => {
    const page = await openReport(390);
    const visibleTips = () =>
      page.evaluate(() =>
        [...document.querySelectorAll('.tip')]
          .filter((tip) => getComputedStyle(tip).visibility === 'visible')
          .map((tip) => tip.textContent),
      );
    expect(await visibleTips()).toEqual([]);
    const band = page.locator('svg[aria-label="CPU"] .band').first();
    await band.locator('> rect').hover();
    const [text, ...others] = await visibleTips();
    expect(others).toEqual([]);
    for (const name of names) expect(text).toContain(`${name}: 50 % of a core`);

    await page.mouse.move(0, 0);
    expect(await visibleTips()).toEqual([]);
    await band.evaluate((element) => (element as SVGElement).focus()); // the effect of a tap
    expect(await visibleTips()).toEqual([text]);
    await page.close();
  });
});
