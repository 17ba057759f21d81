import { type Actor, createActor, fromCallback } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.ts';
import { inspectIfAsked } from '../inspect-page/inspect-if-asked.ts';
import { subprotocol } from '../protocol/close-codes.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Position } from '../protocol/venue.ts';
import type { ConnectionPhase } from './connection-status.ts';

/** The part of a WebSocket that is used here. */
export interface Socket extends EventTarget {
  send(data: string): void;
  close(): void;
}

export interface ConnectionOptions {
  userId: string;
  jitterSeed: number;
  openSocket: (subprotocol: string) => Socket;
  /** Tells `online` and `offline`: the window. */
  network: EventTarget;
  /** The position to resume from. */
  position: () => Position | undefined;
  onMessage: (message: ServerMessage) => void;
  onPhase: (phase: ConnectionPhase, retryDelayMs: number) => void;
}

/** Owns the WebSocket, and does what the statechart says. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #actor: Actor<typeof connectionMachine>;
  #socket: Socket | undefined;
  #connects = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const machine = connectionMachine.provide({
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
      const { value } = snapshot;
      const phase: ConnectionPhase = typeof value === 'string' ? value : value.attached;
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
        const position = this.#options.position();
        const data = { user_id: this.#options.userId, ...(position && { position }) };
        this.send({ type: 'CONNECT', request_id: connectId, data });
        sendBack({ type: 'OPENED' });
      },
      { signal },
    );
    socket.addEventListener(
      'message',
      (event) => {
        const message = parseMessage((event as MessageEvent<unknown>).data);
        if (!message) return;
        this.#options.onMessage(message);
        const outcome = connectOutcome(message, connectId);
        if (outcome) sendBack(outcome);
      },
      { signal },
    );
    socket.addEventListener('close', (event) => sendBack({ type: 'CLOSED', code: (event as CloseEvent).code }), {
      signal,
    });

    return () => {
      listening.abort();
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
    return () => listening.abort();
  }
}

/** What a message means for the CONNECT that was sent, if anything. */
function connectOutcome(message: ServerMessage, connectId: string): ConnectionEvent | undefined {
  if (message.type === 'VENUE_STATE') return { type: 'SYNCHRONISED' };
  if (message.type === 'SEAT_UPDATE' || message.request_id !== connectId) return undefined;
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
