import fc from 'fast-check';

/** Strings that have broken something, somewhere. */
const nastyStrings = [
  '',
  ' ',
  '*',
  '>',
  'A*',
  'A?',
  'A[1-9]',
  'seats.>',
  'A1 ',
  ' A1',
  'A1\n',
  'A1\r\nSET x y\r\n',
  'A1\u0000',
  '\u0000',
  'a1',
  'A0',
  'A01',
  'A-1',
  'A1.5',
  'A1e3',
  'AAAA1',
  'Z99999',
  'À1',
  'Ａ１',
  'A١',
  '..',
  '../../etc/passwd',
  '%00',
  '%n%s%x',
  '#{jndi:ldap://127.0.0.1/x}',
  '{{7*7}}',
  "' OR 1=1 --",
  '";redis.call("FLUSHALL")--',
  '<img src=x onerror=alert(1)>',
  '"}\n{"level":"fatal","msg":"forged"}',
  '\u001b[2J\u001b[31m',
  '\u2028\u2029',
  '\u202egnp.exe',
  '\ud800',
  '\udfff\ud800',
  '\ufeffA1',
  '𝒜1',
  'e\u0301'.repeat(40),
  '👩‍👩‍👧‍👦'.repeat(9),
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'NaN',
  'u_aaaaaaaaaaaaaaaaaaaaaa',
  'x'.repeat(65),
  'x'.repeat(3_000),
  'A'.repeat(5_000),
];

const seatId = fc.tuple(fc.constantFrom(...'ABCDEFGHIJ'), fc.integer({ min: 1, max: 10 })).map((at) => at.join(''));
export const userId = fc.constantFrom('mallory', 'trudy', 'a.b:c@d-e_f', 'x'.repeat(64));
export const nasty = fc.oneof(fc.constantFrom(...nastyStrings), fc.string({ unit: 'binary', maxLength: 80 }));

/** Any wrong value, or a correct one. */
const value = fc.oneof(
  { weight: 4, arbitrary: seatId },
  { weight: 2, arbitrary: userId },
  { weight: 4, arbitrary: nasty },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      0,
      -0,
      -1,
      1e308,
      2 ** 53,
      [],
      {},
      [['A1']],
      ['A1', 'A2'],
      { seat_id: 'A1' },
      { toString: 'A1', length: 2 },
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

const key = fc.constantFrom(
  ...['seat_id', 'seat_id', 'user_id', 'user_id', 'token', 'position', 'presence', 'venue', 'type', 'data'],
  ...[
    'request_id',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'length',
    '',
    '\u0000',
    'SEAT_ID',
  ],
);

/** JSON.stringify leaves `__proto__` out of an object literal, so the object is written by hand. */
const objectText = fc
  .array(fc.tuple(key, value), { maxLength: 8 })
  .map((pairs) => `{${pairs.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(',')}}`);

const depth = fc.constantFrom(10, 200, 1_000, 1_900, 3_000, 7_000);
const deep = fc.oneof(
  depth.map((levels) => '['.repeat(levels) + ']'.repeat(levels)),
  depth.map((levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`),
  depth.map((levels) => '['.repeat(levels)),
  depth.map(
    (levels) =>
      `{"seat_id":"A1","user_id":"mallory","__proto__":${'{"__proto__":'.repeat(levels)}1${'}'.repeat(levels)}}`,
  ),
);

const notJson = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    '"',
    '{"seat_id":',
    '{"seat_id":"A1",}',
    "{'seat_id':'A1'}",
    'undefined',
    'NaN',
    '{"a":1e999}',
    '[1e-999]',
  ],
  ...[
    '{"seat_id":"A1"}{"seat_id":"A2"}',
    '\ufeff{}',
    '/*x*/{}',
    '{"a":\u0000}',
    '{"a":"\\ud800"}',
    '{"a":"\\u0000"}',
    '0x10',
    '-',
    'tru',
  ],
  ...[
    '{"seat_id":"A1","seat_id":"*","user_id":"a","user_id":"b"}',
    'seat_id=A1&user_id=x',
    '<?xml version="1.0"?><!DOCTYPE x>',
  ],
);

const command = fc.record({ seat_id: seatId, user_id: userId }).map((body) => JSON.stringify(body));

/** Command-like bodies. Some are valid, so that they change the venue. */
export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: command },
  { weight: 8, arbitrary: objectText },
  { weight: 2, arbitrary: fc.record({ seat_id: value, user_id: value }).map((body) => JSON.stringify(body)) },
  { weight: 1, arbitrary: deep },
  { weight: 2, arbitrary: notJson },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: nasty },
);

/** As bytes: of text, of text with invalid UTF-8, or of nothing. */
export const hostileBytes: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 12, arbitrary: hostileJson.map((text) => Buffer.from(text)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(hostileJson, fc.constantFrom('c0af', 'ff', 'eda080', 'f4908080', 'c3', '00'), fc.nat())
      .map(([text, bad, at]) => {
        const bytes = Buffer.from(text);
        const cut = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, cut), Buffer.from(bad, 'hex'), bytes.subarray(cut)]);
      }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);
