import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import {
  classOf,
  focusOf,
  hasClass,
  hold,
  openTab,
  post,
  recordAnnouncements,
  recordCommands,
  seat,
  textOf,
} from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const isVisible = (page: Page, id: string) => expect.poll(() => page.locator(`#${id}`).isVisible());
const heldHere = (page: Page) => page.locator('#hold-list .hold-seat').allInnerTexts();

describe('several seats', () => {
  const pages = usePages(startEmbedded);

  test('[R115] one countdown for all seats, one each if their ends differ; one press books all', async () => {
    const { page } = await pages.open();
    await hold(page, 'A1');
    await textOf(page, 'selected-seat').toBe('A1');
    await expect.poll(() => heldHere(page)).toEqual([]);
    await hold(page, 'A3', 'A2');
    expect(await heldHere(page)).toEqual(['A1', 'A2', 'A3']);
    await textOf(page, 'selected-seat').toBe('3 of 6');
    await textOf(page, 'book-btn').toBe('Book 3 seats');
    const seconds = async (selector: string) =>
      (await page.locator(selector).allInnerTexts()).map((text) => Number.parseInt(text, 10));
    expect((await seconds('.hold-seconds')).filter((each) => !Number.isNaN(each))).toEqual([]);
    await expect.poll(async () => (await seconds('#timer'))[0] ?? 99).toBeLessThan(23);
    await hold(page, 'A4');
    await expect
      .poll(async () => {
        const [[first], each] = await Promise.all([seconds('#timer'), seconds('.hold-seconds')]);
        return each.length === 4 && Math.min(...each) === first && Math.max(...each) > Math.min(...each) + 5;
      })
      .toBe(true);

    await page.locator('#book-btn').click();
    for (const id of ['A1', 'A2', 'A3', 'A4']) await seat(page, id).and(page.locator('.booked.mine')).waitFor();
    await textOf(page, 'messages').toMatch(/Booked\. The \d seats are yours\./);
    await textOf(page, 'booked-info').toBe('Your seats: A1, A2, A3, A4');
    await page.reload();
    await textOf(page, 'booked-info').toBe('Your seats: A1, A2, A3, A4');
    await page.emulateMedia({ media: 'print' });
    await isVisible(page, 'booked-info').toBe(true);
  });

  test('[R115] [R98] a chip, the seat itself, or a key releases one seat, with Undo; one press releases all', async () => {
    const { page } = await pages.open();
    await hold(page, 'B1', 'B2', 'B3', 'B4', 'B5');
    await page.locator('#hold-B1').click();
    await classOf(page, 'seat-B1').toMatch(hasClass('available'));
    await page.getByRole('button', { name: 'Undo' }).click();
    await classOf(page, 'seat-B1').toMatch(hasClass('mine'));
    await focusOf(page).toBe('seat-B1');
    await page.keyboard.press('Delete');
    await classOf(page, 'seat-B1').toMatch(hasClass('available'));
    await page.locator('#hold-B2').focus();
    await page.keyboard.press('Escape');
    await classOf(page, 'seat-B2').toMatch(hasClass('available'));
    await focusOf(page).toBe('seat-B2');
    await seat(page, 'B3').click();
    await classOf(page, 'seat-B3').toMatch(hasClass('available'));
    expect(await heldHere(page)).toEqual(['B4', 'B5']);
    await page.locator('#release-btn').focus();
    await page.keyboard.press('Enter');
    for (const id of ['B4', 'B5']) await classOf(page, `seat-${id}`).toMatch(hasClass('available'));
    // The panel that had the focus is hidden.
    await focusOf(page).toMatch(/^seat-B[45]$/);
  });

  test('[R480] several seats are booked, released and held again by one message each', async () => {
    const { page } = await pages.open();
    const commands = recordCommands(page);
    await page.reload();
    await page.locator('#connection-status.connected').waitFor();
    await hold(page, 'H1', 'H2');
    await page.locator('#release-btn').click();
    await page.getByRole('button', { name: 'Undo' }).click();
    for (const id of ['H1', 'H2']) await classOf(page, `seat-${id}`).toMatch(hasClass('mine'));
    await page.locator('#book-btn').click();
    for (const id of ['H1', 'H2']) await classOf(page, `seat-${id}`).toMatch(hasClass('booked'));
    await textOf(page, 'messages').toContain('Booked. The 2 seats are yours.');
    expect(commands).toEqual(['SELECT_SEAT', 'SELECT_SEAT', 'RELEASE_HOLD', 'HOLD_SEATS', 'BOOK_HOLD']);
  });

  test('[R481] if one seat of several is taken, none is held, and the others are offered', async () => {
    const { page } = await pages.open();
    await hold(page, 'J1', 'J2', 'J3');
    await page.locator('#release-btn').click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    // The page does not know of the other user yet when it sends the command.
    await page.evaluate(() => {
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (data) {
        if (!String(data).includes('HOLD_SEATS')) return send.call(this, data);
        WebSocket.prototype.send = send;
        Object.assign(window, { letGo: () => send.call(this, data) });
      };
    });
    await page.getByRole('button', { name: 'Undo' }).click();
    await post(pages.venue, 'select', 'J3');
    await page.evaluate(() => (window as unknown as { letGo: () => void }).letGo());
    await textOf(page, 'messages').toContain('J3 is taken by someone else, so J1 and J2 are not held either.');
    await classOf(page, 'seat-J1').toBe('seat available');
    await page.getByRole('button', { name: 'Take J1 and J2 without J3' }).click();
    for (const id of ['J1', 'J2']) await classOf(page, `seat-${id}`).toMatch(hasClass('mine'));
    await focusOf(page).toBe('seat-J1');
  });

  test('[R98] a double click holds a seat, and does not release it', async () => {
    const { page } = await pages.open();
    await seat(page, 'F1').dblclick({ delay: 50 });
    await classOf(page, 'seat-F1').toMatch(hasClass('mine'));
    await hold(page, 'F2');
    await expect.poll(() => heldHere(page)).toEqual(['F1', 'F2']);
  });

  test('[R115] the limit is shown before it is reached, at the limit, and after a click beyond it', async () => {
    const { page } = await pages.open();
    await textOf(page, 'hint').toContain('up to 6 seats at once');
    await hold(page, 'C1', 'C2');
    await textOf(page, 'selected-seat').toBe('2 of 6');
    await hold(page, 'C3', 'C4', 'C5', 'C6');
    await textOf(page, 'selected-seat').toBe('6 of 6');
    await seat(page, 'C7').click();
    await textOf(page, 'messages').toContain('You already hold the maximum number of seats.');
    await classOf(page, 'seat-C7').toBe('seat available');
    await page.locator('#release-btn').click();
    await isVisible(page, 'hint').toBe(true);
    await hold(page, 'C7');
  });

  test('[R392] a message about a seat disappears when the state of the seat changes', async () => {
    const { page } = await pages.open();
    await post(pages.venue, 'select', 'I1');
    await classOf(page, 'seat-I1').toMatch(hasClass('held'));
    await seat(page, 'I1').click();
    await textOf(page, 'messages').toContain('I1 is held by someone else.');
    await post(pages.venue, 'release', 'I1');
    await textOf(page, 'messages').toBe('');
  });

  test('[R119] all tabs of a user show the same holds, and a reload keeps them', { timeout: 60_000 }, async () => {
    const { context, page, faults } = await pages.open();
    const other = await openTab(context, pages.venue.url, faults);
    await hold(page, 'D1', 'D2');
    await expect.poll(() => heldHere(other)).toEqual(['D1', 'D2']);
    await other.locator('#book-btn').click();
    for (const id of ['D1', 'D2']) await seat(page, id).and(page.locator('.booked.mine')).waitFor();
    await hold(other, 'D3', 'D4');
    await page.reload();
    await expect.poll(() => heldHere(page)).toEqual(['D3', 'D4']);
    await page.locator('#release-btn').click();
    await expect.poll(() => heldHere(other)).toEqual([]);
  });

  test('[R114] the loser of a race keeps the focus, sees the state of the seat, and takes the nearest seat by one press', async () => {
    const { page } = await pages.open();
    await seat(page, 'E5').focus();
    // The request is delayed until the other user has the seat.
    await page.evaluate(() => {
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (data) {
        const isSelect = String(data).includes('SELECT_SEAT');
        if (!isSelect) return send.call(this, data);
        WebSocket.prototype.send = send;
        Object.assign(window, { letGo: () => send.call(this, data) });
      };
    });
    await page.keyboard.press('Enter');
    await classOf(page, 'seat-E5').toMatch(hasClass('pending'));
    await post(pages.venue, 'select', 'E5');
    await page.evaluate(() => (window as unknown as { letGo: () => void }).letGo());
    await textOf(page, 'messages').toContain('E5 is held by someone else.');
    await classOf(page, 'seat-E5').toBe('seat held');
    await focusOf(page).toBe('seat-E5');
    const offer = page.getByRole('button', { name: 'Take E4 instead' });
    await offer.click();
    await classOf(page, 'seat-E4').toMatch(hasClass('mine'));
    await focusOf(page).toBe('seat-E4');
  });

  test('[R114] a click on a taken seat offers the nearest free seat, and the next one if that is taken meanwhile', async () => {
    const { page } = await pages.open();
    await post(pages.venue, 'select', 'G1');
    await classOf(page, 'seat-G1').toMatch(hasClass('held'));
    await seat(page, 'G1').click();
    await page.getByRole('button', { name: 'Take G2 instead' }).waitFor();
    await post(pages.venue, 'select', 'G2', 'another');
    await classOf(page, 'seat-G2').toMatch(hasClass('held'));
    await page.getByRole('button', { name: 'Take G2 instead' }).click();
    await page.getByRole('button', { name: 'Take G3 instead' }).click();
    await classOf(page, 'seat-G3').toMatch(hasClass('mine'));
  });
});

