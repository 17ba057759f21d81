import { type Actor, type AnyActor, createActor, fromCallback, type SnapshotFrom } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { HoldSettings, Position, VenueState } from '../protocol/venue.ts';
import type { ConnectionPhase } from './connection-status.ts';

/** The used part of a WebSocket. */
export interface Socket extends EventTarget {
  readonly readyState: number;
  send(data: string): void;
  close(): void;
}

/** The time and the rules of holds in a reply to CONNECT or PING. */
export type ServerSettings = Partial<HoldSettings & Pick<VenueState, 'server_time'>>;

/** The state of the connection, for the page to show. */
export interface ConnectionView {
  phase: ConnectionPhase;
  retryDelayMs: number;
  /** Status of the last HTTP request if it was an error. */
  httpStatus: number | undefined;
  /** False until the first WebSocket is live: a proxy may block WebSockets. */
  wasWebSocketLive: boolean;
}

export interface ConnectionOptions {
  /** Id of the show. undefined: the default show. */
  show?: string | undefined;
  /** User of the session, once there is one. The token is present only if cookies are blocked. */
  identity: () => { user_id?: string; token?: string };
  /** The edge closed the connection because the session ended. */
  onSessionOver: () => void;
  jitterSeed: number;
  openSocket: () => Socket;
  /** Opens a connection that carries the same messages over HTTP. */
  openHttpSocket: () => Socket;
  /** Probes whether HTTP works: undefined if it does, else the status, or 0 without a reply. */
  probeHttp: () => Promise<number | undefined>;
  /** Source of `online` and `offline`: the window. */
  network: EventTarget;
  /** Source of `visibilitychange`: the document. */
  visibility: EventTarget & { readonly hidden: boolean };
  /** Calls back whenever the device has slept; returns a function that stops this. */
  watchForSleep: (onWake: () => void) => () => void;
  /** The position to resume from. */
  position: () => Position | undefined;
  onMessage: (message: ServerMessage) => void;
  /** Called with the settings in each reply to a CONNECT or PING. */
  onReply: (settings: ServerSettings, roundTripMs: number) => void;
  /** Called with the latest measured round-trip time, every few seconds. */
  onRoundTrip: (roundTripMs: number) => void;
  onView: (view: ConnectionView) => void;
}

/** A WebSocket is replaced once no command is pending, at the latest after this time. */
const replacedWithinMs = 6_000;

