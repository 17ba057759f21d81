import fc from 'fast-check';
import { hostileBytes, nasty, userId } from './hostile-values.ts';

/** The bytes for one connection, and the intended number of requests. */
export interface Conversation {
  bytes: Buffer;
  messages: number;
}

const method = fc.oneof(
  { weight: 10, arbitrary: fc.constant('POST') },
  { weight: 5, arbitrary: fc.constant('GET') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'CONNECT', 'PROPFIND'),
  },
  { weight: 1, arbitrary: fc.constantFrom('post', 'G\u0000T', 'PO ST', '', 'X'.repeat(300)) },
);

/** As a malicious client writes it into a line: any byte except line ends. */
const inLine = nasty.map((text) => Buffer.from(text.replaceAll(/[\r\n]/g, '')).toString('latin1'));

const known = ['select', 'book', 'release'].map((action) => `/api/seats/${action}`);
const path = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...known) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...['/', '/index.html', '/app.js', '/api/seats', '/api/venue', '/api/session', '/api/docs/', '/api/docs/json'],
      ...[
        '/health',
        '/metrics',
        '/inspect',
        '/inspect/states',
        '/inspect/history',
        '/ws',
        '/refused/too-large',
        '*',
        '//',
        '/.%2e/',
      ],
      ...[
        '/../../etc/passwd',
        '/%2e%2e/%2e%2e/etc/passwd',
        '/api/docs/static/..%2f..%2fpackage.json',
        '/api/seats/%00',
        '/api/seats/%c0%af',
      ],
      ...[
        'http://evil.example/api/seats',
        '/api/seats/select/',
        '/API/SEATS',
        '/api//seats',
        '/api/seats;a=b',
        '/api/seats#x',
        '',
      ],
      ...[
        '/inspect/states?seats=*',
        '/inspect/states?seats=A1&seats=A2',
        '/inspect/feed?seats=<x>',
        '/inspect/feed?node=http://evil.example',
      ],
      `/${'x'.repeat(9_000)}`,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(inLine, inLine).map(([epoch, after]) => `/api/events?epoch=${epoch}&after=${after}`),
  },
  { weight: 1, arbitrary: inLine.map((text) => `/api/seats/${text}`) },
  {
    weight: 1,
    arbitrary: nasty.map((text) => `/api/events?epoch=${encodeURIComponent(Buffer.from(text).toString())}&after=1`),
  },
);

const token = fc.oneof(
  inLine,
  fc.constantFrom(
    'a.b.c',
    // {"alg":"none"} and a user of a session, unsigned; {"alg":"HS256","kid":"__proto__"}
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1X2FhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJleHAiOjk5OTk5OTk5OTl9.',
    'eyJhbGciOiJIUzI1NiIsImtpZCI6Il9fcHJvdG9fXyJ9.eyJzdWIiOiJ1X2EifQ.AAAA',
    'eyJhbGciOiJIUzI1NiJ9'.repeat(100),
  ),
);

const header = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      ...[
        'Idempotency-Key',
        'X-Attempt',
        'Origin',
        'If-None-Match',
        'X-Forwarded-For',
        'X-Forwarded-Proto',
        'X-Request-Id',
        'Content-Type',
      ],
      ...[
        'Cookie',
        'Host',
        'Range',
        'Accept-Encoding',
        'Content-Encoding',
        'Expect',
        'Upgrade',
        'Referer',
        'Sec-Fetch-Site',
        'X-HTTP-Method-Override',
      ],
    ),
    inLine,
  ),
  token.map((text) => ['Authorization', `Bearer ${text}`] as const),
  token.map((text) => ['Cookie', `__proto__=1; session=${text}; session=x; ;=;`] as const),
  fc.constantFrom<readonly [string, string]>(
    ['Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'identity, chunked'],
    ['Content-Length', '-1'],
    ['Content-Length', '99999999999999999999'],
    ['Content-Length', '3'],
    ['Content-Encoding', 'gzip'],
    ['Content-Type', 'multipart/form-data; boundary=x'],
    ['Content-Type', 'application/json; charset=utf-7'],
    ['Expect', '100-continue'],
    ['Connection', 'Upgrade'],
    ['Connection', 'close, X-Forwarded-For'],
    ['Range', `bytes=${'0-1,'.repeat(500)}`],
    ['Accept-Encoding', 'gzip;q=1e999'],
    ['Idempotency-Key', 'abcdefghijklmnop'],
    ['X-Attempt', '999'],
    ['X-Huge', 'x'.repeat(9_000)],
    ['', 'no name'],
    ['X Y', 'a space in the name'],
    ['X-Folded', 'one\r\n two'],
    ['X-Nul', 'a\u0000b'],
  ),
);

const request = fc
  .record({
    method,
    path,
    headers: fc.oneof(fc.array(header, { maxLength: 0 }), fc.array(header, { maxLength: 3 })),
    body: hostileBytes,
    many: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 150),
  })
  .map(({ method: verb, path: target, headers, body, many }) => {
    const lines = [`${verb} ${target} HTTP/1.1`, 'Host: localhost', ...headers.map((pair) => pair.join(': '))];
    for (let i = 0; i < many; i++) lines.push(`X-${i}: ${'y'.repeat(20)}`);
    const hasLength = headers.some(([name]) => name === 'Content-Length' || name === 'Transfer-Encoding');
    if (!hasLength && verb !== 'GET') lines.push(`Content-Length: ${body.length}`);
    return Buffer.concat([
      Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
      verb === 'GET' ? Buffer.alloc(0) : body,
    ]);
  });

/** No HTTP at all, another version of it, or of another protocol. */
const garbage = fc.oneof(
  fc
    .constantFrom(
      '\r\n\r\n',
      'GET /\r\n\r\n',
      'GET / HTTP/0.9\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '*1\r\n$8\r\nFLUSHALL\r\n',
      'SSH-2.0-x\r\n',
    )
    .map((text) => Buffer.from(text)),
  fc.constant(Buffer.from('16030100a5010000a10303', 'hex')),
  fc.uint8Array({ minLength: 1, maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  userId.map((text) => Buffer.from(`GET / HTTP/1.1\r\nHost: ${text}`)), // and no more: half-open
);

/** One request or several in a row, without waiting for replies. */
export const hostileRequests: fc.Arbitrary<Conversation> = fc
  .array(fc.oneof({ weight: 12, arbitrary: request }, { weight: 1, arbitrary: garbage }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => ({
    bytes: Buffer.concat([
      ...parts,
      Buffer.from('GET /api/seats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    ]),
    messages: parts.length,
  }));
