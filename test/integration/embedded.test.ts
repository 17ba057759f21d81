import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
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

/** All messages to a client that sends nothing. */
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
  await expect.poll(() => messages[2]?.data).toMatchObject({ seat_id: 'A1', status: 0 });
  socket.close();
});

test('a seat that a WebSocket client holds is booked over HTTP', async () => {
  const { messages, socket } = listen();
  await expect.poll(() => messages.length).toBeGreaterThan(0);
  socket.send(JSON.stringify({ type: 'SELECT_SEAT', request_id: 7, data: { seat_id: 'B2', user_id: 'ann' } }));
  await expect.poll(() => messages.find(({ type }) => type === 'ACK')).toMatchObject({ request_id: 7 });
  expect(await (await post('book', { seat_id: 'B2', user_id: 'ann' })).json()).toMatchObject({ seat: { status: 2 } });
  socket.close();
});

test('[R319] an address is limited as everywhere, whatever headers it forwards, and the live venue is not affected', async () => {
  const limited = await startEmbedded({
    env: { RATE_LIMIT: 'on', HOLD_SECONDS: '600', HOLDS_PER_ADDRESS: '5', REQUESTS_PER_SECOND_PER_ADDRESS: '10' },
  });
  onTestFinished(() => limited.stop());
  const messages: { type: string; request_id?: number; data: { code?: string } }[] = [];
  const socket = new WebSocket(`${limited.url.replace('http', 'ws')}/ws`);
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  await expect.poll(() => messages[0]?.type).toBe('VENUE_STATE');

  const read = (i: number) => fetch(`${limited.url}/api/venue`, { headers: { 'x-forwarded-for': `203.0.113.${i}` } });
  const statuses = (await Promise.all(Array.from({ length: 250 }, (_, i) => read(i)))).map(({ status }) => status);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);

  const answers = () => messages.filter(({ request_id }) => request_id !== undefined);
  for (let i = 1; i <= 8; i++) {
    const data = { seat_id: `A${i}`, user_id: `user${i}` };
    // The limit per second is of the same address: retried until the next second has begun.
    await expect
      .poll(async () => {
        socket.send(JSON.stringify({ type: 'SELECT_SEAT', request_id: i, data }));
        await expect.poll(() => answers().at(-1)?.request_id).toBe(i);
        return answers().at(-1)?.type === 'ACK' || JSON.stringify(answers().at(-1)).includes('HOLDS_PER_ADDRESS');
      })
      .toBe(true);
  }
  const last = (id: number) =>
    answers()
      .filter(({ request_id }) => request_id === id)
      .at(-1)?.type;
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(last)).toEqual([...new Array(5).fill('ACK'), ...new Array(3).fill('ERROR')]);
  const http = await fetch(`${limited.url}/api/seats/select`, {
    method: 'POST',
    headers: { 'x-forwarded-for': '203.0.113.9' },
    body: JSON.stringify({ seat_id: 'B1', user_id: 'zoe' }),
  });
  expect(http.status).toBe(429);
  expect(http.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  socket.close();
});

test('it warns clearly that bookings end with the process', async () => {
  expect(await readFile(server.logFile, 'utf8')).toContain('Every hold, booking and order ends with this process');
});
