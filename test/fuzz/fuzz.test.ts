import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeatEvent } from '../../src/protocol/events.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { residentMegabytes } from '../faults/process-memory.ts';
import { rawSocket } from '../support/raw-http.ts';
import type { TestServer } from '../support/servers.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';
import { converse, newSaid } from './converse.ts';
import { hostileSocket } from './hostile-frames.ts';
import { type Conversation, hostileRequests } from './hostile-requests.ts';

// FUZZ_MESSAGES=100000 FUZZ_SEED=… npx vitest run test/fuzz
const totalMessages = Number(process.env.FUZZ_MESSAGES ?? 10_000);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** A moderate rate: this tests the input, not the capacity of two cores. */
const messagesPerSecond = Number(process.env.FUZZ_RATE ?? 1_000);
const concurrency = 64;
const phases = 4;
const quietMs = 1_500;
const ordinaryUsers = 10;
const slowBodies = 50;
/** nginx keeps 64 for later, in each of two workers; an edge some of its own. A leak would leave one for each conversation. */
const keptConnections = 2 * 64 + 20;

let venue: TestVenue;
let users: ChildProcessWithoutNullStreams;
let token: string;

beforeAll(async () => {
  // Twice the rows that hostile messages name: the ordinary users are in the rear ones.
  venue = await startVenue({ env: { VENUE_ROWS: '20', INSPECT: 'on', LOG_LEVEL: 'debug' } });
  const outfile = '.test-data/fuzz/ordinary-users.js';
  const entryPoints = ['test/fuzz/ordinary-users.ts'];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  users = spawn(process.execPath, [outfile, venue.url, String(ordinaryUsers)]);
  const reply = await fetch(new URL('/api/session', venue.url), { method: 'POST' });
  ({ token } = (await reply.json()) as Required<SessionReply>);
});
afterAll(async () => {
  users?.kill();
  await venue?.stop();
});

const processes = (): TestServer[] => [...venue.bookings, ...venue.edges];
const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** Half of it HTTP, half of it WebSocket; the same for the same seed and part. */
function conversations(count: number, part: number): Conversation[] {
  const each = { numRuns: Math.ceil(count / 2), seed: seed + part };
  const [http, sockets] = [fc.sample(hostileRequests, each), fc.sample(hostileSocket, each)];
  return http.flatMap((conversation, i) => [conversation, sockets[i] as Conversation]);
}

/** At most this many messages per second. Returns the number of sent ones. */
async function send(messages: number, part: number, said = newSaid()): Promise<number> {
  const startMs = performance.now();
  let sent = 0;
  let waiting: Conversation[] = [];
  let refills = 0;
  const sender = async () => {
    while (sent < messages) {
      if (waiting.length === 0) waiting = conversations(100, part * 10_000 + refills++);
      const { bytes, messages: count } = waiting.pop() as Conversation;
      sent += count;
      await delay(startMs + (sent / messagesPerSecond) * 1_000 - performance.now());
      await converse(venue.url, bytes, said);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sender));
  return sent;
}

