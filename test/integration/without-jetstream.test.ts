import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { loopback } from '../../src/launch/ports.ts';
import { natsAnswers } from '../../src/launch/probes.ts';
import { ServiceProcess } from '../../src/launch/service-process.ts';
import { freePort, startBooking, startEdge, startRedis } from '../support/servers.ts';

const tracked = <T extends { stop(): Promise<void> }>(server: T): T => {
  onTestFinished(() => server.stop());
  return server;
};

async function startPlainNats(port: number): Promise<ServiceProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-plain-nats-'));
  const nats = new ServiceProcess({
    name: 'nats',
    command: ['nats-server', '-a', loopback, '-p', String(port)],
    env: process.env,
    logFile: join(dir, 'nats.log'),
    answers: () => natsAnswers({ host: loopback, port }),
    stopTimeoutMs: 1_000,
    hint: '',
  });
  await nats.ready();
  onTestFinished(async () => {
    await nats.stop();
    rmSync(dir, { recursive: true });
  });
  return nats;
}

async function post(url: string, action: string, seatId: string): Promise<number> {
  const response = await fetch(`${url}/api/seats/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seat_id: seatId, user_id: 'ann' }),
  });
  return response.status;
}

test('[G5] [R276] NATS without JetStream: every browser sees each change at once, and the log has the reason once', async () => {
  const redis = tracked(await startRedis());
  const port = await freePort();
  await startPlainNats(port);
  const natsUrl = `nats://${loopback}:${port}`;
  const booking = tracked(await startBooking({ redisUrl: redis.url, natsUrl }));
  const edge = tracked(await startEdge({ natsUrl, bookingUrls: [booking.url] }));
  const ws = new WebSocket(`${edge.url.replace('http', 'ws')}/ws`);
  onTestFinished(() => ws.terminate());
  const receivedAtMs = new Map<string, number>();
  ws.on('message', (data) => {
    const { type, data: update } = JSON.parse(data.toString());
    if (type === 'SEAT_UPDATE') receivedAtMs.set(update.seat_id, performance.now());
    if (type === 'VENUE_STATE') receivedAtMs.set('state', performance.now());
  });
  await expect.poll(() => receivedAtMs.has('state')).toBe(true);
  const delaysMs: number[] = [];
  for (let col = 1; col <= 6; col++) {
    expect(await post(booking.url, 'select', `A${col}`)).toBe(200);
    const repliedAtMs = performance.now();
    await expect.poll(() => receivedAtMs.get(`A${col}`), { interval: 2 }).toBeDefined();
    delaysMs.push((receivedAtMs.get(`A${col}`) as number) - repliedAtMs);
  }
  // A repair takes up to 500 ms, so its mean is far above.
  expect(delaysMs.reduce((sum, ms) => sum + ms, 0) / delaysMs.length).toBeLessThan(150);
  const metrics = await (await fetch(`${edge.url}/metrics`)).text();
  // On a busy machine a heartbeat may announce an event before its message is read.
  const repairs = Number(/edge_catch_ups_total\{kind="events"\} (\d+)/.exec(metrics)?.[1] ?? 0);
  expect(metrics).toContain('# TYPE edge_catch_ups_total');
  expect(repairs, 'events came by themselves, not by a repair').toBeLessThan(delaysMs.length / 2);
  const warnings = readFileSync(booking.logFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('JetStream is unavailable'));
  expect(warnings).toHaveLength(1);
  expect(JSON.parse(warnings[0] as string)).toMatchObject({
    level: 'warn',
    reason: expect.stringMatching(/not enabled/),
  });
});

test.each([
  ['booking', 'http://127.0.0.1:4222'],
  ['booking', 'nats://127.0.0.1:99999'],
  ['edge', 'nats://127.0.0.1:4222,,'],
  ['edge', 'nats://'],
])('[R274] %s with NATS_URL=%s ends with one sentence', async (name, natsUrl) => {
  const child = spawn(process.execPath, [`dist/${name}/server.js`], {
    env: { ...process.env, NATS_URL: natsUrl, PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(said).toMatch(/^NATS_URL has ".*it takes nats:.*\n$/);
});
