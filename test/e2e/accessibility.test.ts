import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { axeFaults } from '../support/axe.ts';
import { classOf, hasClass, hold, post, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

/** The WCAG contrast ratio of two colours. */
function contrast(one: string, two: string): number {
  const luminance = (color: string) => {
    const [r, g, b] = (color.match(/[\d.]+/g) ?? []).map((part) => {
      const value = Number(part) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(two)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const looks = [
  ['a phone', 320, 640, 'light'],
  ['a phone', 320, 640, 'dark'],
  ['a desk', 1280, 900, 'light'],
  ['a desk', 1280, 900, 'dark'],
] as const;

describe('accessibility', () => {
  const pages = usePages(startEmbedded);

  test.each(looks)(
    '[R119] axe finds no fault on %s (%i × %i, %s), in each state of the page',
    {
      timeout: 90_000,
    },
    async (_, width, height, colorScheme) => {
      const { page, context } = await pages.open({ viewport: { width, height }, colorScheme });
      expect(await axeFaults(page), 'at rest').toEqual([]);
      await post(pages.venue, 'select', 'B5', `someone-${width}-${colorScheme}`);
      await classOf(page, 'seat-B5').toMatch(hasClass('held'));
      await seat(page, 'B5').click();
      await hold(page, 'A1');
      expect(await axeFaults(page), 'with one seat, and a message').toEqual([]);
      await hold(page, 'A2', 'A3');
      expect(await axeFaults(page), 'with three').toEqual([]);
      await context.setOffline(true);
      await textOf(page, 'connection-status').toBe('● Offline');
      expect(await axeFaults(page), 'offline').toEqual([]);
      await context.setOffline(false);
      await textOf(page, 'connection-status').toBe('● Connected');
      await page.locator('#release-btn').click();
      await post(pages.venue, 'release', 'B5', `someone-${width}-${colorScheme}`);
    },
  );

  test.each(['light', 'dark'] as const)(
    '[R119] the %s shapes have enough contrast, and differ without colours too',
    async (colorScheme) => {
      const { page } = await pages.open({ colorScheme });
      const user = `shapes-${colorScheme}`;
      await post(pages.venue, 'select', 'F1', user);
      await hold(page, 'F3');
      await classOf(page, 'seat-F1').toMatch(hasClass('held'));
      const colours = await page.evaluate(() => {
        const style = (id: string, pseudo?: string) =>
          getComputedStyle(document.getElementById(id) as HTMLElement, pseudo);
        const colour = (name: string) => {
          const probe = document.createElement('i');
          probe.style.setProperty('color', `var(${name})`);
          document.body.append(probe);
          const { color } = getComputedStyle(probe);
          probe.remove();
          return color;
        };
        return {
          surface: colour('--surface'),
          shapes: ['--available', '--held-edge', '--booked-edge', '--mine'].map(colour),
          held: [style('seat-F1').backgroundColor, style('seat-F1', '::after').backgroundColor] as const,
          number: [style('seat-A9').backgroundColor, style('seat-A9').color] as const,
          booked: [colour('--booked'), colour('--on-booked')] as const,
          glyphs: ['seat-A9', 'seat-F1', 'seat-F3'].map((id) => style(id, '::after').clipPath),
        };
      });
      for (const shape of colours.shapes) expect(contrast(shape, colours.surface)).toBeGreaterThanOrEqual(3);
      expect(contrast(...colours.number)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(...colours.held)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(...colours.booked)).toBeGreaterThanOrEqual(4.5);
      expect(new Set([colours.glyphs[0], colours.glyphs[1]]).size, 'free and held differ by shape').toBe(2);
      await post(pages.venue, 'release', 'F1', user);
      await page.locator('#release-btn').click();
      await classOf(page, 'seat-F3').toMatch(hasClass('available'));
    },
  );

  test('[R119] in forced colours each state has a different shape', async () => {
    const { page } = await pages.open({ forcedColors: 'active' });
    await post(pages.venue, 'select', 'G1', 'forced');
    await classOf(page, 'seat-G1').toMatch(hasClass('held'));
    await hold(page, 'G2');
    const drawn = await page.evaluate(() =>
      ['seat-A9', 'seat-G1', 'seat-G2'].map((id) => {
        const seat = document.getElementById(id) as HTMLElement;
        const glyph = getComputedStyle(seat, '::after');
        const hasGlyph = glyph.content !== 'none';
        const isGlyphSeen = glyph.backgroundColor !== getComputedStyle(seat).backgroundColor;
        return `${getComputedStyle(seat).borderTopWidth} ${hasGlyph && isGlyphSeen ? glyph.clipPath.slice(0, 16) : 'number'}`;
      }),
    );
    expect(new Set(drawn).size).toBe(3);
  });

  test('[R119] with reduced motion nothing moves; otherwise a change by another user is animated once', async () => {
    const [calm, lively] = [await pages.open(), await pages.open({ reducedMotion: 'no-preference' })];
    for (const { page } of [calm, lively]) {
      await page.evaluate(() => {
        const animated: string[] = [];
        Object.assign(window, { animated });
        const animate = Element.prototype.animate;
        Element.prototype.animate = function (...given) {
          animated.push(this.id);
          return animate.apply(this, given);
        };
      });
    }
    await post(pages.venue, 'select', 'I1');
    for (const { page } of [calm, lively]) await classOf(page, 'seat-I1').toMatch(hasClass('held'));
    const animatedOn = (page: Page) => page.evaluate(() => (window as unknown as { animated: string[] }).animated);
    expect([await animatedOn(calm.page), await animatedOn(lively.page)]).toEqual([[], ['seat-I1']]);
    await hold(lively.page, 'I2');
    expect(await animatedOn(lively.page), 'a change by the user is not animated').toEqual(['seat-I1']);
  });

  test('[R119] the page can be zoomed; a print shows the seats and no buttons', async () => {
    const { page } = await pages.open();
    const viewport = await page.locator('meta[name=viewport]').getAttribute('content');
    expect(viewport).not.toMatch(/user-scalable|maximum-scale/);
    await page.emulateMedia({ media: 'print' });
    await expect.poll(() => page.locator('.actions').isVisible()).toBe(false);
    await expect.poll(() => seat(page, 'A1').isVisible()).toBe(true);
    const { right, bottom } = await page.evaluate(() => {
      const map = (document.querySelector('.legend') as HTMLElement).getBoundingClientRect();
      return { right: map.right - window.innerWidth, bottom: map.bottom };
    });
    expect(right).toBeLessThanOrEqual(0);
    expect(bottom).toBeLessThan(1123); // an A4 sheet at 96 dpi
  });
});