describe('with holds of 4 s', () => {
  const pages = usePages(() => startEmbedded({ env: { HOLD_SECONDS: '4' } }));

  test('[R116] the end of a hold is announced before and after, and one press holds the same seats again', async () => {
    const { page } = await pages.open();
    const announcements = await recordAnnouncements(page);
    await hold(page, 'A1', 'A2');
    await textOf(page, 'messages').toContain('Time is up: you no longer hold A1 and A2.');
    await isVisible(page, 'hint').toBe(true);
    await page.getByRole('button', { name: 'Try the same seats again' }).click();
    for (const id of ['A1', 'A2']) await classOf(page, `seat-${id}`).toMatch(hasClass('mine'));
    const announced = await announcements();
    expect(announced.find(([, text]) => /^[12] s left to book A/.test(text))?.[0]).toBe('polite');
    expect(announced.find(([, text]) => text.startsWith('A1 is held for you'))?.[0], '[R117]').toBe('polite');
    expect(announced.find(([, text]) => text.startsWith('Time is up'))?.[0], '[R117] a loss interrupts').toBe(
      'assertive',
    );
  });

  test('[R116] the rings on the seat and in the panel count down', async () => {
    const { page } = await pages.open();
    await hold(page, 'B1');
    const fractions = () =>
      page.evaluate(() =>
        ['seat-B1', 'timer-ring', 'timer-bar'].map((id) =>
          Number((document.getElementById(id) as HTMLElement).style.getPropertyValue('--fraction-left')),
        ),
      );
    await expect
      .poll(async () => {
        const left = await fractions();
        return left.every((each) => each > 0 && each <= 0.5);
      })
      .toBe(true);
    expect(new Set(await fractions()).size, 'they agree').toBe(1);
  });
});
