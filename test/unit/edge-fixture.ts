import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { buildEdge } from '../../src/edge/app.ts';
import { BookingClient } from '../../src/edge/booking-client.ts';
import type { DoorOptions } from '../../src/edge/door.ts';
import type { EdgeLimits } from '../../src/edge/limits.ts';
import type { BusListener, Delivery, EventBus } from '../../src/events/event-bus.ts';
import type { PresenceBus } from '../../src/events/presence-bus.ts';
import { type BatchedCommand, type CommandBatch, commandBatchPath } from '../../src/protocol/command-batch.ts';
import type { EventsAfter, Heartbeat, SeatEvent } from '../../src/protocol/events.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/messages.ts';
import type { EdgePresence } from '../../src/protocol/presence.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { seatId } from '../../src/protocol/seat-id.ts';
import { type SessionInfo, sessionBatchPath } from '../../src/protocol/session.ts';
import { stateAfter } from '../../src/protocol/state-after.ts';
import type { Position, VenueState } from '../../src/protocol/venue.ts';
import { patience } from '../support/patience.ts';

export const serverTime = 1_700_000_000;

/** A bus that delivers only the messages of the test. */
export class FakeBus implements EventBus, PresenceBus {
  connected = true;
  readonly storesEvents = true;
  readonly #listeners = new Set<BusListener>();
  readonly presence: EdgePresence[] = [];
  #onPresence: ((presence: EdgePresence) => void) | undefined;