/** Connections that send a byte per second, or nothing more, until they are closed. */
async function openSlowSockets(count: number): Promise<{ close(): void; areOpen(): number }> {
  const beginnings = [
    'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /api/seats/select HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{',
    '',
    'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: seat-booking.v1\r\n\r\n\u0081',
  ];
  const sockets = await Promise.all(Array.from({ length: count }, () => rawSocket(venue.url)));
  for (const [i, socket] of sockets.entries()) {
    socket.resume().write(beginnings[i % beginnings.length] as string, 'latin1');
  }
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('a');
  }, 1_000);
  return {
    areOpen: () => sockets.filter((socket) => !socket.destroyed).length,
    close: () => {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

test(`[R238] [G9] [G10] ${totalMessages} hostile messages, seed ${seed}`, {
  timeout: 120_000 + totalMessages * 10,
}, async () => {
  process.stdout.write(`fuzz: FUZZ_SEED=${seed}\n`);
  const slow = await openSlowSockets(4 * slowBodies);
  await send(500, phases); // code and caches of the first use are no leak
  const before = processes().map(({ pid }) => ({ pid, megabytes: residentMegabytes(pid), files: openFiles(pid) }));

  const said = newSaid();
  const hostileSpans: [fromMs: number, toMs: number][] = [];
  const grown = before.map(({ megabytes }) => [megabytes]);
  let sent = 0;
  for (let phase = 0; phase < phases; phase++) {
    await delay(quietMs);
    const fromMs = Date.now();
    sent += await send(totalMessages / phases, phase, said);
    hostileSpans.push([fromMs, Date.now()]);
    for (const [i, { pid }] of before.entries()) grown[i]?.push(residentMegabytes(pid));
  }
  await delay(quietMs);
  // nginx waits 10 s for a whole header, but for a body as long as bytes arrive: that costs a process nothing.
  await expect.poll(slow.areOpen, { timeout: 30_000 }).toBeLessThanOrEqual(slowBodies);
  slow.close();
  const served = await ordinaryUsersServed();

  report(
    said.counts,
    sent,
    served,
    hostileSpans,
    grown.map((megabytes) => megabytes.map(Math.round).join(' → ')),
  );

  expect(said.faults.slice(0, 5), 'no 5xx but 503, no message or code that is none of ours').toEqual([]);
  expect(sent).toBeGreaterThanOrEqual(totalMessages);
  // Otherwise the limits reject the input before it reaches the code under test.
  for (const heard of [
    'HTTP 200',
    'HTTP 400',
    'HTTP 409',
    'HTTP 413',
    'ACK',
    'ERROR INVALID_REQUEST',
    'close 1002',
    'close 1007',
    'close 1009',
  ]) {
    expect(said.counts.get(heard) ?? 0, heard).toBeGreaterThan(0);
  }

  // No crash, and no leak of memory or connections.
  expect(processes().map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  for (const [i, { pid, megabytes: was, files }] of before.entries()) {
    expect(grown[i]?.at(-1), `MB of process ${pid}, ${was} before`).toBeLessThan(was * 1.5 + 100);
    await expect.poll(() => openFiles(pid), { timeout: 30_000 }).toBeLessThanOrEqual(files + keptConnections);
  }
  for (const { url } of processes()) expect((await fetch(`${url}/ready`)).status).toBe(200);

  // No other user is affected.
  expect(served.length).toBeGreaterThan(100);
  expect(served.filter(([, , status]) => status !== 200)).toEqual([]);

  await expectWellFormedRedis();
  expectCleanLogs();
});

async function ordinaryUsersServed(): Promise<[number, number, number][]> {
  const output = text(users.stdout);
  users.stdin.end();
  await once(users, 'close');
  return JSON.parse(await output) as [number, number, number][];
}

function report(
  counts: ReadonlyMap<string, number>,
  sent: number,
  served: [number, number, number][],
  hostileSpans: [number, number][],
  megabytes: string[],
): void {
  const isHostile = (atMs: number) => hostileSpans.some(([fromMs, toMs]) => atMs >= fromMs && atMs < toMs);
  const isQuiet = (atMs: number) => atMs >= (hostileSpans[0]?.[0] ?? 0) - quietMs && !isHostile(atMs);
  const p99 = (isWanted: (atMs: number) => boolean) => {
    const latencies = served.filter(([atMs]) => isWanted(atMs)).map(([, latencyMs]) => latencyMs);
    return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
  };
  const [loud, quiet] = [p99(isHostile), p99(isQuiet)];
  const seconds = hostileSpans.reduce((sum, [fromMs, toMs]) => sum + (toMs - fromMs) / 1_000, 0);
  process.stdout.write(
    [
      `fuzz: ${sent} messages in ${seconds.toFixed(0)} s (${Math.round(sent / seconds)} a second)`,
      `fuzz: heard ${[...counts]
        .sort(([, a], [, b]) => b - a)
        .map(([what, count]) => `${what} ${count}`)
        .join(', ')}`,
      `fuzz: ${served.length} requests of ${ordinaryUsers} others, p99 ${loud.toFixed(1)} ms with it, ${quiet.toFixed(1)} ms without: ${(loud / quiet).toFixed(2)} times`,
      `fuzz: MB of booking, edge, edge: ${megabytes.join(', ')}\n`,
    ].join('\n'),
  );
}

const seatEvent = Compile(SeatEvent);

/** Each key is one of ours, and each entry of the log is a transition, without gaps. */
async function expectWellFormedRedis(): Promise<void> {
  const redis = new Redis(venue.redis.url);
  try {
    const id = '[A-Z]{1,3}[1-9][0-9]{0,4}';
    const user = '[A-Za-z0-9_.:@-]{1,64}';
    const answer = `answer:[A-Za-z0-9_-]{16,64}:(select|book|release):${user}`;
    const ours = new RegExp(`^(venue:(seats|epoch|seq|events|holds|plan|about|relayed)|seat:${id}:(lock|${answer}))$`);
    expect((await redis.keys('*')).filter((key) => !ours.test(key))).toEqual([]);
    const log = (await redis.xrange('venue:events', '-', '+')).map(([, fields]) => eventOf(fields));
    expect(log.length).toBeGreaterThan(50);
    expect(log.filter((event) => !seatEvent.Check(event))).toEqual([]);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => (log[0]?.seq ?? 0) + i));
  } finally {
    redis.disconnect();
  }
}

function eventOf(fields: string[]) {
  const field: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) field[fields[i] as string] = fields[i + 1] as string;
  const { at_ms, expires_ms, status, seq, ...rest } = field;
  const timestamp = new Date(Number(at_ms)).toISOString();
  return {
    ...rest,
    timestamp,
    status: Number(status),
    seq: Number(seq),
    ...(expires_ms && { expires_at: Number(expires_ms) / 1_000 }),
  };
}

/** Each line is a whole entry of ours, none of an unforeseen error, and no line has a token. */
function expectCleanLogs(): void {
  const noted = readFileSync(venue.nginx.logFile, 'utf8').trim().split('\n');
  expect(noted.filter((line) => line.includes('eyJ') || line.includes(token))).toEqual([]);
  const isNginxsOwn = (line: string) => /^\d{4}\/\d\d\/\d\d [\d:]{8} \[(warn|error)\] \d+#/.test(line);
  const entriesOfNginx = noted
    .filter((line) => !isNginxsOwn(line))
    .map((line) => JSON.parse(line) as { reqId: string });
  expect(entriesOfNginx.filter(({ reqId }) => !/^[0-9a-f]{32}$/.test(reqId))).toEqual([]);
  // Their number depends on the seed; none would mean that nothing was checked.
  expect(entriesOfNginx.length).toBeGreaterThan(10);

  for (const { logFile } of processes()) {
    const lines = readFileSync(logFile, 'utf8').trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as { level: string; pid: number });
    const isFault = ({ level }: { level: string }) => !['trace', 'debug', 'info', 'warn'].includes(level);
    const isForged = ({ pid }: { pid: number }) => !processes().some((one) => one.pid === pid);
    expect(entries.filter((entry) => isFault(entry) || isForged(entry))).toEqual([]);
    expect(lines.filter((line) => line.includes('eyJ') || line.includes(token))).toEqual([]);
  }
}
