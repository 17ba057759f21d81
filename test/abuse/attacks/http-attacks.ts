import { connect, type Socket } from 'node:net';
import type { Attack, Count, Target } from './attack.ts';
import { pace } from './pace.ts';

interface RequestsOptions {
  perSecond: number;
  connections?: number;
  request: (target: Target, index: number) => string;
}

/** Pipelined requests on one connection without a reply: more would only fill buffers. */
const maxUnanswered = 16;
const reconnectPauseMs = 20;

/** A connection that sends prepared requests and counts the statuses of the replies, at a much lower cost than an HTTP client. */
class RequestHose {
  readonly #target: Target;
  readonly #count: Count;
  #socket: Socket | undefined;
  #unanswered = 0;
  #tail = '';

  constructor(target: Target, count: Count) {
    this.#target = target;
    this.#count = count;
    this.#connect();
  }

  send(request: string): void {
    if (this.#socket?.writable && this.#unanswered < maxUnanswered) {
      this.#unanswered++;
      this.#socket.write(request);
    } else {
      this.#count('not sent');
    }
  }

  #connect(): void {
    const socket = connectTo(this.#target);
    this.#socket = socket;
    this.#unanswered = 0;
    this.#tail = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => this.#read(chunk));
    socket.on('close', () => setTimeout(() => this.#connect(), reconnectPauseMs));
  }

  #read(chunk: string): void {
    const text = this.#tail + chunk;
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
      this.#unanswered--;
      this.#count(`HTTP ${status}`);
    }
    this.#tail = text.slice(-11); // shorter than the counted text
  }
}

function connectTo({ url, localAddress }: Target): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress });
  socket.on('error', () => {});
  return socket;
}

function requests({ perSecond, connections = 64, request }: RequestsOptions): Attack['start'] {
  return (target, count) => {
    const hoses = Array.from({ length: connections }, () => new RequestHose(target, count));
    let index = 0;
    pace(perSecond, () => hoses[index % connections]?.send(request(target, index++)));
  };
}

const get = (path: string, headers = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n${headers}\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const longPath = `/api/${'x'.repeat(7_000)}`;

/** Of six seats each, as many as a user may hold. */
const groups = [...'BCDEFGH'].map((row) =>
  JSON.stringify({ user_id: `group-${row}`, seats: Array.from({ length: 6 }, (_, col) => `${row}${col + 1}`) }),
);

export const httpAttacks = {
  'events far behind': {
    does: 'reads the event log from its beginning, just below REQUESTS_PER_SECOND_PER_ADDRESS',
    port: 'http',
    start: requests({ perSecond: 98, request: ({ epoch }) => get(`/api/events?epoch=${epoch}&after=0`) }),
  },
  'refused origins': {
    does: 'posts with a foreign Origin and 7,000 bytes of path',
    port: 'http',
    leftOut: { alike: 'bodies too large' },
    start: requests({
      perSecond: 2_000,
      request: () =>
        `POST ${longPath} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n`,
    }),
  },
  'bodies too large': {
    does: 'announces bodies beyond the limit, with 7,000 bytes of path',
    port: 'http',
    start: requests({
      perSecond: 1_000,
      request: () => `POST ${longPath} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n`,
    }),
  },
  'static files': {
    does: 'fetches the script of the page and its source map, compressed',
    port: 'http',
    start: requests({ perSecond: 295, request: (_, index) => get(index % 2 ? '/app.js.map' : '/app.js') }),
  },
  'API documentation': {
    does: 'fetches the script of the API documentation, just below REQUESTS_PER_SECOND_PER_ADDRESS',
    port: 'http',
    start: requests({ perSecond: 98, request: () => get('/api/docs/static/swagger-ui-bundle.js') }),
  },
  'inspector history': {
    does: 'reads the history of the sale again and again',
    port: 'http',
    start: requests({ perSecond: 20, request: () => get('/inspect/history') }),
  },
  'inspector feeds': {
    does: 'opens feeds of all seats as fast as it may, and keeps as many as it gets',
    port: 'http',
    start(target, count) {
      pace(40, () => {
        const socket = connectTo(target).setEncoding('latin1');
        socket.once('data', (head) => count(`HTTP ${String(head).slice(9, 12)}`));
        socket.write(get('/inspect/feed?seats=all'));
        socket.resume();
        // Half of them reconnect: a feed costs most when it starts.
        if (Math.random() < 0.5) setTimeout(() => socket.destroy(), 300);
      });
    },
  },
  'groups of seats': {
    does: 'holds and releases groups of seats, just below REQUESTS_PER_SECOND_PER_ADDRESS',
    port: 'http',
    start: requests({
      perSecond: 98,
      request: (_, index) => {
        const group = groups[Math.floor(index / 2) % groups.length] ?? '';
        return post(`/api/shows/main/holds${index % 2 ? '/release' : ''}`, group);
      },
    }),
  },
  'many sessions': {
    does: 'reads the venue with hundreds of sessions, each far below its own limit',
    port: 'http',
    leftOut: { alike: 'requests beyond the limit' },
    start: requests({
      perSecond: 2_500,
      request: ({ tokens }, index) => get('/api/venue', `Authorization: Bearer ${tokens[index % tokens.length]}\r\n`),
    }),
  },
  'requests beyond the limit': {
    does: 'sends thousands of requests a second and ignores every 429',
    port: 'http',
    start: requests({ perSecond: 2_500, request: () => get('/api/venue') }),
  },
  'no upgrade': {
    does: 'asks the edges for /ws without an upgrade',
    port: 'http',
    leftOut: { alike: 'upgrades' },
    start: requests({ perSecond: 2_500, request: () => get('/ws') }),
  },
  'slow bodies': {
    does: 'keeps as many connections as it gets with bodies that never end',
    port: 'http',
    start: slowBodies(3_000),
  },
} satisfies Record<string, Attack>;

/** Every socket sends a byte often enough to outlive client_body_timeout, and reconnects when it is closed. */
function slowBodies(sockets: number): Attack['start'] {
  return async (target, count) => {
    const open = async () => {
      const socket = connectTo(target);
      socket.on('close', () => {
        count('closed');
        setTimeout(open, 500);
      });
      await new Promise<unknown>((resolve) => socket.once('connect', resolve).once('close', resolve));
      count('opened');
      socket.resume();
      socket.write('POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{');
      setInterval(() => socket.writable && socket.write(' '), 5_000).unref();
    };
    for (let opened = 0; opened < sockets; opened += 250) await Promise.all(Array.from({ length: 250 }, open));
  };
}
