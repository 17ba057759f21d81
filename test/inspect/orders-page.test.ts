import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { OrderReply } from '../../src/protocol/order.ts';
import { axeFaults } from '../support/axe.ts';
import { useBrowser } from '../support/browser.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';

let browser: Browser;
let server: TestServer;
beforeAll(async () => {
  const env = { INSPECT: 'on', PAYMENT_PROVIDER: 'sandbox' };
  [browser, server] = await Promise.all([useBrowser(), startEmbedded({ env })]);
});
afterAll(() => server?.stop());

const user_id = 'alice';

async function post(path: string, body: object | URLSearchParams) {
  const isForm = body instanceof URLSearchParams;
  const url = new URL(path, server.url);
  return fetch(url, { method: 'POST', body: isForm ? body : JSON.stringify(body), redirect: 'manual' });
}

async function order(...seats: string[]): Promise<OrderReply> {
  await post('/api/shows/chamber/holds', { seats, user_id });
  const reply = await post('/api/shows/chamber/orders', { seats: seats.map((id) => ({ id })), user_id });
  return (await reply.json()) as OrderReply;
}

test('[R923] the live view lists the orders, first those of the chosen seat, and shows the chart of one', {
  timeout: 60_000,
}, async () => {
  const bought = await order('A3', 'A4');
  const other = await order('B1');
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  onTestFinished(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${server.url}/inspect/live?show=chamber#seat=A4`);
  const nameOf = ({ id }: OrderReply) => `order-${id.slice(0, 6)}`;
  const listed = () => page.locator('#order-list button').allInnerTexts();
  const lines = async () => (await listed()).map((text) => text.replaceAll(/\s+/g, ' '));
  await expect.poll(lines).toEqual([`${nameOf(bought)}: A3, A4 paying`, `${nameOf(other)}: B1 paying`]);
  expect(await page.locator('#order-list .of-seat').count()).toBe(1);

  await page.locator('#order-list button').first().click();
  const active = () => page.locator('#chart .active:not(.root, .region) > .name').allTextContents();
  await expect.poll(active).toEqual(['paying']);
  expect(await page.locator('#machine-name').textContent()).toBe(nameOf(bought));
  await post(bought.pay_url ?? '', new URLSearchParams({ card: '4242424242424242' }));
  await expect.poll(active, { timeout: 20_000 }).toEqual(['issued']);
  expect(await page.locator('#facts').innerText()).toMatch(/seatIds\s+A3,A4/);
  await expect.poll(() => page.locator('#sequence').innerText()).toContain('ISSUED');
  expect(await axeFaults(page)).toEqual([]);
});
