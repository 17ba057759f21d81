import { type RawData, WebSocket } from 'ws';
import { mayReconnect, subprotocol } from '../../src/protocol/close-codes.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { ClientMessage, SeatUpdate, ServerMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { type Booker, type Reply, replyOfError } from './booker.ts';
import { nowMs } from './time.ts';

const messageTypes = { select: 'SELECT_SEAT', book: 'BOOK_SEAT', release: 'RELEASE_SEAT' } as const;
const giveUpMs = 10_000;
/** As the page waits: full jitter under a ceiling that doubles. */
const backoff = { baseMs: 250, capMs: 8_000 };

export interface VenueClientOptions {
  userId: string;
  /** Of the edges, or of nginx. The next is tried where one fails. */
  urls: readonly string[];
  startAt?: number;
  /** Id of the show; undefined: the default show. */
  show?: string | undefined;
}

/**
 * A browser without a page: a view of its own, made of VENUE_STATE and SEAT_UPDATE and nothing else, that checks the
 * order of the edge: within a connection no update is missing, repeated or older than the one before.
 */
export class VenueClient implements Booker {
  readonly userId: string;
  readonly seats = new Map<string, Seat>();
  epoch = '';
  seq = 0;
  isStale = false;
  /** Messages that the edge should never have sent. */
  readonly violations: string[] = [];
  readonly counts = { connects: 0, resumes: 0, states: 0, updates: 0, staleStates: 0 };
  /** Messages of the newest connection until this client was up to date. */
  readonly resync = { states: 0, updatesBeforeAck: 0, reconnectedAfterMs: 0 };
  /** From the loss of a connection to being up to date again. */
  longestOutageMs = 0;
  readonly #urls: readonly string[];
  readonly #show: string | undefined;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #current: number;
  #ws: WebSocket | undefined;
  #isLive = false;
  #isClosed = false;
  #failures = 0;
  #requests = 0;
  #lostAtMs: number;
  #retryTimer: NodeJS.Timeout | undefined;
  /** The last seq received on this connection; undefined: it has not sent its position yet. */
  #lastSeq: number | undefined;
  #resumedFrom: number | undefined;

  constructor({ userId, urls, startAt = 0, show }: VenueClientOptions) {
    this.userId = userId;
    this.#show = show;
    this.#urls = urls.map((url) => `${url.replace(/^http/, 'ws')}/ws`);
    this.#current = startAt;
    this.#lostAtMs = nowMs();
    this.#connect();
  }

  /** Connected, and at the position of the edge. */
  get isLive(): boolean {
    return this.#isLive;
  }

  get edgeIndex(): number {
    return this.#current % this.#urls.length;
  }

  ask(action: UserAction, seatId: string): Promise<Reply> {
    if (!this.#isLive) return Promise.resolve({ kind: 'unknown', code: 'NOT_SENT', retryable: true });
    const requestId = `${this.#requests++}`;
    return new Promise((resolve) => {
      const settle = (reply: Reply) => {
        clearTimeout(timer);
        this.#waiting.delete(requestId);
        resolve(reply);
      };
      const timer = setTimeout(() => settle({ kind: 'unknown', code: 'HUNG', retryable: true }), giveUpMs);
      this.#waiting.set(requestId, settle);
      this.#send({ type: messageTypes[action], request_id: requestId, data: { seat_id: seatId } });
    });
  }

  /** As after a loss of the network: without a close frame. */
  cut(): void {
    this.#ws?.terminate();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#ws?.terminate();
  }

  #send(message: ClientMessage): void {
    this.#ws?.send(JSON.stringify(message));
  }

