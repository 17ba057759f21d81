import fc from 'fast-check';
import type { Conversation } from './hostile-requests.ts';
import { hostileBytes, hostileJson } from './hostile-values.ts';

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface Frame {
  opcode: number;
  payload?: Buffer;
  fin?: boolean;
  /** RSV1 to RSV3, as the bits 4, 2, 1. RSV1 marks a compressed frame. */
  reserved?: number;
  masked?: boolean;
  /** Sent instead of the true length. */
  length?: bigint;
}

/** RFC 6455, 5.2; each of its rules can be broken. */
function frame({ opcode, payload = Buffer.alloc(0), fin = true, reserved = 0, masked = true, length }: Frame): Buffer {
  const size = length ?? BigInt(payload.length);
  const mask = Buffer.from('1a2b3c4d', 'hex');
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  const sized =
    size < 126n ? Buffer.from([first, maskBit | Number(size)]) : size < 65_536n ? Buffer.alloc(4) : Buffer.alloc(10);
  if (sized.length === 4) {
    sized.set([first, maskBit | 126]);
    sized.writeUInt16BE(Number(size), 2);
  } else if (sized.length === 10) {
    sized.set([first, maskBit | 127]);
    sized.writeBigUInt64BE(size, 2);
  }
  if (!masked) return Buffer.concat([sized, payload]);
  return Buffer.concat([sized, mask, payload.map((byte, i) => byte ^ (mask[i % 4] as number))]);
}

const text = (payload: Buffer) => frame({ opcode: opcodes.text, payload });
const type = fc.constantFrom(
  'SELECT_SEAT',
  'BOOK_SEAT',
  'RELEASE_SEAT',
  'CONNECT',
  'subscribe',
  'PING',
  '__proto__',
  'constructor',
  'VENUE_STATE',
  '',
);
const requestId = fc.oneof(
  fc.integer(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(null, {}, [], 1.5, 'x'.repeat(65), '__proto__'),
);

/** Correctly framed messages. */
const message = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(type, hostileJson, requestId)
      .map(([name, data, id]) =>
        text(Buffer.from(`{"type":${JSON.stringify(name)},"data":${data},"request_id":${JSON.stringify(id)}}`)),
      ),
  },
  { weight: 2, arbitrary: hostileJson.map((json) => text(Buffer.from(json))) },
  { weight: 1, arbitrary: hostileBytes.map((payload) => frame({ opcode: opcodes.binary, payload })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      frame({ opcode: opcodes.ping }),
      frame({ opcode: opcodes.pong, payload: Buffer.from('unasked') }),
    ),
  },
  {
    // Cut into as many fragments as it has bytes, with a ping in between.
    weight: 1,
    arbitrary: hostileJson.map((json) => {
      const bytes = [...Buffer.from(json).subarray(0, 200)];
      const parts = bytes.map((byte, i) =>
        frame({
          opcode: i === 0 ? opcodes.text : opcodes.continuation,
          payload: Buffer.from([byte]),
          fin: i === bytes.length - 1,
        }),
      );
      return Buffer.concat(parts.flatMap((part, i) => (i === 3 ? [part, frame({ opcode: opcodes.ping })] : [part])));
    }),
  },
);

/** After any of these the edge closes, or waits for more. */
const violation = fc.oneof(
  fc
    .constantFrom<Frame>(
      { opcode: opcodes.text, reserved: 4, payload: Buffer.from('aa5601000000ffff', 'hex') },
      { opcode: opcodes.text, reserved: 2 },
      { opcode: opcodes.text, reserved: 1 },
      { opcode: opcodes.continuation, payload: Buffer.from('of nothing') },
      { opcode: opcodes.continuation, fin: false },
      { opcode: opcodes.text, fin: false, payload: Buffer.from('{"type":"PI') },
      { opcode: opcodes.ping, payload: Buffer.alloc(126) },
      { opcode: opcodes.ping, fin: false },
      { opcode: opcodes.close, payload: Buffer.from([3]) },
      { opcode: opcodes.close, payload: Buffer.from([3, 237]) }, // 1005: not to be sent
      { opcode: opcodes.close, payload: Buffer.from([0xff, 0xff, 0xc0]) },
      { opcode: opcodes.close, payload: Buffer.alloc(125) },
      { opcode: 3, payload: Buffer.from('reserved') },
      { opcode: 11 },
      { opcode: 15, fin: false, reserved: 7 },
      { opcode: opcodes.text, masked: false, payload: Buffer.from('{}') },
      { opcode: opcodes.text, payload: Buffer.alloc(5_000, 0x20) },
      { opcode: opcodes.text, length: 2n ** 63n },
      { opcode: opcodes.text, length: 2n ** 64n - 1n },
      { opcode: opcodes.binary, length: 4_097n },
      { opcode: opcodes.text, length: 4_000n, payload: Buffer.from('the rest never comes') },
      { opcode: opcodes.text, payload: Buffer.from('eda080', 'hex') },
      { opcode: opcodes.text, payload: Buffer.from('f4908080', 'hex') },
    )
    .map(frame),
  // Endless fragments of minimum size, until their total is too large.
  fc.constant(
    Buffer.concat([
      frame({ opcode: opcodes.text, fin: false }),
      ...new Array(5_000).fill(frame({ opcode: 0, fin: false, payload: Buffer.from('a') })),
    ]),
  ),
  fc.constant(
    Buffer.concat([
      frame({ opcode: opcodes.text, fin: false, payload: Buffer.from('a') }),
      frame({ opcode: opcodes.text, payload: Buffer.from('b') }),
    ]),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);

const upgrade = fc
  .constantFrom(
    ...['', '', '', '', '', 'Sec-WebSocket-Protocol: seat-booking.v1', 'Sec-WebSocket-Protocol: seat-booking.v1, x'],
    ...[
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99',
      'Sec-WebSocket-Extensions: permessage-deflate',
    ],
    ...[
      'Sec-WebSocket-Protocol: ,',
      'Sec-WebSocket-Extensions: =;',
      'Origin: http://evil.example',
      'Origin: null',
      'Cookie: session=a.b.c',
    ],
  )
  .map((extra) =>
    [
      ...[
        'GET /ws HTTP/1.1',
        'Host: localhost',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
      ],
      ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...(extra ? [extra] : []), '', ''],
    ].join('\r\n'),
  );
const badUpgrade = fc.constantFrom(
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n',
  'POST /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}',
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
  'GET /ws?token=secret HTTP/1.1\r\nHost: localhost\r\n\r\n',
);

const closing = frame({ opcode: opcodes.close, payload: Buffer.from([3, 232]) }); // 1000

/** A WebSocket upgrade, and the bytes sent right after it. */
export const hostileSocket: fc.Arbitrary<Conversation> = fc
  .record({
    opening: fc.oneof({ weight: 15, arbitrary: upgrade }, { weight: 1, arbitrary: badUpgrade }),
    messages: fc.array(message, { minLength: 1, maxLength: 20 }),
    end: fc.option(violation),
  })
  .map(({ opening, messages, end }) => ({
    bytes: Buffer.concat([Buffer.from(opening), ...messages, end ?? closing]),
    messages: messages.length + (end ? 1 : 0),
  }));