/** Owns the connection to the server, a WebSocket or HTTP, and executes the actions of its statechart. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #actor: Actor<typeof connectionMachine>;
  readonly #pendingIds = new Set<string | number>();
  #socket: Socket | undefined;
  /** The next socket: it is open already. */
  #successor: Socket | undefined;
  #stopSuccession = () => {};
  #isOpen = false;
  #isProbingHttp = false;
  #connects = 0;
  #connectedAtMs = 0;
  #pings = 0;
  #pingedAtMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const machine = connectionMachine.provide({
      actions: { ping: () => this.#ping(), probeHttp: () => void this.#probeHttp() },
      actors: {
        socket: fromCallback<ConnectionEvent>(({ sendBack }) =>
          this.#attach(sendBack, this.#takeSuccessor() ?? options.openSocket()),
        ),
        poller: fromCallback<ConnectionEvent>(({ sendBack }) => this.#attach(sendBack, options.openHttpSocket())),
        successor: fromCallback<ConnectionEvent>(({ sendBack }) => this.#openSuccessor(sendBack)),
        network: fromCallback<ConnectionEvent>(({ sendBack }) => this.#watchNetwork(sendBack)),
      },
    });
    this.#actor = createActor(machine, { input: { jitterSeed: options.jitterSeed } });
  }

  start(): void {
    let shown = '';
    this.#actor.subscribe((snapshot) => {
      const { retryDelayMs, httpStatus, wasWebSocketLive } = snapshot.context;
      const phase = phaseOf(snapshot);
      // A second `waiting` follows only after another attempt, so the same phase twice is no change.
      const key = `${phase} ${httpStatus}`;
      if (key === shown) return;
      shown = key;
      this.#options.onView({ phase, retryDelayMs, httpStatus, wasWebSocketLive });
    });
    this.#actor.start();
    inspectIfAsked(this.#actor);
  }

  get isLive(): boolean {
    const phase = phaseOf(this.#actor.getSnapshot());
    return phase === 'live' || phase === 'polling';
  }

  /** Callers send only while live: commands are never queued, since the seat may be taken by the time they are sent. */
  send(message: ClientMessage): void {
    if (!this.#socket) return;
    if (isCommand(message) && message.request_id !== undefined) this.#pendingIds.add(message.request_id);
    this.#socket.send(JSON.stringify(message));
  }

  /** Called when the session starts or changes. A WebSocket keeps the cookie with which it was opened; a token is sent over it. */
  identify(): void {
    if (this.#options.identity().token !== undefined) {
      if (this.#isOpen) this.#connect();
    } else if (this.#actor.getSnapshot().matches('attached')) {
      this.#stopSuccession();
      this.#stopSuccession = this.#openSuccessor((event) => {
        this.#actor.send(event.type === 'REPLACED' ? event : { type: 'CLOSED', code: closeCodes.goingAway.code });
      });
    }
  }

  retry(): void {
    this.#actor.send({ type: 'RETRY' });
  }

  #connect(connectId?: string): void {
    const { show: venue } = this.#options;
    const position = this.#options.position();
    const data = {
      presence: true,
      ...(venue !== undefined && { venue }),
      ...(position && { position }),
      ...this.#options.identity(),
    };
    this.#connectedAtMs = performance.now();
    this.send({ type: 'CONNECT', ...(connectId !== undefined && { request_id: connectId }), data });
  }

  #ping(): void {
    this.#pings++;
    this.#pingedAtMs = performance.now();
    this.send({ type: 'PING', request_id: `ping-${this.#pings}` });
  }

  /** True for the reply to the newest PING. A refusal counts too: it proves that the edge replies. */
  #isPong(message: ServerMessage): boolean {
    if (message.type !== 'ACK' && message.type !== 'ERROR') return false;
    if (message.request_id !== `ping-${this.#pings}`) return false;
    const roundTripMs = performance.now() - this.#pingedAtMs;
    if (message.type === 'ACK') this.#options.onReply(message.data, roundTripMs);
    this.#options.onRoundTrip(roundTripMs);
    return true;
  }

  /** Uses a socket and translates its events for the statechart; returns a function that closes it. */
  #attach(sendBack: (event: ConnectionEvent) => void, socket: Socket): () => void {
    this.#socket = socket;
    this.#connects++;
    const connectId = `connect-${this.#connects}`;
    const listening = new AbortController();
    const { signal } = listening;

    const opened = () => {
      this.#isOpen = true;
      this.#connect(connectId);
      sendBack({ type: 'OPENED' });
    };
    if (socket.readyState === openState) opened();
    else socket.addEventListener('open', opened, { signal });
    socket.addEventListener(
      'message',
      (event) => {
        const message = parseMessage((event as MessageEvent<unknown>).data);
        if (!message) return;
        if (this.#isPong(message)) return sendBack({ type: 'ANSWERED' });
        const requestId = 'request_id' in message ? message.request_id : undefined;
        if (requestId !== undefined) this.#pendingIds.delete(requestId);
        if (requestId === connectId) this.#connectReplied(message);
        this.#options.onMessage(message);
        const outcome = connectOutcome(message, connectId);
        if (outcome) sendBack(outcome);
      },
      { signal },
    );
    socket.addEventListener(
      'close',
      (event) => {
        const { code, httpStatus, retryAfterMs } = event as CloseEvent & { httpStatus?: number; retryAfterMs?: number };
        if (code === closeCodes.sessionOver.code) this.#options.onSessionOver();
        sendBack({
          type: 'CLOSED',
          code,
          ...(httpStatus !== undefined && { httpStatus }),
          ...(retryAfterMs !== undefined && { retryAfterMs }),
        });
      },
      { signal },
    );

    return () => {
      listening.abort();
      this.#isOpen = false;
      this.#socket = undefined;
      this.#pendingIds.clear();
      socket.close();
    };
  }

  #connectReplied(message: ServerMessage): void {
    const { data } = message;
    if ('server_time' in data) this.#options.onReply(data, performance.now() - this.#connectedAtMs);
  }

  #takeSuccessor(): Socket | undefined {
    const successor = this.#successor;
    this.#successor = undefined;
    return successor?.readyState === openState ? successor : undefined;
  }

  /** Opens a WebSocket beside the current socket. Returns a function that gives it up. */
  #openSuccessor(sendBack: (event: { type: 'REPLACED' } | { type: 'BLOCKED' }) => void): () => void {
    let socket: Socket;
    try {
      socket = this.#options.openSocket();
    } catch {
      sendBack({ type: 'BLOCKED' });
      return () => {};
    }
    const listening = new AbortController();
    const { signal } = listening;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const handOver = (untilMs: number) => {
      if (this.#pendingIds.size > 0 && performance.now() < untilMs) {
        timer = setTimeout(() => handOver(untilMs), 50);
        return;
      }
      listening.abort();
      this.#successor = socket;
      sendBack({ type: 'REPLACED' });
    };
    socket.addEventListener('open', () => handOver(performance.now() + replacedWithinMs), { signal });
    socket.addEventListener(
      'close',
      () => {
        clearTimeout(timer);
        sendBack({ type: 'BLOCKED' });
      },
      { signal },
    );
    return () => {
      clearTimeout(timer);
      if (signal.aborted) return;
      listening.abort();
      socket.close();
    };
  }

  async #probeHttp(): Promise<void> {
    if (this.#isProbingHttp) return;
    this.#isProbingHttp = true;
    const httpStatus = await this.#options.probeHttp();
    this.#isProbingHttp = false;
    if (httpStatus === undefined) this.#actor.send({ type: 'HTTP_WORKS' });
    else this.#actor.send({ type: 'HTTP_FAILED', ...(httpStatus > 0 && { httpStatus }) });
  }

  #watchNetwork(sendBack: (event: ConnectionEvent) => void): () => void {
    const listening = new AbortController();
    const { signal } = listening;
    const { network, visibility } = this.#options;
    // Only the events count: navigator.onLine is false on machines whose server is the machine itself.
    network.addEventListener('online', () => sendBack({ type: 'ONLINE' }), { signal });
    network.addEventListener('offline', () => sendBack({ type: 'OFFLINE' }), { signal });
    const sendVisibility = () => sendBack({ type: visibility.hidden ? 'HIDDEN' : 'SHOWN' });
    visibility.addEventListener('visibilitychange', sendVisibility, { signal });
    if (visibility.hidden) sendVisibility();
    const stopWatching = this.#options.watchForSleep(() => sendBack({ type: 'WOKE' }));
    return () => {
      listening.abort();
      stopWatching();
    };
  }
}

