import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket as Socket } from 'ws';
import { classOf, hasClass, hold, post, seat, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startVenue } from '../support/venue.ts';

/** Drops the next command of the page, so that no reply comes. */
const loseNextCommand = (page: Page) =>
  page.evaluate(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      if (!String(data).includes('_SEAT')) return send.call(this, data);
      WebSocket.prototype.send = send;
    };
  });

describe('a bad connection', () => {
  const pages = usePages(startVenue);

  /** A proxy between the browser and nginx. */
  async function startLine(): Promise<{ proxy: TcpProxy; page: Page }> {
    const proxy = await startTcpProxy(Number(new URL(pages.venue.url).port));
    onTestFinished(() => proxy.close());
    const { page } = await pages.open({}, `http://127.0.0.1:${proxy.port}`);
    return { proxy, page };
  }

  test('[R112] [R101] a connection that goes silent is detected, shown and replaced; no event is missed', {
    timeout: 120_000,
  }, async () => {
    const { proxy, page } = await startLine();
    await hold(page, 'A1');
    proxy.hang();
    await post(pages.venue, 'select', 'A2');
    await textOf(page, 'connection-status').not.toBe('● Connected');
    await classOf(page, 'seat-map').toMatch(hasClass('dimmed'));
    await expect.poll(() => page.locator('#seat-map').getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => page.locator('#book-btn').getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => seat(page, 'A2').getAttribute('class')).toBe('seat available');
    proxy.heal();
    await expect.poll(() => page.locator('#connection-status').innerText(), { timeout: 40_000 }).toBe('● Connected');
    await classOf(page, 'seat-A2').toMatch(hasClass('held'));
    await classOf(page, 'seat-map').not.toMatch(hasClass('dimmed'));
    await expect.poll(() => page.locator('#seat-map').getAttribute('aria-disabled')).toBeNull();
  });

  test('[R113] after a sleep the page shows that it is checking, until the connection has replied', {
    timeout: 120_000,
  }, async () => {
    const { proxy, page } = await startLine();
    const statuses = await page.evaluateHandle(() => {
      const status = document.getElementById('connection-status') as HTMLElement;
      const shown: string[] = [];
      new MutationObserver(() =>
        shown.push(`${status.innerText} ${document.querySelector('.dimmed') !== null}`),
      ).observe(status, { childList: true, characterData: true, subtree: true });
      return shown;
    });
    const sleep = () =>
      page.evaluate(() => {
        const now = Date.now.bind(Date);
        Date.now = () => now() + 3_600_000;
      });
    proxy.delay(100);
    await sleep();
    await expect.poll(() => statuses.jsonValue()).toContain('● Checking the connection… true');
    await textOf(page, 'connection-status').toBe('● Connected');
    await textOf(page, 'messages').not.toContain('lost');
    // This time the connection is dead.
    proxy.delay(0);
    proxy.hang();
    await post(pages.venue, 'select', 'B2');
    await sleep();
    await textOf(page, 'messages').toContain('The connection is lost.');
    proxy.heal();
    await expect.poll(() => page.locator('#connection-status').innerText(), { timeout: 40_000 }).toBe('● Connected');
    await classOf(page, 'seat-B2').toMatch(hasClass('held'));
  });

  test('[R114] over a slow connection a click is shown as pending at once, and the round-trip time is shown', async () => {
    const { proxy, page } = await startLine();
    proxy.delay(600);
    // In the next frame, before any reply can have arrived.
    const shown = await seat(page, 'C1').evaluate(async (button: HTMLElement) => {
      button.click();
      await new Promise(requestAnimationFrame);
      return { className: button.className, ariaBusy: button.ariaBusy };
    });
    expect(shown).toEqual({ className: expect.stringMatching(hasClass('pending')), ariaBusy: 'true' });
    await classOf(page, 'seat-C1').toMatch(hasClass('mine'));
    await expect
      .poll(async () => Number((await page.locator('#round-trip').innerText()).match(/\d+/)?.[0]))
      .toBeGreaterThanOrEqual(1_200);
  });

  test('[R114] a request without a reply is reported after 5 s, and one click retries it', async () => {
    const { page } = await pages.open();
    await loseNextCommand(page);
    await seat(page, 'D1').click();
    await textOf(page, 'messages').toContain('No reply to selecting D1 within 5 s.');
    await classOf(page, 'seat-D1').toBe('seat available');
    await page.getByRole('button', { name: 'Try D1 again' }).click();
    await classOf(page, 'seat-D1').toMatch(hasClass('mine'));
    await loseNextCommand(page);
    await page.locator('#book-btn').click();
    await page.getByRole('button', { name: 'Try D1 again' }).click();
    await classOf(page, 'seat-D1').toMatch(hasClass('booked'));
  });

  test('[R114] a request whose connection breaks is reported, and can be retried after the reconnect', async () => {
    const { proxy, page } = await startLine();
    await loseNextCommand(page);
    await seat(page, 'E1').click();
    proxy.cut();
    await textOf(page, 'messages').toContain('The connection broke while selecting E1.');
    await textOf(page, 'connection-status').toBe('● Connected');
    await page.getByRole('button', { name: 'Try E1 again' }).click();
    await classOf(page, 'seat-E1').toMatch(hasClass('mine'));
  });

  test('[R110] the page shows the number of viewers of all edges; those of a crashed edge lapse', {
    timeout: 90_000,
  }, async () => {
    const [one, two] = [await pages.open(), await pages.open()];
    const watching = () => one.page.locator('#watching').innerText();
    await expect.poll(watching).toBe('2 people viewing');
    // nginx sends all browsers of this machine to one edge. These sockets connect to the port of each edge.
    const sockets = pages.venue.edges.map(({ url }) => new Socket(`${url.replace('http', 'ws')}/ws`));
    for (const socket of sockets) socket.on('error', () => {});
    await expect.poll(watching).toBe('4 people viewing');
    await two.page.close();
    await expect.poll(watching).toBe('3 people viewing');
    const crashed = pages.venue.edges[1];
    await crashed?.kill();
    // nginx decides which edge has the browsers. With either, this page stays connected or reconnects.
    await textOf(one.page, 'connection-status').toBe('● Connected');
    await expect.poll(watching, { timeout: 30_000 }).toBe('2 people viewing');
    for (const socket of sockets) socket.terminate();
    await expect.poll(watching).toBe('1 person viewing');
    await crashed?.restart();
  });
});
