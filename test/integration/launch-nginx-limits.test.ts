import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { patience } from '../support/patience.ts';
import { close, setUp, setUpTwo, slowReaders, tearDown, tries } from './nginx-fixture.ts';

afterEach(tearDown);

describe('[R360] [G7] a read that is slow by itself', () => {
  test('goes to one process only, and marks no process as failed for commands', async () => {
    const { bookings, post, get } = await setUpTwo();
    for (const name of ['one', 'two']) slowReaders.add(name);
    const statuses = await Promise.all(
      Array.from({ length: tries }, async () => (await get('/api/events?epoch=e&after=0')).status),
    );
    expect(statuses).toEqual(Array(tries).fill(503));
    expect(bookings.flatMap(({ reads }) => reads.filter((path) => path.startsWith('/api/events')))).toHaveLength(tries);
    const names = [];
    for (let i = 0; i < 2 * tries; i++) names.push(((await (await post()).json()) as { name: string }).name);
    expect(new Set(names)).toEqual(new Set(['one', 'two']));
  });

  test('comes from the running process if the other is dead', async () => {
    const { bookings, get } = await setUpTwo();
    close(bookings[0].server);
    for (let i = 0; i < tries; i++)
      expect(await (await get('/api/events?epoch=e&after=0')).json()).toMatchObject({ name: 'two' });
  });
});

/** The reply to the client as sent. */
function rawGet(url: string, headers = {}): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
    })
      .on('error', reject)
      .end();
  });
}

test('[R358] files are sent as the build compressed them; source maps and the compressed files have no address', async () => {
  const publicDir = mkdtempSync(join(tmpdir(), 'concert-booking-public-'));
  onTestFinished(() => rmSync(publicDir, { recursive: true }));
  const compressed = gzipSync('compressed by the build');
  for (const [name, content] of Object.entries({ 'a.css': 'plain', 'a.css.gz': compressed, 'a.js.map': '{}' }))
    writeFileSync(join(publicDir, name), content);
  const { url } = await setUp({}, publicDir);
  const sent = await rawGet(`${url}/a.css`, { 'accept-encoding': 'gzip, br' });
  expect(sent.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  expect(sent.headers['content-type']).toContain('text/css');
  expect(sent.body.equals(compressed)).toBe(true);
  expect(String((await rawGet(`${url}/a.css`)).body)).toBe('plain');
  for (const path of ['/a.js.map', '/a.css.gz']) expect((await rawGet(`${url}${path}`)).status, path).toBe(404);
});

test('[R358] the build compresses each file of the page, and makes no source map for it', () => {
  const files = readdirSync('public');
  const served = files.filter((name) => /\.(html|css|js|svg)$/.test(name));
  expect(served).toEqual(expect.arrayContaining(['app.js', 'index.html', 'inspect-tab.js', 'styles.css']));
  for (const name of served)
    expect(gunzipSync(readFileSync(`public/${name}.gz`)).equals(readFileSync(`public/${name}`)), name).toBe(true);
  expect(files.filter((name) => name.endsWith('.map'))).toEqual([]);
});

describe('[R359] limits of nginx by address', () => {
  const limits = {
    TRUSTED_PROXIES: '127.0.0.1',
    RATE_LIMIT: 'on',
    REQUESTS_PER_SECOND_PER_ADDRESS: '1',
    CONNECTIONS_PER_ADDRESS: '2',
  };
  const many = 60;
  /** The requests that nginx refuses, of one from each address at once. */
  async function refusedOf(url: string, addresses: string[]): Promise<Response[]> {
    const responses: Response[] = [];
    for (const address of addresses) {
      const response = await fetch(`${url}/styles.css`, { headers: { 'x-forwarded-for': address } });
      if (response.status === 429) responses.push(response);
      else await response.text();
    }
    return responses;
  }
  const each = (name: (i: number) => string) => Array.from({ length: many }, (_, i) => name(i + 1));

  test('requests: of one IPv4 address, or of one IPv6 network; never of different ones together', async () => {
    const { url } = await setUp(limits);
    const [refusal, ...others] = await refusedOf(
      url,
      each(() => '203.0.113.1'),
    );
    expect(others.length).toBeGreaterThan(5);
    expect(refusal?.headers.get('retry-after')).toBe('1');
    expect(await refusal?.json()).toMatchObject({ success: false, error: { code: 'RATE_LIMITED', retryable: true } });
    expect(
      await refusedOf(
        url,
        each((i) => `203.0.113.${i + 1}`),
      ),
    ).toEqual([]);
    expect(
      (
        await refusedOf(
          url,
          each((i) => `2001:db8:1:2::${i}`),
        )
      ).length,
    ).toBeGreaterThan(5);
    expect(
      await refusedOf(
        url,
        each((i) => `2001:db8:2:${i}::1`),
      ),
    ).toEqual([]);
    expect(
      await refusedOf(
        url,
        each((i) => `::ffff:198.51.100.${i}`),
      ),
      'IPv4 inside IPv6',
    ).toEqual([]);
    expect(
      (
        await refusedOf(
          url,
          each(() => '::ffff:198.51.100.200'),
        )
      ).length,
    ).toBeGreaterThan(5);
  });

  test('unfinished connections: slow bodies and sockets of one address leave room for others', async () => {
    const { url } = await setUp(limits); // 2 at each of 2 edges
    const refused: (number | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      const slow = request(`${url}/api/seats/select`, {
        method: 'POST',
        headers: { 'content-length': '100', 'x-forwarded-for': '203.0.113.7' },
      });
      slow.on('error', () => {});
      slow.write('{');
      onTestFinished(() => void slow.destroy());
      slow.on('response', ({ statusCode }) => void refused.push(statusCode));
    }
    await expect.poll(() => refused, patience).toEqual([429, 429, 429, 429]);
    const post = { method: 'POST', body: '{}', headers: { 'x-forwarded-for': '203.0.113.8' } };
    expect((await fetch(`${url}/api/seats/select`, post)).status).toBe(200);

    const open = async (address: string) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { 'x-forwarded-for': address } });
      onTestFinished(() => socket.terminate());
      return new Promise<number>((resolve) => {
        socket.on('open', () => resolve(101));
        socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
        socket.on('error', () => {});
      });
    };
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push(await open('203.0.113.9'));
    expect(statuses).toEqual([101, 101, 101, 101, 429, 429]);
    expect(await open('203.0.113.10')).toBe(101);
  });

  test('RATE_LIMIT=off: none', async () => {
    const { url } = await setUp({ ...limits, RATE_LIMIT: 'off' });
    expect(
      await refusedOf(
        url,
        each(() => '203.0.113.1'),
      ),
    ).toEqual([]);
  });
});