  subscribe(listener: BusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async publish(): Promise<Delivery> {
    return 'stored';
  }
  publishHeartbeat(): void {}
  publishPresence(presence: EdgePresence): void {
    this.presence.push(presence);
  }
  subscribePresence(listener: (presence: EdgePresence) => void): () => void {
    this.#onPresence = listener;
    return () => {
      this.#onPresence = undefined;
    };
  }

  emit(...events: SeatEvent[]): void {
    for (const event of events) for (const listener of this.#listeners) listener.onEvent(event, 'stored');
  }
  connect(): void {
    this.connected = true;
    for (const listener of this.#listeners) listener.onConnected?.(true);
  }
  /** Delivers presence as from another edge. */
  tellPresence(presence: EdgePresence): void {
    this.#onPresence?.(presence);
  }
  heartbeat(position: Position): void {
    this.tellHeartbeat({ ...position, server_time: serverTime });
  }
  tellHeartbeat(heartbeat: Heartbeat): void {
    for (const listener of this.#listeners) listener.onHeartbeat?.(heartbeat);
  }
}

/** A fake booking service with 10 x 10 seats over real HTTP; the test writes its history. */
export class FakeBooking {
  epoch = 'e1';
  stale = false;
  maxHolds = 6;
  /** If set, the reply to every request. */
  failure: { status: number; body: string } | undefined;
  /** If set, no request gets a reply. */
  hangs = false;
  /** Behaves like a process without Redis: 503 for commands and events, a stale venue, normal sessions. */
  isCutOff = false;
  /** If set, session checks get no reply. */
  hangsOnSessions = false;
  /** How long session checks take. */
  sessionsTakeMs = 0;
  /** If set, commands get no reply. */
  hangsOnCommands = false;
  /** If set, the replies to commands wait for it. */
  repliesAfter: Promise<unknown> | undefined;
  /** Each command of a batch as the request that it stands for. */
  readonly requests: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly batches: BatchedCommand[][] = [];
  /** Tokens of each request that checks sessions. In `requests` each is 'session'. */
  readonly sessionBatches: string[][] = [];
  /** A request with a command on this seat is refused as a whole. */
  spoiler: { seat: string; status: number; code: string } | undefined;
  /** Commands on these seats fail. */
  readonly failsAt = new Set<string>();
  /** Keyed by token. */
  readonly sessions = new Map<string, SessionInfo>();
  readonly events: SeatEvent[] = [];
  readonly #seats = new Map<string, Seat>();
  readonly server: Server;

  constructor() {
    for (let row = 0; row < 10; row++) {
      for (let col = 0; col < 10; col++) {
        const id = seatId(row, col);
        this.#seats.set(id, { id, row, col, status: 0, seq: 0 });
      }
    }
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const commands = request.url === commandBatchPath ? (JSON.parse(body) as CommandBatch).commands : undefined;
        const tokens = request.url === sessionBatchPath ? (JSON.parse(body) as { tokens: string[] }).tokens : undefined;
        if (tokens) this.sessionBatches.push(tokens);
        for (const token of tokens ?? []) {
          this.requests.push('session');
          this.headers.push({ ...request.headers, authorization: `Bearer ${token}` });
        }
        if (commands) this.batches.push(commands);
        for (const command of commands ?? []) this.#record(command, request.headers);
        if (!commands && !tokens) {
          this.requests.push(`${request.method} ${request.url}`);
          this.headers.push(request.headers);
        }
        if (this.hangs || (tokens ? this.hangsOnSessions : this.hangsOnCommands && commands)) return;
        const { spoiler } = this;
        const isSpoilt = commands?.some(({ body }) => 'seat_id' in body && body.seat_id === spoiler?.seat);
        const [status, reply] =
          spoiler && isSpoilt
            ? [spoiler.status, refusal(spoiler.code)]
            : commands && isRefusal(this.failure?.body)
              ? [200, JSON.stringify({ replies: commands.map((command) => this.#reply(command)) })]
              : this.failure && !(tokens && this.failure.status === 401) // which is the reply to a command
                ? [this.failure.status, this.failure.body]
                : tokens
                  ? [200, JSON.stringify({ sessions: tokens.map((token) => this.sessions.get(token) ?? null) })]
                  : this.#answer(request.url ?? '', body);
        const send = () => response.writeHead(status, { 'content-type': 'application/json' }).end(reply);
        if (tokens && this.sessionsTakeMs > 0) setTimeout(send, this.sessionsTakeMs);
        else if (commands && this.repliesAfter) void this.repliesAfter.then(send);
        else send();
      });
    });
  }

  #record({ path, address, token, request_id, key, attempt }: BatchedCommand, headers: IncomingHttpHeaders): void {
    this.requests.push(`POST ${path}`);
    this.headers.push({
      ...headers,
      'x-forwarded-for': address,
      'idempotency-key': key,
      'x-attempt': String(attempt),
      ...(request_id !== undefined && { 'x-request-id': request_id }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    });
  }

  #reply({ path, body }: BatchedCommand): { status: number; body: unknown } {
    if (this.failure) return { status: this.failure.status, body: JSON.parse(this.failure.body) };
    const [status, reply] = this.#answer(path, JSON.stringify(body));
    return { status, body: JSON.parse(reply) };
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    onTestFinished(() => this.stop());
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  get position(): Position {
    return { epoch: this.epoch, seq: this.events.length };
  }

  /** Commits a hold and returns its event, which is not published yet. */
  hold(id: string, userId: string): SeatEvent {
    const event: SeatEvent = {
      type: 'held',
      seat_id: id,
      user_id: userId,
      status: 1,
      timestamp: new Date(serverTime * 1000).toISOString(),
      expires_at: serverTime + 30,
      epoch: this.epoch,
      seq: this.events.length + 1,
    };
    this.events.push(event);
    const { row, col } = this.#seats.get(id) as Seat;
    this.#seats.set(id, { id, row, col, ...stateAfter(event) });
    return event;
  }

  /** Starts a new epoch, as after a loss of all data. */
  startOver(epoch: string): void {
    this.epoch = epoch;
    this.events.length = 0;
    for (const { id, row, col } of this.#seats.values()) this.#seats.set(id, { id, row, col, status: 0, seq: 0 });
  }

  #answer(url: string, body: string): [number, string] {
    const [, show, path] = /^\/api\/shows\/([^/]+)(\/[^?]+)/.exec(url) ?? [];
    if (show !== 'main') return [404, refusal('UNKNOWN_SHOW')];
    if (path === '/venue') return [200, JSON.stringify(this.#venue())];
    if (this.isCutOff) return [503, refusal('STORE_UNAVAILABLE')];
    if (path === '/events') return [200, JSON.stringify(this.#eventsAfter(new URL(url, 'http://x')))];
    const { seat_id, user_id = 'u_session' } = JSON.parse(body) as { seat_id: string; user_id?: string };
    const seat = this.#seats.get(seat_id);
    if (this.failsAt.has(seat_id)) return [503, refusal('STORE_UNAVAILABLE')];
    if (!seat) return [404, refusal('UNKNOWN_SEAT')];
    if (seat.status !== 0) return [409, refusal('SEAT_HELD', seat)];
    this.hold(seat_id, user_id);
    return [200, JSON.stringify({ success: true, seat: this.#seats.get(seat_id) })];
  }

  #venue(): VenueState {
    const state = {
      venue: 'main',
      ...this.position,
      server_time: serverTime,
      hold_seconds: 30,
      max_holds: this.maxHolds,
      hold_extensions: 10,
      rows: 10,
      cols: 10,
    };
    return {
      ...state,
      ...((this.stale || this.isCutOff) && { stale: true as const }),
      seats: [...this.#seats.values()],
    };
  }

  #eventsAfter({ searchParams }: URL): EventsAfter {
    const reply = { ...this.position, server_time: serverTime };
    if (searchParams.get('epoch') !== this.epoch) return reply;
    return { ...reply, events: this.events.slice(Number(searchParams.get('after'))) };
  }
}

/** A failure inside a batch is a refusal. Anything else is no reply to a batch. */
const isRefusal = (failure = '{"success":false,"error":{}}') => /^\{"success":false,"error":\{/.test(failure);

function refusal(code: string, seat?: Seat): string {
  return JSON.stringify({ success: false, error: { code, message: code, retryable: false }, seat });
}

/** Returns the reply to an upgrade; with status 101 it is a WebSocket. */
export function upgrade(wsUrl: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; socket: WebSocket }>((resolve, reject) => {
    const socket = new WebSocket(wsUrl, { headers });
    onTestFinished(() => socket.terminate());
    socket.once('upgrade', ({ headers }) => socket.once('open', () => resolve({ status: 101, headers, socket })));
    socket.once('unexpected-response', (_, { statusCode = 0, headers }) =>
      resolve({ status: statusCode, headers, socket }),
    );
    socket.once('error', reject);
  });
}

type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A real WebSocket client that records all messages. */
export class TestClient {
  readonly messages: ServerMessage[] = [];
  readonly ws: WebSocket;
  readonly closed: Promise<number>;

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.ws = new WebSocket(url, protocols, options);
    this.ws.on('message', (data) => this.messages.push(JSON.parse(data.toString())));
    this.ws.on('error', () => {});
    this.closed = new Promise((resolve) => this.ws.on('close', resolve));
    onTestFinished(() => this.ws.terminate());
  }

  async opened(): Promise<this> {
    if (this.ws.readyState !== WebSocket.OPEN) await once(this.ws, 'open');
    return this;
  }

  send(message: ClientMessage): void {
    this.ws.send(JSON.stringify(message));
  }

  ofType<T extends ServerMessage['type']>(type: T): Message<T>[] {
    return this.messages.filter((message): message is Message<T> => message.type === type);
  }

  get seqs(): number[] {
    return this.ofType('SEAT_UPDATE').map(({ data }) => data.seq);
  }

  /** Waits for the nth message of a type, counted from 1. */
  async received<T extends ServerMessage['type']>(type: T, nth = 1): Promise<Message<T>> {
    await until(() => this.ofType(type).length >= nth, `${type} number ${nth}`);
    return this.ofType(type)[nth - 1] as Message<T>;
  }
}

export async function until(condition: () => boolean, what: string, timeoutMs = patience.timeout): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`Not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface EdgeFixtureOptions {
  limits?: Partial<EdgeLimits>;
  door?: DoorOptions;
  maxHolds?: number;
  logger?: Logger;
}

const silent = pino({ level: 'silent' });

export async function startEdge({ limits = {}, door = {}, maxHolds = 6, logger = silent }: EdgeFixtureOptions = {}) {
  const booking = new FakeBooking();
  booking.maxHolds = maxHolds;
  const bus = new FakeBus();
  const bookingClient = new BookingClient({ urls: [await booking.listen()] });
  const { app, edge } = buildEdge({
    busOf: () => bus,
    booking: bookingClient,
    defaultShow: 'main',
    logger,
    limits: { drainTimeoutMs: 1000, ...limits },
    door,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    await app.close();
    await bookingClient.close();
  });
  await edge.ready;
  const { port } = app.server.address() as AddressInfo;
  const wsUrl = `ws://127.0.0.1:${port}/ws`;
  const connect = (protocols?: string[], headers = {}) => new TestClient(wsUrl, protocols, { headers }).opened();
  return { booking, bus, app, edge, port, wsUrl, connect };
}
