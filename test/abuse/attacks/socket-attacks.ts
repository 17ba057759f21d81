import { connect, type Socket } from 'node:net';
import { maskedFrame } from '../../../bench/sockets/frame-reader.ts';
import { subprotocol } from '../../../src/protocol/close-codes.ts';
import type { Attack, Target } from './attack.ts';
import { pace } from './pace.ts';

const opcodes = { continuation: 0, text: 1, pong: 10 } as const;
const text = (message: unknown) =>
  maskedFrame(opcodes.text, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));

/** A WebSocket that reads and drops replies, without the cost of a client library per frame. */
async function openSocket({ url, localAddress }: Target, count: (what: string) => void): Promise<Socket | undefined> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress });
  socket.on('error', () => {});
  const head = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString('latin1', 9, 12)));
    socket.once('close', () => resolve('closed'));
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
    );
  });
  count(`upgrade ${head}`);
  socket.resume();
  if (head === '101') return socket;
  socket.destroy();
}

const reconnectPauseMs = 20;

/** Keeps this many sockets open for as long as the attack lasts. */
async function keepOpen(
  target: Target,
  count: (what: string) => void,
  { sockets, onOpen }: { sockets: number; onOpen: (socket: Socket, index: number) => void },
): Promise<void> {
  const open = async (index: number) => {
    const socket = await openSocket(target, count);
    if (socket) onOpen(socket, index);
    const again = () => setTimeout(() => void open(index), socket ? reconnectPauseMs : 10 * reconnectPauseMs);
    if (!socket || socket.closed) again();
    else socket.once('close', again);
  };
  await Promise.all(Array.from({ length: sockets }, (_, index) => open(index)));
}

/** Frames at this rate on each of the sockets, each rate below MESSAGES_PER_SECOND. */
function frames(options: {
  sockets: number;
  perSecond: number;
  frame: (target: Target, index: number) => Buffer;
}): Attack['start'] {
  const { sockets, perSecond, frame } = options;
  return async (target, count) => {
    const live = new Map<number, Socket>();
    await keepOpen(target, count, { sockets, onOpen: (socket, index) => live.set(index, socket) });
    let index = 0;
    pace(sockets * perSecond, () => {
      const socket = live.get(index++ % sockets);
      if (!socket?.writable || socket.writableLength > 65_536) return count('not sent');
      socket.write(frame(target, index));
      count('frames');
    });
  };
}

/** This rate of bytes, in equal frames, on few sockets. */
function bytes(options: { sockets: number; bytesPerSecond: number; first?: Buffer; frame: Buffer }): Attack['start'] {
  const { sockets, bytesPerSecond, first, frame } = options;
  const block = Buffer.concat(Array.from({ length: Math.floor(16_384 / frame.length) }, () => frame));
  return async (target, count) => {
    const live = new Map<number, Socket>();
    const onOpen = (socket: Socket, index: number) => {
      if (first) socket.write(first);
      live.set(index, socket);
    };
    await keepOpen(target, count, { sockets, onOpen });
    let index = 0;
    pace(bytesPerSecond / block.length, () => {
      const socket = live.get(index++ % sockets);
      if (!socket?.writable || socket.writableLength > 1_048_576) return count('not sent');
      socket.write(block);
      count('blocks');
    });
  };
}

const junk = text(`{"type":${'['.repeat(1_900)}${']'.repeat(1_900)}}`);
const firstFragment = (() => {
  const frame = text(' ');
  frame[0] = opcodes.text; // FIN is not set
  return frame;
})();
const emptyFragment = (() => {
  const frame = maskedFrame(opcodes.continuation, Buffer.alloc(0));
  frame[0] = opcodes.continuation;
  return frame;
})();

export const socketAttacks = {
  'alternating tokens': {
    does: 'sends CONNECT with another valid session each time, on 150 sockets',
    port: 'http',
    start: frames({
      sockets: 150,
      perSecond: 40,
      frame: ({ tokens }, index) => text({ type: 'CONNECT', data: { token: tokens[(index * 7) % tokens.length] } }),
    }),
  },
  'forged tokens': {
    does: 'sends CONNECT with a new invalid session each time, on 150 sockets',
    port: 'http',
    leftOut: { alike: 'alternating tokens' },
    start: frames({
      sockets: 150,
      perSecond: 20,
      frame: ({ tokens }, index) => text({ type: 'CONNECT', data: { token: `${tokens[0]}${index}` } }),
    }),
  },
  'pong flood': {
    does: 'sends 18 MB of pong frames a second on three sockets, and reconnects when it is closed',
    port: 'http',
    start: bytes({ sockets: 3, bytesPerSecond: 18_000_000, frame: maskedFrame(opcodes.pong, Buffer.alloc(0)) }),
  },
  'endless fragments': {
    does: 'sends one message in endless empty fragments, on three sockets',
    port: 'http',
    leftOut: { alike: 'pong flood' },
    start: bytes({ sockets: 3, bytesPerSecond: 6_000_000, first: firstFragment, frame: emptyFragment }),
  },
  'junk messages': {
    does: 'sends 4 KB of deeply nested JSON below MESSAGES_PER_SECOND, on 150 sockets',
    port: 'http',
    start: frames({ sockets: 150, perSecond: 40, frame: () => junk }),
  },
  'commands over sockets': {
    does: 'selects seats as a new guest each time, below MESSAGES_PER_SECOND, on 150 sockets',
    port: 'http',
    start: frames({
      sockets: 150,
      perSecond: 40,
      frame: (_, index) => text({ type: 'SELECT_SEAT', data: { seat_id: 'A1', user_id: `guest-${index}` } }),
    }),
  },
  upgrades: {
    does: 'opens 1,300 WebSockets a second, sends CONNECT and leaves',
    port: 'http',
    start(target, count) {
      let opening = 0;
      pace(1_300, () => {
        if (opening > 500) return count('not sent');
        opening++;
        void openSocket(target, count).then((socket) => {
          opening--;
          socket?.end(text({ type: 'CONNECT', data: { token: target.tokens[0] } }));
        });
      });
    },
  },
} satisfies Record<string, Attack>;
