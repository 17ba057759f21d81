import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type ServerOptions, WebSocketServer, type Server as WsServer } from 'ws';
import type { EventBus } from '../events/event-bus.ts';
import type { PresenceBus } from '../events/presence-bus.ts';
import { pathOf, RefusalLog } from '../http/refusal-log.ts';
import { compactSubprotocol, subprotocol } from '../protocol/close-codes.ts';
import type { BookingApi, Caller } from './booking-client.ts';
import { ClientBuffers } from './client-buffers.ts';
import { ClientConnection } from './client-connection.ts';
import { Door, type DoorOptions, type Refusal } from './door.ts';
import { EdgeSocket } from './edge-socket.ts';
import { defaultLimits, type EdgeLimits } from './limits.ts';
import { type EdgeMetrics, edgeMetrics } from './metrics.ts';
import { SessionChecks } from './session-checks.ts';
import { WatchedShows } from './watched-shows.ts';

export interface EdgeOptions {
  /** The events of a show; without an id, of the default show. The caller closes their connection, and `booking`. */
  busOf: (show?: string) => EventBus & PresenceBus;
  booking: BookingApi;
  /** Id of the default show. */
  defaultShow: string;
  logger: Logger;
  registry: Registry;
  limits?: Partial<EdgeLimits>;
  door?: DoorOptions;
}

/** Serves the live shows at `/ws` of an HTTP server. */
export class Edge {
  readonly #booking: BookingApi;
  readonly #logger: Logger;
  readonly #limits: EdgeLimits;
  readonly #metrics: EdgeMetrics;
  readonly #shows: WatchedShows;
  readonly #buffers: ClientBuffers;
  readonly #sessions: SessionChecks;
  readonly #door: Door;
  readonly #refusals: RefusalLog;
  readonly #wss: WsServer<typeof EdgeSocket>;
  #draining = false;

  constructor({ busOf, booking, defaultShow, logger, registry, limits, door = {} }: EdgeOptions) {
    this.#booking = booking;
    this.#logger = logger;
    this.#limits = { ...defaultLimits, ...limits };
    this.#sessions = new SessionChecks({ booking, minIntervalMs: this.#limits.sessionCheckMinMs });
    this.#door = new Door(door, this.#limits, this.#sessions);
    this.#refusals = new RefusalLog(logger);
    this.#metrics = edgeMetrics(registry);
    const { clientBuffersBytes: budgetBytes } = this.#limits;
    this.#buffers = new ClientBuffers({ budgetBytes, metrics: this.#metrics, logger });
    this.#shows = new WatchedShows({
      defaultShow,
      busOf: (show) => busOf(show === defaultShow ? undefined : show),
      booking,
      logger,
      limits: this.#limits,
      metrics: this.#metrics,
    });
    const options: ServerOptions<typeof EdgeSocket> & { closeTimeout: number } = {
      noServer: true,
      WebSocket: EdgeSocket,
      clientTracking: false,
      perMessageDeflate: false, // with compression `ws` would write later, in between our own frames
      maxPayload: this.#limits.messageBytes,
      closeTimeout: this.#limits.closeTimeoutMs,
      handleProtocols: (offered) => [compactSubprotocol, subprotocol].find((name) => offered.has(name)) ?? false,
    };
    this.#wss = new WebSocketServer<typeof EdgeSocket>(options);
  }

  /** Resolves when the default show has been loaded; until then upgrades are refused with 503. */
  get ready(): Promise<void> {
    return this.#shows.default.feed.ready;
  }

  isReady(): boolean {
    return this.#shows.default.feed.isReady() && !this.#draining;
  }

  get clientCount(): number {
    return this.#shows.all.reduce((count, { hub }) => count + hub.clientCount, 0);
  }

  start(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#shows.start();
  }

  /** Accepts no more clients and makes the connected ones reconnect elsewhere. Cannot be undone. */
  async drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#logger.info({ clients: this.clientCount }, 'Draining');
    await this.#shows.drain();
    this.#buffers.close();
    this.#refusals.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const caller = this.#door.callerOf(request);
    const refusal = this.#refusal(request, caller);
    if (refusal) {
      this.#metrics.refusedUpgrades.inc({ reason: refusal.reason });
      if (refusal.reason !== 'not ready') this.#noteRefusal(refusal.reason, request, caller);
      refuse(socket, refusal);
    } else {
      this.#wss.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws, socket, caller));
    }
  }

  /** While an edge is not ready, nginx passes the request to the next one: this must not count against the rate of the address. */
  #refusal(request: IncomingMessage, caller: Caller): Refusal | undefined {
    if (!this.isReady()) return { status: '503 Service Unavailable', reason: 'not ready' };
    return this.#door.refusal(request, caller);
  }

  #noteRefusal(reason: string, { url, headers }: IncomingMessage, { address, requestId }: Caller): void {
    this.#refusals.note(reason, { ip: address, reqId: requestId, path: pathOf(url ?? '/'), origin: headers.origin });
  }

  #welcome(ws: EdgeSocket, socket: Duplex, { token, ...stranger }: Caller): void {
    // A socket opened by hand, e.g. in the browser's console, carries the page's cookie too. It names its user itself.
    const caller: Caller = ws.protocol !== '' ? { token, ...stranger } : stranger;
    const address = this.#door.entered(caller);
    const client = new ClientConnection({
      ws,
      socket,
      caller,
      door: this.#door,
      refusals: this.#refusals,
      address,
      shows: this.#shows,
      booking: this.#booking,
      sessions: this.#sessions,
      buffers: this.#buffers,
      limits: this.#limits,
      metrics: this.#metrics,
      logger: this.#logger,
    });
    client.start();
  }
}

function refuse(socket: Duplex, { status, retryAfterMs = 1_000 }: Refusal): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const isRetryable = /^(429|503) /.test(status);
  const retryAfter = isRetryable ? `Retry-After: ${Math.max(1, Math.ceil(retryAfterMs / 1_000))}\r\n` : '';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${retryAfter}Content-Length: 0\r\n\r\n`);
}