test('[R361] the log has requests that failed or took several attempts; cheap refusals leave no line', async () => {
  const { bookings, post, nginx } = await setUpTwo();
  const log = () => readFileSync(nginx.logFile, 'utf8');
  const started = log();
  for (let i = 0; i < tries; i++) {
    const tooLarge = await fetch(`${nginx.url}/api/seats/select`, { method: 'POST', body: 'x'.repeat(20_000) });
    expect(tooLarge.status).toBe(413);
    expect((await fetch(`${nginx.url}/no-such-file`)).status).toBe(404);
  }
  const answered = await converse(nginx.port, `GET /\u0001\u001b[31m HTTP/1.1\r\nhost: x\r\nbroken header\r\n\r\n`);
  expect(answered).toMatch(/^HTTP\/1.1 400/);
  expect(log()).toBe(started);
  close(bookings[0].server);
  for (let i = 0; i < tries; i++) expect((await post()).status).toBe(200);
  await expect.poll(log).toMatch(/"status":200,.*"upstreamStatus":"502 : 200"/);
  // A client cannot choose the length of a line.
  close(bookings[1].server);
  await fetch(`${nginx.url}/api/seats/select/${'long'.repeat(1_500)}`, { method: 'POST', body: '{}' });
  await expect.poll(log).toContain('/select/longlong');
  for (const line of log().slice(started.length).trimEnd().split('\n')) {
    JSON.parse(line);
    expect(line.length).toBeLessThan(800);
  }
});

/** The reply of nginx to these bytes. */
async function converse(port: number, text: string): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.end(text, 'latin1');
  return String(Buffer.concat(await socket.toArray()));
}
