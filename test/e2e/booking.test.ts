import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Booker, classOf as classOfId, hasClass, holdAtLast, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startVenue } from '../support/venue.ts';

const classOf = (page: Page, id: string) => classOfId(page, `seat-${id}`);
const messages = (page: Page) => textOf(page, 'messages');

/** The system test and the demo of the plan, with two browsers and all processes. */
describe('two browsers', () => {
  const pages = usePages(startVenue);
  let one: Booker;
  let two: Booker;

  beforeEach(async () => {
    [one, two] = await Promise.all([pages.open(), pages.open()]);
  });

  test('[G5] a seat that one user selects turns yellow for the other, and red when it is booked', async () => {
    await expect.poll(() => one.page.locator('#seat-map button').count()).toBe(100);
    await seat(one.page, 'C4').click();
    await classOf(one.page, 'C4').toMatch(hasClass('mine'));
    await classOf(two.page, 'C4').toMatch(hasClass('held'));
    await textOf(two.page, 'count').toBe('99');
    await textOf(one.page, 'selected-seat').toBe('C4');
    await textOf(one.page, 'timer').toMatch(/\d/);

    await one.page.locator('#book-btn').click();
    await classOf(two.page, 'C4').toMatch(hasClass('booked'));
    await classOf(one.page, 'C4').toMatch(hasClass('booked'));
    await classOf(one.page, 'C4').toMatch(hasClass('mine'));
  });

  test('[G1] if two users click one seat, one gets it and the other sees a message', async () => {
    await Promise.all([seat(one.page, 'E5').click(), seat(two.page, 'E5').click()]);
    await classOf(one.page, 'E5').toMatch(hasClass('held'));
    await classOf(two.page, 'E5').toMatch(hasClass('held'));
    const mine = await Promise.all(
      [one, two].map(async ({ page }) => hasClass('mine').test((await seat(page, 'E5').getAttribute('class')) ?? '')),
    );
    expect(mine.filter(Boolean)).toHaveLength(1);
    await messages((mine[0] ? two : one).page).toContain('E5');
    await (mine[0] ? one : two).page.locator('#release-btn').click();
    await classOf(one.page, 'E5').toMatch(hasClass('available'));
    await classOf(two.page, 'E5').toMatch(hasClass('available'));
  });

  test('[G3] a hold that is not booked ends for both after 30 s, and its holder sees a message', {
    timeout: 90_000,
  }, async () => {
    await seat(one.page, 'D5').click();
    await classOf(two.page, 'D5').toMatch(hasClass('held'));
    const waiting = { timeout: 60_000 };
    await expect.poll(() => seat(two.page, 'D5').getAttribute('class'), waiting).toMatch(hasClass('available'));
    await classOf(one.page, 'D5').toMatch(hasClass('available'));
    await messages(one.page).toContain('D5');
    await expect.poll(() => one.page.locator('#selected-info').isVisible()).toBe(false);
  });

  test('a reload keeps the user and the hold', async () => {
    await seat(one.page, 'F6').click();
    await classOf(one.page, 'F6').toMatch(hasClass('mine'));
    await one.page.reload();
    await classOf(one.page, 'F6').toMatch(hasClass('mine'));
    await textOf(one.page, 'selected-seat').toBe('F6');
    await one.page.locator('#release-btn').click();
    await classOf(two.page, 'F6').toMatch(hasClass('available'));
  });

  test('[G7] after one edge is killed, both users continue through the other', async () => {
    // All browsers have one address, so ip_hash sends them to the same edge. Each edge is killed in turn.
    for (const [index, edge] of pages.venue.edges.entries()) {
      const id = `G${index + 1}`;
      await edge.kill();
      for (const { page } of [one, two]) await page.locator('#connection-status.connected').waitFor();
      await holdAtLast(one.page, id, { timeout: 10_000 });
      await classOf(two.page, id).toMatch(hasClass('held'));
      await edge.restart();
    }
  });
});
