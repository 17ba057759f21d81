import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { securityHeaders } from '../../src/http/security-headers.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startEmbedded({ env: { HOLD_SECONDS: '0.5' } });
});
afterAll(() => server?.stop());

const post = (action: string, body: object) =>
  fetch(`${server.url}/api/seats/${action}`, { method: 'POST', body: JSON.stringify(body) });

/** Everything that is sent to a client that says nothing. */
function listen(): { messages: { type: string; data: Record<string, unknown> }[]; socket: WebSocket } {
  const messages: { type: string; data: Record<string, unknown> }[] = [];
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`);
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  return { messages, socket };
}

test('one process serves the page, the API and the live venue', async () => {
  const page = await fetch(server.url);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(await page.text(), '[R120]').toContain('id="seat-J10"');
  expect(page.headers.get('content-security-policy'), '[R121]').toBe(securityHeaders['content-security-policy']);
  const script = await fetch(new URL('app.js', page.url));
  expect(script.headers.get('content-type')).toContain('javascript');
  const { messages, socket } = listen();
  await expect.poll(() => messages[0]?.type).toBe('VENUE_STATE');

  expect((await post('select', { seat_id: 'A1', user_id: 'ann' })).status).toBe(200);
  expect((await post('select', { seat_id: 'A1', user_id: 'bob' })).status).toBe(409);
  await expect.poll(() => messages[1]?.data).toMatchObject({ seat_id: 'A1', status: 1, held_by: 'ann' });
  await expect.poll(() => messages[2]?.data, { timeout: 5_000 }).toMatchObject({ seat_id: 'A1', status: 0 });
  socket.close();
});

test('a seat that a WebSocket client asks for is booked by HTTP', async () => {
  const { messages, socket } = listen();
  await expect.poll(() => messages.length).toBeGreaterThan(0);
  socket.send(JSON.stringify({ type: 'SELECT_SEAT', request_id: 7, data: { seat_id: 'B2', user_id: 'ann' } }));
  await expect.poll(() => messages.find(({ type }) => type === 'ACK')).toMatchObject({ request_id: 7 });
  expect(await (await post('book', { seat_id: 'B2', user_id: 'ann' })).json()).toMatchObject({ seat: { status: 2 } });
  socket.close();
});

test('it says loudly that bookings end with the process', async () => {
  expect(await readFile(server.logFile, 'utf8')).toContain('Every hold and booking ends with this process');
});
