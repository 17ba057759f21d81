import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentSecurityPolicy, securityHeaders, tlsHeaders } from '../../src/http/security-headers.ts';
import { askRaw, parsedAnswer } from '../support/raw-http.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

let venue: TestVenue;
beforeAll(async () => {
  venue = await startVenue({ edges: 1, env: { INSPECT: 'on', TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => venue?.stop());

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const ask = async (bytes: string, url = venue.url) => parsedAnswer(await askRaw(url, bytes, 10_000));

async function expectSecured(bytes: string, status: number, policy = securityHeaders['content-security-policy']) {
  const answer = await ask(bytes);
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => name in securityHeaders));
  const expected = Object.entries({ ...securityHeaders, 'content-security-policy': policy });
  expect([answer.status, headers]).toEqual([
    status,
    Object.fromEntries(expected.map(([name, value]) => [name, [value]])),
  ]);
  return answer;
}

describe('[R235] [R121] each reply has the security headers once, from any process', () => {
  test.each([
    ['the page', '/', 200],
    ['the page as a file', '/index.html', 200],
    ['the page of an order', '/orders/any', 200],
    ['a file', '/styles.css', 200],
    ['no such file', '/no-such-file', 404],
    ['what is for operators', '/metrics', 404],
    ['the API', '/api/seats', 200],
    ['no such route', '/api/no-such-route', 404],
    ['a refusal', '/api/session', 401],
    ['a path that cannot be decoded', '/api/seats/%c0', 400],
    ['the documentation', '/api/docs/', 200],
    ['a part of the documentation', '/api/docs/static/swagger-ui.css', 200],
    ['a part of the inspector', '/inspect/assets/live.js', 200],
  ])('%s', async (_what, path, status) => {
    const policy = path.startsWith('/api/docs') ? documentationPolicy : securityHeaders['content-security-policy'];
    await expectSecured(get(path), status, policy);
  });

  test('refusals of nginx itself, in the shape of the API', async () => {
    const refused: [string, number, string][] = [
      ['GARBAGE\r\n\r\n', 400, 'INVALID_REQUEST'],
      ['GET / HTTP/9.9\r\n\r\n', 400, 'INVALID_REQUEST'],
      [get('/', 'Transfer-Encoding: strange\r\n'), 400, 'INVALID_REQUEST'],
      [get(`/${'x'.repeat(20_000)}`), 413, 'TOO_LARGE'],
      [get('/', `X-Huge: ${'x'.repeat(40_000)}\r\n`), 413, 'TOO_LARGE'],
      [post('/api/seats/select', 'x'.repeat(20_000)), 413, 'TOO_LARGE'],
      [post('/index.html', '{}'), 405, 'METHOD_NOT_ALLOWED'],
    ];
    for (const [bytes, status, code] of refused) {
      const { body } = await expectSecured(bytes, status);
      expect(JSON.parse(body)).toMatchObject({ success: false, error: { code, retryable: false } });
    }
  });

  test('the pages of the inspector: they have their own policy, without unsafe directives, and cannot be framed', async () => {
    const wanted = { 'img-src': ["'self'", 'data:'], 'form-action': ["'self'"] };
    const live = contentSecurityPolicy({ ...wanted, 'frame-src': ["'none'"] });
    await expectSecured(get('/inspect/live'), 200, live);
    const bridge = contentSecurityPolicy({ ...wanted, 'frame-src': ['https://stately.ai'] });
    await expectSecured(get('/inspect'), 200, bridge);
    for (const policy of [live, bridge, documentationPolicy, securityHeaders['content-security-policy']]) {
      expect(policy).not.toContain('unsafe');
      expect(policy).toContain("frame-ancestors 'none'");
    }
  });

  test('[R318] HSTS over TLS only, once, as reported by the trusted proxy that terminates it', async () => {
    for (const path of [
      '/',
      '/styles.css',
      '/api/seats',
      '/api/no-such-route',
      '/api/seats/%c0',
      '/api/docs/',
      '/inspect/live',
    ]) {
      const plain = await ask(get(path));
      expect(plain.headers.has('strict-transport-security'), path).toBe(false);
      const secure = await ask(get(path, 'X-Forwarded-Proto: https\r\n'));
      expect(secure.headers.get('strict-transport-security'), path).toEqual([tlsHeaders['strict-transport-security']]);
    }
    const [booking] = venue.bookings;
    for (const path of ['/inspect/live', '/api/docs/', '/api/seats']) {
      const direct = await ask(get(path), booking?.url);
      expect(direct.headers.has('strict-transport-security'), path).toBe(false);
    }
    const page = await ask(get('/inspect/live', 'X-Forwarded-Proto: https\r\n'), booking?.url);
    expect(page.headers.get('strict-transport-security')).toEqual([tlsHeaders['strict-transport-security']]);
  });

  test('edges, too', async () => {
    const { headers } = await ask(get('/health'), venue.edges[0]?.url);
    for (const [name, value] of Object.entries(securityHeaders)) expect(headers.get(name), name).toEqual([value]);
  });

  test('a booking process without a proxy: no reply of the API is mistaken for a page', async () => {
    for (const path of ['/api/seats', '/api/no-such-route', '/api/seats/%c0']) {
      const { headers } = await ask(get(path), venue.bookings[0]?.url);
      expect(headers.get('x-content-type-options'), path).toEqual(['nosniff']);
      expect(headers.get('content-type')?.[0], path).toContain('application/json');
    }
  });

  test('without any booking process: the page from a file, and the refusal of the API', async () => {
    await venue.bookings[0]?.kill();
    await expectSecured(get('/'), 200);
    const { headers, body } = await expectSecured(get('/api/seats'), 503);
    expect(headers.get('retry-after')).toEqual(['1']);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE', retryable: true } });
    await expectSecured(post('/api/seats/select', '{}'), 503);
    await expectSecured(get('/inspect/live'), 503);
  });
});

const documentationPolicy = contentSecurityPolicy({ 'img-src': ["'self'", 'data:'] });
