import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';
import { WebSocket } from 'ws';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import type { CommandReply, ErrorReply, UserAction } from '../../src/protocol/commands.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/messages.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import type { Sample, SampleKind } from './samples.ts';

// A process of its own, so that it measures the system and not the attacker's event loop.
// `bystanders.js <url> <users>`: each user selects and releases a seat of its own, half of them over the WebSocket, half over
// HTTP, and all watch. Newcomers open the page on new connections. Any message requests the samples since the last one.

const [url = '', userCount = '10'] = process.argv.slice(2);
const webSocketUrl = `${url.replace('http', 'ws')}/ws`;
const timeoutMs = 5_000;
/** Keeps a user below REQUESTS_PER_SECOND_PER_USER. */
const pauseMs = { min: 50, max: 90 };
const newcomers = 2;
const newcomerPauseMs = 150;
const inspectionPauseMs = 300;
/** A person who is refused once waits at least this long. */
const reconnectPauseMs = 500;

const steps = [
  { action: 'select', status: 1 },
  { action: 'release', status: 0 },
] as const;

let samples: Sample[] = [];
/** Start times of the measurements that have not ended yet. */
const running = new Set<{ startMs: number }>();

/** Measures from the start of `work` to its end; an error is a failure that counts. */
async function measure(kind: SampleKind, who: string, work: () => Promise<unknown>): Promise<boolean> {
  const entry = { startMs: performance.now() };
  running.add(entry);
  let failure: string | undefined;
  try {
    await withTimeout(work());
  } catch (error) {
    failure = `${kind} of ${who}: ${error instanceof Error ? error.message : error}`;
  }
  running.delete(entry);
  samples.push({
    kind,
    startMs: entry.startMs,
    latencyMs: performance.now() - entry.startMs,
    ...(failure && { failure }),
  });
  return failure === undefined;
}

async function withTimeout<T>(promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const expired = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no reply in ${timeoutMs} ms`);
  });
  expired.catch(() => {});
  return Promise.race([promise, expired]).finally(() => timer.abort());
}

/** nginx's ip_hash uses the first three bytes of an IPv4 address: these users spread over the edges. */
const addressOf = (index: number): string => `127.1.${index + 1}.1`;

interface Update {
  seatId: string;
  status: number;
  /** Sockets that have not shown the change yet. */
  missing: Set<LiveSocket>;
  seenByAll(): void;
}
const updates = new Set<Update>();

/** A page's WebSocket, reconnected when it is closed. */
class LiveSocket {
  readonly #token: string;
  readonly #localAddress: string;
  readonly #replies = new Map<number, (message: ServerMessage) => void>();
  #socket: WebSocket | undefined;
  #requests = 0;
  isLive = false;

  constructor(token: string, localAddress: string) {
    this.#token = token;
    this.#localAddress = localAddress;
  }

  async connect(): Promise<void> {
    const socket = new WebSocket(webSocketUrl, subprotocol, {
      localAddress: this.#localAddress,
      headers: { authorization: `Bearer ${this.#token}` },
    });
    this.#socket = socket;
    socket.on('message', (text) => this.#receive(JSON.parse(String(text)) as ServerMessage));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
    });
    socket.on('close', (code) => void this.#lost(code));
    await this.ask({ type: 'CONNECT', data: {} });
    this.isLive = true;
  }

  async ask(message: ClientMessage): Promise<ServerMessage> {
    const request_id = ++this.#requests;
    const reply = new Promise<ServerMessage>((resolve) => this.#replies.set(request_id, resolve));
    this.#socket?.send(JSON.stringify({ ...message, request_id }));
    return reply.finally(() => this.#replies.delete(request_id));
  }

  close(): void {
    this.isLive = false;
    this.#socket?.terminate();
  }

  async #lost(code: number): Promise<void> {
    if (!this.isLive) return;
    this.isLive = false;
    const failure = `socket of ${this.#localAddress} closed with ${code}`;
    samples.push({ kind: 'update', startMs: performance.now(), latencyMs: 0, failure });
    while (!this.isLive) {
      await delay(reconnectPauseMs);
      await withTimeout(this.connect()).catch(() => {});
    }
  }

  #receive(message: ServerMessage): void {
    if (message.type === 'SEAT_UPDATE') this.#show(message.data.seat_id, message.data.status);
    if (message.type === 'VENUE_STATE') for (const { id, status } of message.data.seats) this.#show(id, status);
    if ('request_id' in message) this.#replies.get(Number(message.request_id))?.(message);
  }

  #show(seatId: string, status: number): void {
    for (const update of updates) {
      if (update.seatId !== seatId || update.status !== status || !update.missing.delete(this)) continue;
      if (update.missing.size === 0) update.seenByAll();
    }
  }
}

const sockets: LiveSocket[] = [];

