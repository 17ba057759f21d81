import { type Actor, createActor, fromCallback, type SnapshotFrom } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.ts';
import { inspectIfAsked } from '../inspect-page/inspect-if-asked.ts';
import { closeCodes, subprotocol } from '../protocol/close-codes.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Position } from '../protocol/venue.ts';
import type { ConnectionPhase } from './connection-status.ts';

/** The part of a WebSocket that is used here. */
export interface Socket extends EventTarget {
  send(data: string): void;
  close(): void;
}

export interface ConnectionOptions {
  /** Of the session, once there is one. A cookie alone would not do: the WebSocket may be older than it is. */
  token: () => string | undefined;
  /** The edge says that the session has come to its end. */
  onSessionOver: () => void;
  jitterSeed: number;
  openSocket: (subprotocol: string) => Socket;
  /** Tells `online` and `offline`: the window. */
  network: EventTarget;
  /** Calls back whenever the device has slept; returns how to stop that. */
  watchForSleep: (onWake: () => void) => () => void;
  /** The position to resume from. */
  position: () => Position | undefined;
  onMessage: (message: ServerMessage) => void;
  /** How long a message to the edge and back takes, every few seconds. */
  onRoundTrip: (roundTripMs: number) => void;
  onPhase: (phase: ConnectionPhase, retryDelayMs: number) => void;
}

/** Owns the WebSocket, and does what the statechart says. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #actor: Actor<typeof connectionMachine>;
  #socket: Socket | undefined;
  #isOpen = false;
  #connects = 0;
  #pings = 0;
  #pingedAtMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const machine = connectionMachine.provide({
      actions: { ping: () => this.#ping() },
      actors: {
        socket: fromCallback<ConnectionEvent>(({ sendBack }) => this.#attach(sendBack)),
        network: fromCallback<ConnectionEvent>(({ sendBack }) => this.#watchNetwork(sendBack)),
      },
    });
    this.#actor = createActor(machine, { input: { jitterSeed: options.jitterSeed } });
  }

  start(): void {
    let shown: string | undefined;
    this.#actor.subscribe((snapshot) => {
      const phase = phaseOf(snapshot);
      // A second `waiting` follows only after another attempt, so the same phase twice is no news.
      if (phase === shown) return;
      shown = phase;
      this.#options.onPhase(phase, snapshot.context.retryDelayMs);
    });
    this.#actor.start();
    inspectIfAsked(this.#actor);
  }

  get isLive(): boolean {
    return this.#actor.getSnapshot().matches({ attached: 'live' });
  }

  /** To be called only while live: commands are never queued, since the seat may be gone by the time they are sent. */
  send(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** A session that came later than the connection; else CONNECT says it. */
  identify(): void {
    if (this.#isOpen) this.#connect();
  }

  #connect(connectId?: string): void {
    const position = this.#options.position();
    const token = this.#options.token();
    const data = { presence: true, ...(position && { position }), ...(token !== undefined && { token }) };
    this.send({ type: 'CONNECT', ...(connectId !== undefined && { request_id: connectId }), data });
  }

  #ping(): void {
    this.#pings++;
    this.#pingedAtMs = performance.now();
    this.send({ type: 'PING', request_id: `ping-${this.#pings}` });
  }

  /** True for the answer to the newest PING, be it a refusal: that the edge speaks is all that was asked. */
  #isPong(message: ServerMessage): boolean {
    if (message.type !== 'ACK' && message.type !== 'ERROR') return false;
    if (message.request_id !== `ping-${this.#pings}`) return false;
    this.#options.onRoundTrip(performance.now() - this.#pingedAtMs);
    return true;
  }

  retry(): void {
    this.#actor.send({ type: 'RETRY' });
  }

  /** Opens a WebSocket and translates what happens to it; returns how to let go of it. */
  #attach(sendBack: (event: ConnectionEvent) => void): () => void {
    const socket = this.#options.openSocket(subprotocol);
    this.#socket = socket;
    this.#connects++;
    const connectId = `connect-${this.#connects}`;
    const listening = new AbortController();
    const { signal } = listening;

    socket.addEventListener(
      'open',
      () => {
        this.#isOpen = true;
        this.#connect(connectId);
        sendBack({ type: 'OPENED' });
      },
      { signal },
    );
    socket.addEventListener(
      'message',
      (event) => {
        const message = parseMessage((event as MessageEvent<unknown>).data);
        if (!message) return;
        if (this.#isPong(message)) return sendBack({ type: 'ANSWERED' });
        this.#options.onMessage(message);
        const outcome = connectOutcome(message, connectId);
        if (outcome) sendBack(outcome);
      },
      { signal },
    );
    socket.addEventListener(
      'close',
      (event) => {
        const { code } = event as CloseEvent;
        if (code === closeCodes.sessionOver.code) this.#options.onSessionOver();
        sendBack({ type: 'CLOSED', code });
      },
      { signal },
    );

    return () => {
      listening.abort();
      this.#isOpen = false;
      this.#socket = undefined;
      socket.close();
    };
  }

  #watchNetwork(sendBack: (event: ConnectionEvent) => void): () => void {
    const listening = new AbortController();
    const { network } = this.#options;
    // Only the events count: navigator.onLine is false on machines whose server is the machine itself.
    network.addEventListener('online', () => sendBack({ type: 'ONLINE' }), { signal: listening.signal });
    network.addEventListener('offline', () => sendBack({ type: 'OFFLINE' }), { signal: listening.signal });
    const stopWatching = this.#options.watchForSleep(() => sendBack({ type: 'WOKE' }));
    return () => {
      listening.abort();
      stopWatching();
    };
  }
}

/** The chart's states as the page tells them apart, which is not whether a PING is under way. */
function phaseOf({ value }: SnapshotFrom<typeof connectionMachine>): ConnectionPhase {
  if (typeof value === 'string') return value as Exclude<typeof value, 'attached'>;
  return typeof value.attached === 'object' ? 'live' : value.attached;
}

/** What a message means for the CONNECT that was sent, if anything. */
function connectOutcome(message: ServerMessage, connectId: string): ConnectionEvent | undefined {
  if (message.type === 'VENUE_STATE') return { type: 'SYNCHRONISED' };
  if (message.type === 'SEAT_UPDATE' || message.type === 'PRESENCE' || message.request_id !== connectId)
    return undefined;
  if (message.type === 'ACK') return { type: 'SYNCHRONISED' };
  return message.type === 'ERROR' ? { type: 'REFUSED', retryable: message.data.retryable } : undefined;
}

function parseMessage(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const message: unknown = JSON.parse(data);
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined; // not ours: a proxy's greeting must not break the page
  }
}

/** The server is trusted with the rest. */
function isMessage(value: unknown): value is ServerMessage {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
