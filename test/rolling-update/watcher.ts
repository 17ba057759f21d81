import { hasChanges, kindAt, kinds, seqIn } from '../../bench/sockets/message-scan.ts';
import { RawSocket, type RawSocketListener } from '../../bench/sockets/raw-socket.ts';
import { closeCodes, compactSubprotocol } from '../../src/protocol/close-codes.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { ErrorDetail } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { type Reply, replyOfError } from '../faults/booker.ts';
import type { MachineShare } from './machine-share.ts';

const messageTypes = { select: 'SELECT_SEAT', book: 'BOOK_SEAT', release: 'RELEASE_SEAT' } as const;
/** As the page waits: full jitter under a ceiling that doubles. */
const backoff = { baseMs: 250, maxMs: 8_000 };
/** Edges reply within 3 s. */
const replyTimeoutMs = 10_000;

/** The failure of a command without a reply on a connection that was closed with 1012. */
export const notCarriedOut = 'RESTART';

/** Messages that are rare enough to be parsed. */
type Parsed =
  | { type: 'SEATS'; data: Position & { stale?: boolean } }
  | { type: 'STALE'; data: { stale: boolean } }
  | { type: 'ACK'; request_id: string; data: { seat?: Seat } }
  | { type: 'ERROR'; request_id?: string; data: ErrorDetail & { seat?: Seat } };

/** A socket of `seat-booking.v2` that watches the show, reconnects like the page, and sends the commands of any user. */
export class Watcher {
  /** How often it was closed, by code. */
  readonly closes = new Map<number, number>();
  /** The longest time without a live state (disconnected, or stale), with all of the CPU (`MachineShare`) and by the wall clock. */
  longestOutageMs = 0;
  longestOutageWallMs = 0;
  readonly #url: string;
  readonly #localAddress: string;
  readonly #share: MachineShare;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #socket: RawSocket | undefined;
  #position: Position | undefined;
  #isConnected = false;
  #isStale = false;
  #isClosed = false;
  #outageBegan: ReturnType<MachineShare['mark']> | undefined;
  #failures = 0;
  #requests = 0;

  constructor({ url, localAddress, share }: { url: string; localAddress: string; share: MachineShare }) {
    this.#url = url;
    this.#localAddress = localAddress;
    this.#share = share;
    this.#connect();
  }

  get isLive(): boolean {
    return this.#isConnected && !this.#isStale;
  }

  /** Including an outage that goes on. */
  get outageMs(): number {
    return Math.max(this.longestOutageMs, this.#outageBegan ? this.#share.msSince(this.#outageBegan) : 0);
  }

  /** Call it only while live. */
  ask(action: UserAction, seat_id: string, user_id: string): Promise<Reply> {
    const request_id = String(this.#requests++);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(request_id, unknown('HUNG')), replyTimeoutMs);
      this.#waiting.set(request_id, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#socket?.send(JSON.stringify({ type: messageTypes[action], request_id, data: { seat_id, user_id } }));
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    const listener: RawSocketListener = {
      onOpen: () => {
        const data = this.#position && !this.#isStale ? { position: this.#position } : {};
        socket.send(JSON.stringify({ type: 'CONNECT', request_id: 'connect', data }));
      },
      onText: (bytes, start, end) => this.#receive(bytes, start, end),
      onLost: (code) => this.#lost(code),
      onRefused: () => {}, // `onLost` follows
    };
    const socket = new RawSocket(this.#url, compactSubprotocol, listener, { localAddress: this.#localAddress });
    this.#socket = socket;
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    if (kindAt(bytes, start) === kinds.seats && hasChanges(bytes, start)) {
      if (this.#position) this.#position.seq = Math.max(this.#position.seq, seqIn(bytes, start, end));
      return;
    }
    const message = JSON.parse(bytes.toString('utf8', start, end)) as Parsed;
    switch (message.type) {
      case 'SEATS': {
        const { epoch, seq, stale = false } = message.data;
        this.#position = { epoch, seq };
        this.#stateIs({ isConnected: true, isStale: stale });
        break;
      }
      case 'STALE':
        this.#stateIs({ isConnected: this.#isConnected, isStale: message.data.stale });
        break;
      case 'ACK': {
        const { seat } = message.data;
        if (message.request_id === 'connect') this.#stateIs({ isConnected: true, isStale: this.#isStale });
        else this.#settle(message.request_id, { kind: 'decided', ...(seat && { seats: [seat] }) });
        break;
      }
      case 'ERROR': {
        const { seat, ...error } = message.data;
        if (message.request_id === 'connect') this.#socket?.destroy();
        // Without the holders of seats, which v2 does not send.
        else this.#settle(message.request_id, replyOfError(error, undefined));
        break;
      }
    }
  }

  #lost(code: number): void {
    if (this.#isClosed) return;
    if (this.#isConnected) this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    this.#stateIs({ isConnected: false, isStale: this.#isStale });
    const failure = code === closeCodes.serviceRestart.code ? notCarriedOut : 'CUT';
    for (const requestId of [...this.#waiting.keys()]) this.#settle(requestId, unknown(failure));
    const ceilingMs = Math.min(backoff.maxMs, backoff.baseMs * 2 ** this.#failures++);
    setTimeout(() => {
      if (!this.#isClosed) this.#connect();
    }, Math.random() * ceilingMs);
  }

  /** The first connection is no outage. */
  #stateIs({ isConnected, isStale }: { isConnected: boolean; isStale: boolean }): void {
    const wasLive = this.isLive;
    this.#isConnected = isConnected;
    this.#isStale = isStale;
    if (this.isLive) {
      this.longestOutageMs = this.outageMs;
      const wallMs = this.#outageBegan ? performance.now() - this.#outageBegan.wallMs : 0;
      this.longestOutageWallMs = Math.max(this.longestOutageWallMs, wallMs);
      this.#outageBegan = undefined;
      this.#failures = 0;
    } else if (wasLive) {
      this.#outageBegan = this.#share.mark();
    }
  }

  #settle(requestId: string | undefined, reply: Reply): void {
    if (requestId === undefined) return;
    this.#waiting.get(requestId)?.(reply);
    this.#waiting.delete(requestId);
  }
}

const unknown = (code: string): Reply => ({ kind: 'unknown', code, retryable: true });
