import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import type { RefusalLog } from '../http/refusal-log.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import type { UserAction } from '../protocol/commands.ts';
import { type ErrorCode, errorDetail } from '../protocol/errors.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Audience } from './audience.ts';
import type { Booking, Caller, CommandOutcome } from './booking-client.ts';
import { failureMessages, failureOf } from './booking-errors.ts';
import type { BufferedClient, ClientBuffers, WaitingBytes } from './client-buffers.ts';
import { type RequestId, readMessage } from './client-message.ts';
import type { AddressInside, Door } from './door.ts';
import { messageFrame } from './frame.ts';
import type { Hub } from './hub.ts';
import { Intake } from './intake.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import type { SessionChecks } from './session-checks.ts';
import { SessionWatch } from './session-watch.ts';
import { TokenBucket } from './token-bucket.ts';
import type { VenueStateFrame } from './venue-state-frames.ts';

type Reply = Extract<ServerMessage, { type: 'ACK' | 'ERROR' }>;
type CommandMessage = Extract<ClientMessage, { type: 'SELECT_SEAT' | 'BOOK_SEAT' | 'RELEASE_SEAT' }>;
type Connect = Extract<ClientMessage, { type: 'CONNECT' }>;
type Subscribe = Extract<ClientMessage, { type: 'subscribe' }>;

interface ClientConnectionOptions {
  ws: WebSocket;
  /** The one under `ws`: frames are written to it whole, as `ws` does itself where nothing is compressed. */
  socket: Duplex;
  /** With the session of the page's cookie, if it has one. */
  caller: Caller;
  door: Pick<Door, 'mayAskAgain' | 'flooded'>;
  refusals: RefusalLog;
  /** Shared by all connections of its address. */
  address: AddressInside;
  venue: string;
  hub: Hub;
  audience: Audience;
  booking: Pick<Booking, 'command'>;
  sessions: SessionChecks;
  buffers: ClientBuffers;
  limits: EdgeLimits;
  metrics: EdgeMetrics;
  logger: Logger;
}

const readFirst = 'Read what was sent before asking for more';
const askedTooOften = 'Your network address asks for too much at once; try again in a few seconds';
const binaryRefused = { ok: false, problem: 'A message is text (JSON), not binary', requestId: undefined } as const;

/** One browser. Nothing waits for it but what its socket buffers, and that is bounded. */
export class ClientConnection implements BufferedClient {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #door: ClientConnectionOptions['door'];
  readonly #address: AddressInside;
  readonly #refusals: RefusalLog;
  readonly #intake: Intake;
  readonly #venue: string;
  readonly #hub: Hub;
  readonly #audience: Audience;
  readonly #booking: Pick<Booking, 'command'>;
  readonly #session: SessionWatch;
  readonly #limits: EdgeLimits;
  readonly #buffers: ClientBuffers;
  readonly #states: TokenBucket;
  readonly #metrics: EdgeMetrics;
  readonly #logger: Logger;
  #caller: Caller;
  #userId: string | undefined;
  #connectTimer: NodeJS.Timeout | undefined;
  /** Running while the client is behind: it is sent no updates until it has read what waits. */
  #behindTimer: NodeJS.Timeout | undefined;
  #bufferLimitBytes: number;
  /** The newest VENUE_STATE, and what was written after it. */
  #state: VenueStateFrame | undefined;
  #bytesAfterState = 0;
  #bytesWritten = 0;
  #bytesWrittenAtCheck = 0;
  #commandsInFlight = 0;
  #commandsSoFar = 0;
  #hasAsked = false;
  #heardSincePing = true;
  /** Running once the client has flooded: nothing is read from it any more. */
  #floodTimer: NodeJS.Timeout | undefined;