/** `WebSocket.OPEN`; tests run in Node 20, which has no WebSocket. */
const openState = 1;

const isCommand = ({ type }: ClientMessage): boolean => type !== 'CONNECT' && type !== 'subscribe' && type !== 'PING';

/** The states of the chart that look different on the page. Whether a PING is pending does not. */
function phaseOf({ value }: SnapshotFrom<typeof connectionMachine>): ConnectionPhase {
  if (typeof value === 'string') return value as 'waiting' | 'offline' | 'gaveUp';
  if ('attached' in value) return typeof value.attached === 'object' ? 'live' : value.attached;
  return typeof value.polling.venue === 'object' ? 'polling' : value.polling.venue;
}

/** The event that a message is for the pending CONNECT, if any. */
function connectOutcome(message: ServerMessage, connectId: string): ConnectionEvent | undefined {
  if (message.type === 'VENUE_STATE' || message.type === 'SEATS') return { type: 'SYNCHRONISED' };
  if (!('request_id' in message) || message.request_id !== connectId) return undefined;
  if (message.type === 'ACK') return { type: 'SYNCHRONISED' };
  return message.type === 'ERROR' ? { type: 'REFUSED', retryable: message.data.retryable } : undefined;
}

function parseMessage(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const message: unknown = JSON.parse(data);
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined; // such as the greeting of a proxy: it must not break the page
  }
}

/** Checks no more than the type: the page trusts its server. */
function isMessage(value: unknown): value is ServerMessage {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** A variable, so that the bundler leaves it out: only inspected pages load src/inspect-page/inspect-tab.ts. */
const tabModule = './inspect-tab.js';

/** With `?inspect` in its address, the page sends its machine to /inspect/live in the same browser. */
function inspectIfAsked(actor: AnyActor): void {
  if (!new URLSearchParams(globalThis.location?.search).has('inspect')) return;
  void import(tabModule).then(({ inspectTab }: { inspectTab(actor: AnyActor): void }) => inspectTab(actor));
}
