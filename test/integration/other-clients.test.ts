import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { askRaw, parsedAnswer } from '../support/raw-http.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';
import { failures, setUp, tearDown } from './nginx-fixture.ts';

describe('a booking process without nginx', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startEmbedded();
  });
  afterAll(() => server?.stop());

  test('[R453] serves the files of the page, to be revalidated each time', async () => {
    const files = readdirSync('public').filter((name) => !/\.(gz|map)$/.test(name));
    expect(files).toContain('app.js');
    for (const file of files) {
      const { status, headers } = await fetch(`${server.url}/${file}`);
      expect([status, headers.get('cache-control'), headers.get('x-content-type-options')], file).toEqual([
        200,
        'no-cache',
        'nosniff',
      ]);
      const etag = headers.get('etag') ?? '';
      const again = await askRaw(
        server.url,
        `GET /${file} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: ${etag}\r\nConnection: close\r\n\r\n`,
      );
      expect(parsedAnswer(again).status, file).toBe(304);
    }
  });

  test('[R453] serves no other files, and only for reading', async () => {
    const codeOf = async (path: string, method = 'GET') => {
      const reply = await fetch(`${server.url}${path}`, { method });
      return ((await reply.json()) as { error: { code: string } }).error.code;
    };
    expect(await codeOf('/app.js.gz')).toBe('NOT_FOUND');
    expect(await codeOf('/..%2fpackage.json')).toBe('NOT_FOUND');
    expect(await codeOf('/app.js', 'POST')).toBe('METHOD_NOT_ALLOWED');
  });

  test('[R451] a plain health check succeeds: OPTIONS in HTTP/1.0, without Host', async () => {
    for (const [path, status] of [
      ['/', 204],
      ['/health', 200],
      ['/ready', 200],
    ] as const) {
      const reply = parsedAnswer(await askRaw(server.url, `OPTIONS ${path} HTTP/1.0\r\n\r\n`));
      expect(reply.status, path).toBe(status);
    }
    const { headers } = await fetch(`${server.url}/ready`);
    expect(headers.get('cache-control'), 'a cache does not answer for the process').toBe('no-store');
  });

  test.each([
    ['seat_id=A1&user_id=alice', 'application/x-www-form-urlencoded', 'The body is not valid JSON'],
    ['<seat/>', 'text/xml', 'The body is not valid JSON'],
    ['{"seat_id":', 'application/json', 'The body is not valid JSON'],
    ['', 'application/json', 'The body is empty; it must be JSON'],
  ])('[R459] the refusal of %j as %s mentions no content type', async (body, type, message) => {
    const reply = await fetch(`${server.url}/api/seats/select`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect(await reply.json()).toEqual({
      success: false,
      error: { code: 'INVALID_REQUEST', message, retryable: false },
    });
  });
});

describe('through nginx', () => {
  afterEach(tearDown);

  test('[R451] a request of HTTP/1.0 without Host reaches the services, which need one', async () => {
    const { url } = await setUp();
    const { status, body } = parsedAnswer(await askRaw(url, 'GET /api/seats HTTP/1.0\r\n\r\n'));
    expect([status, JSON.parse(body).headers.host]).toEqual([200, 'localhost']);
    const named = parsedAnswer(await askRaw(url, 'GET /api/seats HTTP/1.0\r\nHost: example.test:81\r\n\r\n'));
    expect(JSON.parse(named.body).headers.host).toBe('example.test:81');
  });

  test('[R452] /ready succeeds while at least one edge and one booking process are ready', async () => {
    const { url } = await setUp();
    const ready = async () => {
      const reply = await fetch(`${url}/ready`);
      return [reply.status, reply.status === 200 ? null : reply.headers.get('retry-after'), await reply.text()];
    };
    const refusal = { status: 503, code: 'STORE_UNAVAILABLE' };
    expect((await ready())[0]).toBe(200);
    failures.set('a', refusal);
    expect((await ready())[0], 'one edge is enough').toBe(200);
    failures.set('b', refusal);
    expect(await ready()).toEqual([503, '1', expect.stringContaining('STORE_UNAVAILABLE')]);
    failures.clear();
    await expect.poll(async () => (await ready())[0], { message: 'nginx leaves a failed edge out for 1 s' }).toBe(200);
    failures.set('booking', refusal);
    expect((await ready())[0]).toBe(503);
    expect((await fetch(`${url}/ready/edges`)).status, 'internal').toBe(404);
  });
});