/** Resolves when every live socket has shown the change. */
async function seenEverywhere(seatId: string, status: number): Promise<void> {
  const missing = new Set(sockets.filter(({ isLive }) => isLive));
  await new Promise<void>((resolve, reject) => {
    const update: Update = { seatId, status, missing, seenByAll: () => end(resolve) };
    const timer = setTimeout(
      () => end(() => reject(new Error(`not shown by ${missing.size} sockets`))),
      timeoutMs - 500,
    );
    const end = (settle: () => void) => {
      clearTimeout(timer);
      updates.delete(update);
      settle();
    };
    updates.add(update);
  });
}

async function session(client: Client): Promise<string> {
  const { statusCode, body } = await client.request({ path: '/api/session', method: 'POST' });
  const reply = (await body.json()) as SessionReply & ErrorReply;
  if (!reply.token) throw new Error(`POST /api/session: ${statusCode} ${JSON.stringify(reply.error)}`);
  return reply.token;
}

async function useSeats(index: number): Promise<void> {
  const who = addressOf(index);
  const http = new Client(url, { localAddress: who });
  const token = await session(http);
  const socket = new LiveSocket(token, who);
  await socket.connect();
  sockets.push(socket);
  const overHttp = async (action: UserAction, seat_id: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request = {
      path: `/api/seats/${action}`,
      method: 'POST',
      headers,
      body: JSON.stringify({ seat_id }),
    } as const;
    const { statusCode, body } = await http.request(request);
    const reply = (await body.json()) as CommandReply | ErrorReply;
    if (!reply.success) throw new Error(`${action} over HTTP: ${statusCode} ${reply.error.code}`);
  };
  const overSocket = async (action: UserAction, seat_id: string) => {
    const type = action === 'select' ? 'SELECT_SEAT' : 'RELEASE_SEAT';
    const reply = await socket.ask({ type, data: { seat_id } });
    if (reply.type !== 'ACK') throw new Error(`${action} over a socket: ${JSON.stringify(reply)}`);
  };
  const command = index % 2 ? overHttp : overSocket;
  const seatId = `J${index + 1}`;
  started();
  for (;;) {
    for (const { action, status } of steps) {
      const ended = await Promise.all([
        measure('update', who, () => seenEverywhere(seatId, status)),
        measure('command', who, () => command(action, seatId)),
      ]);
      if (ended.includes(false)) {
        // The next select is a change only if the seat is free.
        await overHttp('release', seatId).catch(() => {});
        break;
      }
      await delay(pauseMs.min + Math.random() * (pauseMs.max - pauseMs.min));
    }
  }
}

/** Each visit is by a new browser: new connections, a page, its script, a session, a live socket. */
async function visit(who: string): Promise<void> {
  const client = new Client(url, { localAddress: who });
  try {
    for (const path of ['/', '/app.js']) {
      const { statusCode, body } = await client.request({
        path,
        method: 'GET',
        headers: { 'accept-encoding': 'gzip' },
      });
      await body.dump({ limit: 1_048_576 });
      if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode}`);
    }
    const socket = new LiveSocket(await session(client), who);
    try {
      await socket.connect();
    } finally {
      socket.close();
    }
  } finally {
    await client.destroy();
  }
}

async function arrive(index: number): Promise<void> {
  for (let visits = 0; ; visits++) {
    const who = `127.2.${index * 100 + (visits % 100) + 1}.1`;
    await measure('arrival', who, () => visit(who));
    await delay(newcomerPauseMs);
  }
}

/** Samples that began before now, once all of them have ended. */
async function samplesSoFar(): Promise<Sample[]> {
  const untilMs = performance.now();
  while ([...running].some(({ startMs }) => startMs < untilMs)) await delay(20);
  const taken = samples.filter(({ startMs }) => startMs < untilMs);
  samples = samples.filter(({ startMs }) => startMs >= untilMs);
  return taken;
}

/** A developer who opens the live feed of the inspector. */
async function inspect(who: string): Promise<void> {
  const client = new Client(url, { localAddress: who });
  try {
    const { statusCode, body } = await client.request({ path: '/inspect/feed?seats=A1', method: 'GET' });
    body.on('error', () => {});
    if (statusCode !== 200) throw new Error(`GET /inspect/feed: ${statusCode}`);
    await once(body, 'data');
  } finally {
    await client.destroy();
  }
}

async function keepInspecting(): Promise<void> {
  for (let visits = 0; ; visits++) {
    const who = `127.4.${(visits % 100) + 1}.1`;
    await measure('inspection', who, () => inspect(who));
    await delay(inspectionPauseMs);
  }
}

let startedUsers = 0;
function started(): void {
  if (++startedUsers < Number(userCount)) return;
  for (let index = 0; index < newcomers; index++) void arrive(index);
  void keepInspecting();
  process.send?.('started');
}

process.on('message', () => void samplesSoFar().then((taken) => process.send?.(taken)));
process.once('disconnect', () => process.exit());
for (let index = 0; index < Number(userCount); index++) {
  void useSeats(index).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
}