  #connect(): void {
    const url = this.#urls[this.#current % this.#urls.length] as string;
    const ws = new WebSocket(url, [subprotocol], { handshakeTimeout: 1_000, perMessageDeflate: false });
    this.#ws = ws;
    ws.on('open', () => {
      this.counts.connects++;
      this.resync.states = 0;
      this.resync.updatesBeforeAck = 0;
      this.#lastSeq = undefined;
      const isResuming = this.epoch !== '' && !this.isStale;
      this.#resumedFrom = isResuming ? this.seq : undefined;
      const position = { epoch: this.epoch, seq: this.seq };
      const venue = this.#show;
      const data = { user_id: this.userId, ...(isResuming && { position }), ...(venue !== undefined && { venue }) };
      this.#send({ type: 'CONNECT', request_id: 'connect', data });
    });
    ws.on('message', (data: RawData) => this.#receive(JSON.parse(data.toString()) as ServerMessage));
    ws.on('error', () => {});
    ws.on('close', (code) => this.#lost(code));
  }

  #lost(code: number): void {
    if (this.#isLive) this.#lostAtMs = nowMs();
    this.#isLive = false;
    for (const settle of [...this.#waiting.values()]) settle({ kind: 'unknown', code: 'CUT', retryable: true });
    if (this.#isClosed) return;
    if (!mayReconnect(code)) this.violations.push(`closed for good with ${code}`);
    this.#current++;
    const ceilingMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), Math.random() * ceilingMs);
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'VENUE_STATE':
        this.#replace(message.data);
        this.#becomeLive();
        break;
      case 'SEAT_UPDATE':
        this.#update(message.data);
        break;
      case 'ACK':
        if (message.request_id === 'connect') this.#becomeLive();
        else this.#settle(message.request_id, { kind: 'decided', ...seatsOf(message.data) });
        break;
      case 'ERROR':
        this.#settle(message.request_id, replyOfError(message.data, seatsOf(message.data).seats));
        break;
    }
  }

  #settle(requestId: string | number | undefined, reply: Reply): void {
    this.#waiting.get(String(requestId))?.(reply);
  }

  #becomeLive(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#failures = 0;
    if (this.resync.states === 0) this.counts.resumes++;
    this.resync.reconnectedAfterMs = nowMs() - this.#lostAtMs;
    if (this.counts.connects > 1) this.longestOutageMs = Math.max(this.longestOutageMs, this.resync.reconnectedAfterMs);
  }

  #replace(state: VenueState): void {
    this.counts.states++;
    this.resync.states++;
    if (state.stale) this.counts.staleStates++;
    const isSameEpoch = state.epoch === this.epoch;
    if (isSameEpoch && this.#lastSeq !== undefined && state.seq < this.#lastSeq) {
      this.violations.push(`VENUE_STATE went back from ${this.#lastSeq} to ${state.seq}`);
    }
    for (const seat of state.seats) {
      const known = this.seats.get(seat.id);
      // Another edge may have been ahead of this one: newer seats stay.
      if (!isSameEpoch || !known || seat.seq > known.seq) this.seats.set(seat.id, seat);
    }
    this.seq = isSameEpoch ? Math.max(this.seq, state.seq) : state.seq;
    this.epoch = state.epoch;
    this.isStale = state.stale === true;
    this.#lastSeq = state.seq;
  }

  #update({ seat_id, ...change }: SeatUpdate): void {
    this.counts.updates++;
    if (!this.#isLive) this.resync.updatesBeforeAck++;
    const isInOrder =
      this.#lastSeq === undefined
        ? change.seq <= (this.#resumedFrom ?? -1) + 1 // the edge may be behind us, but must not begin after what we know
        : change.seq === this.#lastSeq + 1;
    if (!isInOrder) this.violations.push(`${this.#lastSeq ?? this.#resumedFrom} was followed by ${change.seq}`);
    this.#lastSeq = change.seq;
    this.seq = Math.max(this.seq, change.seq);
    this.isStale = false;
    const known = this.seats.get(seat_id);
    if (known && change.seq > known.seq) {
      this.seats.set(seat_id, { id: seat_id, row: known.row, col: known.col, ...change });
    }
  }
}

const seatsOf = ({ seat }: { seat?: Seat }): { seats?: Seat[] } => (seat ? { seats: [seat] } : {});
