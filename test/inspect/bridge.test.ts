import type { StatelyInspectionEvent } from '@statelyai/inspect';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { seatMachine } from '../../machines/seat.ts';
import { post, textOf, useBrowser } from '../support/browser.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';
import { startStandIn } from './stand-in-inspector.ts';

let standIn: Awaited<ReturnType<typeof startStandIn>>;
let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  standIn = await startStandIn();
  server = await startEmbedded({ env: { INSPECT: 'on', INSPECTOR_URL: standIn.url } });
  browser = await useBrowser();
});
afterAll(async () => {
  await server?.stop();
  await standIn?.stop();
});

async function openBridge(query: string) {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // The stand-in has no icon.
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(message.text());
  });
  onTestFinished(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${server.url}/inspect${query}`);
  return page;
}

/** The events that Stately's receiver has passed to its page. */
async function received(page: Page): Promise<StatelyInspectionEvent[]> {
  const frame = page.frames().find((each) => each.url().startsWith(standIn.url));
  if (!frame) return [];
  return frame.evaluate(() => (globalThis as unknown as { received?: StatelyInspectionEvent[] }).received ?? []);
}

const actorIds = async (page: Page) =>
  (await received(page)).filter(({ type }) => type === '@xstate.actor').map(({ sessionId }) => sessionId);
const snapshots = async (page: Page) =>
  (await received(page)).flatMap((event) => (event.type === '@xstate.snapshot' ? [event.snapshot] : []));

test('[R153] a seat is shown in an inspector that uses Stately’s protocol', async () => {
  await post(server, 'select', 'A1', 'user_0123456789abcdef');
  const page = await openBridge('?seat=A1');
  await expect.poll(() => actorIds(page)).toEqual(['seat-A1']);
  const actor = (await received(page)).find((event) => event.type === '@xstate.actor');
  expect(actor).toMatchObject({ name: 'seat-A1', snapshot: { value: 'held' } });
  const definition = JSON.parse(actor?.definition ?? '');
  expect(definition).toMatchObject({ id: 'seat', initial: 'hydrating' });
  expect(Object.keys(definition.states)).toEqual(Object.keys(seatMachine.config.states ?? {}));
  await post(server, 'book', 'A1', 'user_0123456789abcdef');
  await expect.poll(async () => (await snapshots(page)).at(-1)).toMatchObject({ value: 'booked' });
  expect(JSON.stringify(await received(page))).not.toContain('0123456789');
});

test('[R153] several seats, or all seats, are sent', async () => {
  const several = await openBridge('?seat=B1,b2&seat=C3');
  await expect.poll(() => actorIds(several)).toEqual(['seat-B1', 'seat-B2', 'seat-C3']);
  const all = await openBridge('?seat=all');
  await expect.poll(async () => (await actorIds(all)).length).toBe(100);
});

test('[R153] an inspector that is reloaded gets everything again', async () => {
  const page = await openBridge('?seat=D1');
  await expect.poll(() => actorIds(page)).toEqual(['seat-D1']);
  await post(server, 'select', 'D1');
  await page.frames()[1]?.goto(`${standIn.url}`);
  await expect.poll(() => actorIds(page)).toEqual(['seat-D1']);
  const actor = (await received(page)).find((event) => event.type === '@xstate.actor');
  expect(actor).toMatchObject({ snapshot: { value: 'held' } });
});

test('[R153] nothing is sent before seats are chosen, and the page explains what will be sent', async () => {
  const page = await openBridge('');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await textOf(page, 'inspector-url').toBe(standIn.url);
  await expect.poll(() => page.locator('.explain').innerText()).toMatch(/ids are shortened.*no token, address or key/s);
  expect(page.frames()[1]?.url()).toBe('about:blank');
  expect(asked.filter((url) => !url.startsWith(server.url))).toEqual([]);
  await page.locator('input[name=seat]').fill('e5');
  await page.keyboard.press('Enter');
  await expect.poll(() => actorIds(page)).toEqual(['seat-E5']);
  await expect.poll(() => page.locator('main iframe').isVisible()).toBe(true);
});

test('[R153] a frame that does not reply is not shown', async () => {
  const silent = await startEmbedded({ env: { INSPECT: 'on', INSPECTOR_URL: 'http://127.0.0.1:9/inspector' } });
  onTestFinished(() => silent.stop());
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(`${silent.url}/inspect?seat=A1`);
  await textOf(page, 'status').toContain('Waiting');
  expect(await page.locator('#inspector').isVisible()).toBe(false);
});

test('[R153] only the embedded inspector gets events: a greeting of another window is ignored', async () => {
  const page = await openBridge('?seat=F1');
  await expect.poll(() => actorIds(page)).toEqual(['seat-F1']);
  const before = (await received(page)).length;
  await page.evaluate(() => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const { contentWindow: other } = frame;
    // One from a window that is neither the page nor the inspector, one from the page itself.
    dispatchEvent(
      new MessageEvent('message', { data: { type: '@statelyai.connected' }, source: other, origin: 'null' }),
    );
    postMessage({ type: '@statelyai.connected' }, '*');
  });
  await post(server, 'select', 'F1');
  await expect.poll(async () => (await snapshots(page)).length).toBeGreaterThan(0);
  expect((await received(page)).length).toBeGreaterThan(before);
  expect(await actorIds(page), 'the feed was not opened again').toEqual(['seat-F1']);
});

test('[R165] the tabs of this browser are sent too', async () => {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const booking = await context.newPage();
  await booking.goto(`${server.url}/?inspect`);
  const page = await context.newPage();
  await page.goto(`${server.url}/inspect?tabs`);
  await expect.poll(() => actorIds(page)).toEqual([expect.stringMatching(/^connection-/)]);
});
