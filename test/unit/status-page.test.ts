import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpApp } from '../../src/http/http-app.ts';
import { createProcessLogger } from '../../src/process/process-logger.ts';
import { RecentProblems } from '../../src/process/recent-problems.ts';
import { registerProblemsRoute } from '../../src/status/problems-route.ts';
import { ProcessStatuses } from '../../src/status/process-status.ts';
import { registerStatusRoute } from '../../src/status/status-route.ts';
import { silent } from '../support/silent.ts';

const problem = { time: '2026-11-26T10:00:00.000Z', level: 'warn', msg: '<script>alert(1)</script> & more' };

/** Replies as a booking process with these counters, until the end of the test. */
async function startProcess(counters: { ok: number; failed: number; startedAtS?: number }, isReady = true) {
  const server: Server = createServer(({ url }, response) => {
    if (url === '/ready') response.writeHead(isReady ? 200 : 503).end('{}');
    else if (url === '/status/problems') response.end(JSON.stringify([problem]));
    else
      response.end(`# HELP booking_commands_total Commands.
booking_commands_total{action="select",outcome="OK"} ${counters.ok}
booking_commands_total{action="book",outcome="TIMEOUT"} ${counters.failed}
booking_shows_open 3
booking_seats_withheld 0
process_start_time_seconds ${counters.startedAtS ?? 1_000}
process_resident_memory_bytes 104857600
`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('[R985] rates are those since the previous reading, and absent after a restart', async () => {
  const counters = { ok: 100, failed: 0 };
  const url = await startProcess(counters);
  let nowMs = 0;
  const statuses = new ProcessStatuses([url], () => nowMs);
  const figures = async () => (await statuses.look())[0]?.figures;
  expect(await figures()).toMatchObject({
    'commands/s': '',
    'open shows': '3',
    'memory MiB': '100',
    withheld: '0',
    browsers: '',
  });
  nowMs = 2_000;
  Object.assign(counters, { ok: 130, failed: 10 });
  expect(await figures()).toMatchObject({ 'commands/s': '20', 'failed/s': '5' });
  // A second reading right after it is compared with the same one.
  nowMs = 2_500;
  expect(await figures()).toMatchObject({ 'commands/s': '0' });
  nowMs = 4_000;
  Object.assign(counters, { ok: 0, failed: 0 });
  expect(await figures()).toMatchObject({ 'commands/s': '', 'failed/s': '' });
});

test('[R985] the page shows the processes that are ready, not ready or silent, and runs no text of a log', async () => {
  const [ready, waiting] = [await startProcess({ ok: 1, failed: 0 }), await startProcess({ ok: 1, failed: 0 }, false)];
  const app = createHttpApp(silent);
  onTestFinished(() => app.close());
  registerStatusRoute(app, [ready, waiting, 'http://127.0.0.1:1']);
  const { body, headers } = await app.inject('/status');
  expect(body).toContain('<h1 class="bad">2 of 3 processes are not ready</h1>');
  const rowOf = (url: string) =>
    new RegExp(`<tr><td>${new URL(url).host}</td><td class="(\\w+)">([^<]+)<`).exec(body)?.slice(1);
  expect([ready, waiting, 'http://127.0.0.1:1'].map(rowOf)).toEqual([
    ['ok', 'ready'],
    ['bad', 'not ready'],
    ['bad', 'no reply within 2 s'],
  ]);
  expect(body).not.toContain('<script');
  expect(body).toContain('&#60;script&#62;alert(1)&#60;/script&#62; &#38; more');
  expect(headers['content-security-policy']).toMatch(/style-src 'sha256-[\w+/]+=*'/);
  expect(headers['content-security-policy']).toMatch(/script-src 'self'/);
  expect(body).not.toMatch(/ (?:src|href|style)=/);
});

test('[R985] the problems of a process are its last warnings and errors, without the facts beside the message', async () => {
  const written: string[] = [];
  const problems = new RecentProblems({ write: (line) => void written.push(line) });
  const logger = createProcessLogger('test', 'debug', problems);
  logger.info('not a problem');
  for (let count = 1; count <= 25; count++) logger.warn({ address: '203.0.113.7' }, `problem ${count}`);
  logger.error(new Error('last'));
  expect(written).toHaveLength(27);
  const app = createHttpApp(silent);
  onTestFinished(() => app.close());
  registerProblemsRoute(app, problems);
  registerStatusRoute(app, []);
  const list = (await app.inject('/status/problems')).json();
  expect(list).toHaveLength(20);
  expect(list[0]).toEqual({ time: expect.stringMatching(/^\d{4}-/), level: 'warn', msg: 'problem 7' });
  expect(list[19]).toMatchObject({ level: 'error', msg: 'last' });
  for (const url of ['/status', '/status/problems']) {
    const proxied = await app.inject({ url, headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(proxied.statusCode, url).toBe(404);
  }
});