  constructor(options: ClientConnectionOptions) {
    const { ws, socket, caller, hub, audience, booking, sessions, buffers, limits, metrics, logger } = options;
    this.#ws = ws;
    this.#socket = socket;
    this.#caller = caller;
    this.#door = options.door;
    this.#address = options.address;
    this.#refusals = options.refusals;
    this.#intake = new Intake({
      ws,
      limits,
      maxHolds: () => hub.holdSettings.max_holds,
      ofAddress: options.address.messages,
      onRest: () => metrics.throttled.inc(),
    });
    this.#venue = options.venue;
    this.#hub = hub;
    this.#audience = audience;
    this.#booking = booking;
    this.#session = new SessionWatch({
      checks: sessions,
      onOver: () => this.#sessionOver(),
      retryMs: limits.sessionRetryMs,
      logger,
    });
    this.#limits = limits;
    this.#buffers = buffers;
    this.#states = new TokenBucket({ perSecond: limits.statesPerSecond, burst: limits.stateBurst });
    this.#metrics = metrics;
    this.#logger = logger;
    this.#bufferLimitBytes = limits.clientBufferBytes;
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    ws.on('pong', () => this.#heard());
    ws.on('ping', () => this.#heard());
    socket.on('data', (chunk: Buffer) => this.#intake.countBytes(chunk.length) || this.#flooded());
    ws.on('error', () => {}); // e.g. a message too large: `ws` closes the connection with the code
    ws.on('close', () => this.#left());
    socket.on('drain', () => this.#drained());
    hub.add(this);
    buffers.add(this);
  }

  /** A client of the subprotocol says first where it wants to go on; any other is sent the venue at once. */
  start(): void {
    this.#session.follow(this.#caller.token);
    if (this.#ws.protocol === '') {
      this.#hub.sendState(this);
    } else {
      this.#connectTimer = setTimeout(() => this.close(closeCodes.tryAgainLater), this.#limits.connectTimeoutMs);
    }
  }

  /** Whole frames. A client that is behind is skipped: it will get the venue anew. */
  sendUpdates(frames: Buffer): void {
    if (this.#behindTimer) return;
    if (this.#socket.writableLength > this.#bufferLimitBytes) this.#fallBehind();
    else this.#write(frames);
  }

  sendState(frame: VenueStateFrame): void {
    if (this.#socket.writableLength > this.#bufferLimitBytes) {
      this.#fallBehind();
    } else {
      this.#catchUp();
      this.#bufferLimitBytes = this.#limits.clientBufferBytes + frame.bytes; // a large venue is no sign of slowness
      this.#socket.cork(); // one system call for all parts
      for (const part of frame.parts) this.#write(part);
      this.#socket.uncork();
      this.#state = frame;
      this.#bytesAfterState = 0;
    }
  }

  waiting(): WaitingBytes {
    const bytes = this.#socket.writableLength;
    const stalledBytes = Math.max(0, bytes - (this.#bytesWritten - this.#bytesWrittenAtCheck));
    this.#bytesWrittenAtCheck = this.#bytesWritten;
    const stateBytes = this.#waitingStateBytes;
    if (stateBytes === 0) this.#state = undefined;
    return { bytes, stalledBytes, stateBytes, stateParts: this.#state?.parts ?? [] };
  }

  get #waitingStateBytes(): number {
    return Math.min(this.#state?.bytes ?? 0, Math.max(0, this.#socket.writableLength - this.#bytesAfterState));
  }

  /** Gives up a peer that said nothing since the last ping, not even pong. */
  ping(): void {
    // The pong would not be read, or the ping would wait behind what the client does not read, which has its own limit.
    if (this.#intake.isPaused) this.#heardSincePing = true;
    else if (!this.#heardSincePing) {
      this.terminate('silent');
    } else if (this.#ws.readyState === this.#ws.OPEN) {
      this.#heardSincePing = false;
      this.#ws.ping();
    }
  }

  close({ code }: { code: number }): void {
    this.#ws.close(code);
  }

  terminate(reason: string): void {
    this.#metrics.terminated.inc({ reason });
    this.#ws.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!this.#heard() || this.#ws.readyState !== this.#ws.OPEN) return; // it is being closed: nobody waits for an answer
    const read = isBinary ? binaryRefused : readMessage(data.toString());
    if (!read.ok) {
      this.#refuse('INVALID_REQUEST', read.problem, read.requestId);
    } else if (this.#behindTimer) {
      this.#refuse('RATE_LIMITED', readFirst, read.message.request_id);
    } else {
      this.#handle(read.message);
    }
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'CONNECT':
        this.#connect(message);
        break;
      case 'subscribe':
        this.#subscribe(message);
        break;
      case 'PING':
        this.#acknowledge(message.request_id);
        break;
      case 'SELECT_SEAT':
        void this.#command('select', message);
        break;
      case 'BOOK_SEAT':
        void this.#command('book', message);
        break;
      case 'RELEASE_SEAT':
        void this.#command('release', message);
        break;
      default:
        message satisfies never;
    }
  }

  #connect({ data, request_id }: Connect): void {
    clearTimeout(this.#connectTimer);
    if (!this.#mayAsk(request_id)) return;
    this.#userId = data?.user_id ?? this.#userId;
    if (data?.token !== undefined) {
      this.#caller = { ...this.#caller, token: data.token };
      this.#session.follow(data.token);
    }
    const position = data?.position;
    const isUpToDate = position !== undefined && this.#hub.resume(this, position);
    // A VENUE_STATE that is still on its way, and what follows it, is all that a new one would say.
    const isSent = isUpToDate || this.#waitingStateBytes > 0 || this.#sendStateOnRequest(request_id);
    if (isSent) this.#acknowledge(request_id);
    if (data?.presence) this.#hub.subscribePresence(this, this.#audience.watching);
  }

  /** The client learns it at once and not only when it acts: each command is checked anyway. */
  #sessionOver(): void {
    this.#refuse('UNAUTHENTICATED', 'The session is over, or none of ours: POST /api/session', undefined);
    this.close(closeCodes.sessionOver);
  }

  #subscribe({ venue, data, request_id }: Subscribe): void {
    const wanted = venue ?? data?.venue ?? this.#venue;
    if (wanted !== this.#venue) {
      this.#refuse('INVALID_REQUEST', `The venue here is ${JSON.stringify(this.#venue)}`, request_id);
    } else {
      clearTimeout(this.#connectTimer);
      if (this.#waitingStateBytes > 0) this.#refuse('RATE_LIMITED', readFirst, request_id);
      else if (this.#mayAsk(request_id)) this.#sendStateOnRequest(request_id);
    }
  }

  /** The upgrade has paid for the first CONNECT or subscribe. Each further one counts as an arrival of its address. */
  #mayAsk(requestId: RequestId | undefined): boolean {
    const isFirst = !this.#hasAsked;
    this.#hasAsked = true;
    if (isFirst || this.#door.mayAskAgain(this.#caller)) return true;
    this.#refuse('RATE_LIMITED', askedTooOften, requestId);
    return false;
  }

  /** False if the client exceeds the rate. */
  #sendStateOnRequest(requestId: RequestId | undefined): boolean {
    if (this.#states.take()) {
      this.#hub.sendState(this, requestId);
      return true;
    }
    const { statesPerSecond } = this.#limits;
    const message = `At most ${statesPerSecond} VENUE_STATEs per second; what changes is sent without asking`;
    this.#refuse('RATE_LIMITED', message, requestId);
    return false;
  }

  async #command(action: UserAction, { data, request_id }: CommandMessage): Promise<void> {
    const { seat_id, user_id = this.#userId } = data;
    const { commandsInFlightPerClient, commandsInFlightPerAddress } = this.#limits;
    if (this.#commandsInFlight >= commandsInFlightPerClient && this.#commandsInFlight >= this.#intake.seatsAtOnce) {
      return this.#refuse('RATE_LIMITED', 'Too many commands wait for a reply', request_id);
    }
    if (this.#address.commandsInFlight >= commandsInFlightPerAddress) {
      return this.#refuse('RATE_LIMITED', 'Too many commands of your network address wait for a reply', request_id);
    }
    this.#commandsInFlight++;
    this.#address.commandsInFlight++;
    const requestId = `${this.#caller.requestId}.${++this.#commandsSoFar}`;
    try {
      const body = { seat_id, ...(user_id !== undefined && { user_id }) };
      const outcome = await this.#booking.command(action, body, { ...this.#caller, requestId });
      this.#answer(action, outcome, request_id);
    } catch (error) {
      const code = failureOf(error);
      if (code === 'INTERNAL') this.#logger.error({ err: error, reqId: requestId }, 'A command failed unexpectedly');
      this.#metrics.commands.inc({ action, code });
      this.#refuse(code, failureMessages[code], request_id);
    } finally {
      this.#commandsInFlight--;
      this.#address.commandsInFlight--;
    }
  }

  #answer(action: UserAction, { body }: CommandOutcome, requestId: RequestId | undefined): void {
    this.#metrics.commands.inc({ action, code: body.success ? 'OK' : body.error.code });
    if (body.success) {
      this.#reply({ type: 'ACK', data: { success: true, seat: body.seat } }, requestId);
    } else {
      if (body.error.code === 'UNAUTHENTICATED') this.#session.doubt();
      const data = body.seat ? { ...body.error, seat: body.seat } : body.error;
      this.#reply({ type: 'ERROR', data }, requestId);
    }
  }

  /** Of CONNECT and PING: countdowns stay right after a sleep, and after the settings have changed. */
  #acknowledge(requestId: RequestId | undefined): void {
    this.#reply({ type: 'ACK', data: { success: true, ...this.#hub.holdSettings } }, requestId);
  }

  #refuse(code: ErrorCode, message: string, requestId: RequestId | undefined): void {
    this.#reply({ type: 'ERROR', data: errorDetail(code, message) }, requestId);
  }

  #reply(reply: Reply, requestId: RequestId | undefined): void {
    this.#write(messageFrame(requestId === undefined ? reply : { ...reply, request_id: requestId }));
    if (!this.#behindTimer && this.#socket.writableLength > this.#bufferLimitBytes) this.#fallBehind();
  }

  #write(frames: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return; // nothing may follow a close frame
    this.#metrics.frameBytes.inc(frames.length);
    this.#bytesWritten += frames.length;
    this.#bytesAfterState += frames.length;
    this.#socket.write(frames);
  }

  /** Who does not read is not read from either, so that its questions cannot pile up answers. */
  #fallBehind(): void {
    if (this.#behindTimer || this.#ws.readyState !== this.#ws.OPEN) return;
    this.#metrics.slow.inc();
    this.#intake.pause('behind');
    this.#behindTimer = setTimeout(() => {
      this.#metrics.terminated.inc({ reason: 'slow' });
      this.close(closeCodes.tooSlow);
    }, this.#limits.behindTimeoutMs);
  }

  #catchUp(): void {
    if (!this.#behindTimer) return;
    clearTimeout(this.#behindTimer);
    this.#behindTimer = undefined;
    this.#heardSincePing = true;
    this.#metrics.resynced.inc();
    this.#intake.resume('behind');
  }

  #drained(): void {
    if (this.#behindTimer) this.#hub.sendState(this);
  }

  /** Any frame is a sign of life, and counts. False if it is one too many. */
  #heard(): boolean {
    if (this.#floodTimer) return false; // of what was read already thousands may follow
    this.#heardSincePing = true;
    if (this.#intake.countFrame()) return true;
    this.#flooded();
    return false;
  }

  /** Not read from any more, the client can only fill the buffers of its connection; it may still read why it is closed. */
  #flooded(): void {
    this.#intake.pause('flood');
    if (this.#floodTimer) return;
    const { floodCloseTimeoutMs } = this.#limits;
    this.#floodTimer = setTimeout(() => this.#ws.terminate(), floodCloseTimeoutMs);
    this.#metrics.terminated.inc({ reason: 'flood' });
    this.#door.flooded(this.#caller);
    this.#refusals.note('flood', { ip: this.#caller.address, reqId: this.#caller.requestId });
    this.close(closeCodes.tooManyMessages);
  }

  #left(): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#behindTimer);
    clearTimeout(this.#floodTimer);
    this.#intake.close();
    this.#session.close();
    this.#hub.remove(this);
    this.#buffers.remove(this);
  }
}
