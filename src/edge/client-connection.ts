import type { Duplex } from 'node:stream';
import { SpanKind } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { RawData } from 'ws';
import type { RefusalLog } from '../http/refusal-log.ts';
import { messageOf } from '../process/error-facts.ts';
import { closeCodes, compactSubprotocol } from '../protocol/close-codes.ts';
import { type CommandAction, type CommandMessage, commandRequest } from '../protocol/command-routes.ts';
import { type ErrorCode, errorDetail } from '../protocol/errors.ts';
import type { ClientMessage } from '../protocol/messages.ts';
import { failSpan, tracing } from '../tracing/tracing.ts';
import type { BookingApi, Caller, CommandOutcome } from './booking-client.ts';
import { failureMessages, failureOf, UnknownShowError } from './booking-errors.ts';
import type { BufferedClient, ClientBuffers, WaitingBytes } from './client-buffers.ts';
import { type RequestId, readMessage } from './client-message.ts';
import { ClientOutput } from './client-output.ts';
import { commandReply, type Reply, withoutOtherHolders } from './command-reply.ts';
import { CurrentShow } from './current-show.ts';
import type { AddressInside, Door } from './door.ts';
import type { EdgeSocket, SocketOwner } from './edge-socket.ts';
import { messageFrame } from './frame.ts';
import { Intake, type IntakeOwner } from './intake.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import type { SessionChecks } from './session-checks.ts';
import { SessionWatch } from './session-watch.ts';
import { TokenBucket } from './token-bucket.ts';
import type { VenueStateFrame } from './venue-state-frames.ts';
import type { WatchedShow } from './watched-show.ts';
import type { WatchedShows } from './watched-shows.ts';

type Connect = Extract<ClientMessage, { type: 'CONNECT' }>;
type Subscribe = Extract<ClientMessage, { type: 'subscribe' }>;

interface ClientConnectionOptions {
  ws: EdgeSocket;
  /** The socket of `ws`. */
  socket: Duplex;
  /** Includes the session of the page's cookie, if there is one. */
  caller: Caller;
  door: Pick<Door, 'mayRequestState' | 'flooded' | 'left'>;
  refusals: RefusalLog;
  /** Shared by all connections of its address. */
  address: AddressInside;
  shows: WatchedShows;
  booking: Pick<BookingApi, 'command'>;
  sessions: SessionChecks;
  buffers: ClientBuffers;
  limits: EdgeLimits;
  metrics: EdgeMetrics;
  logger: Logger;
}

const readFirst = 'Read the pending messages before you send further requests';
const stateTooOften = 'Your network address requests too much at once; try again in a few seconds';
const binaryRefused = {
  ok: false,
  problem: 'A message must be text (JSON), not binary',
  requestId: undefined,
} as const;

/** The connection of one browser. Its only queue is the buffer of its socket, which is bounded. */
export class ClientConnection implements BufferedClient, IntakeOwner, SocketOwner {
  readonly #ws: EdgeSocket;
  readonly #output: ClientOutput;
  readonly #door: ClientConnectionOptions['door'];
  readonly #address: AddressInside;
  readonly #refusals: RefusalLog;
  readonly #intake: Intake;
  readonly #current: CurrentShow;
  readonly #booking: Pick<BookingApi, 'command'>;
  readonly #sessions: SessionChecks;
  /** Undefined: the client has no session. */
  #session: SessionWatch | undefined;
  readonly #limits: EdgeLimits;
  readonly #buffers: ClientBuffers;
  readonly #states: TokenBucket;
  readonly #metrics: EdgeMetrics;
  readonly #logger: Logger;
  #caller: Caller;
  userId: string | undefined;
  readonly isCompact: boolean;
  #connectTimer: NodeJS.Timeout | undefined;
  /** Runs while the client is behind: it gets no updates until it has read its buffer. */
  #behindTimer: NodeJS.Timeout | undefined;
  #commandsInFlight = 0;
  /** Commands without a reply, also those that wait for a change of the show. */
  #unanswered: Set<Promise<void>> | undefined;
  #isLeaving = false;
  #commandsSoFar = 0;
  #hasRequestedState = false;
  #receivedSincePing = true;
  /** Runs once the client has flooded: its socket is no longer read. */
  #floodTimer: NodeJS.Timeout | undefined;

  constructor(options: ClientConnectionOptions) {
    const { ws, socket, caller, shows, booking, sessions, buffers, limits, metrics, logger } = options;
    this.#ws = ws;
    this.#limits = limits;
    this.isCompact = ws.protocol === compactSubprotocol;
    this.#output = new ClientOutput({ ws, socket, limitBytes: limits.clientBufferBytes, metrics });
    this.#caller = caller;
    this.#door = options.door;
    this.#address = options.address;
    this.#refusals = options.refusals;
    this.#intake = new Intake({ ws, limits, owner: this, ofAddress: options.address.messages });
    this.#booking = booking;
    this.#sessions = sessions;
    this.#buffers = buffers;
    this.#states = new TokenBucket(limits.states);
    this.#metrics = metrics;
    this.#logger = logger;
    ws.owner = this;
    socket.on('data', (chunk: Buffer) => this.#intake.countBytes(chunk.length) || this.#flooded());
    socket.on('drain', () => this.#drained());
    this.#current = new CurrentShow(shows, this);
    buffers.add(this);
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  get #hub(): WatchedShow['hub'] {
    return this.#current.show.hub;
  }

  /** A client with the subprotocol first sends its position; any other gets the venue immediately. */
  start(): void {
    if (this.#caller.token !== undefined) this.#follow(this.#caller.token);
    if (this.#ws.protocol === '') {
      this.#hub.sendState(this);
    } else {
      this.#connectTimer = setTimeout(() => this.close(closeCodes.tryAgainLater), this.#limits.connectTimeoutMs);
    }
  }

  /** Takes complete frames. A client that is behind is skipped; it gets the whole venue later. */
  sendUpdates(frames: Buffer): void {
    if (this.#behindTimer) return;
    if (this.#output.isOverLimit) this.#fallBehind();
    else this.#output.write(frames);
  }

  sendState(frame: VenueStateFrame): void {
    if (this.#output.isOverLimit) {
      this.#fallBehind();
    } else {
      this.#catchUp();
      this.#output.writeState(frame);
    }
  }

  waiting(): WaitingBytes {
    return this.#output.waiting();
  }

  /** Drops a peer that has sent nothing since the last ping, not even a pong. */
  ping(): void {
    // While paused, no pong would be read. A client that does not read has its own time-out.
    if (this.#intake.isPaused) this.#receivedSincePing = true;
    else if (!this.#receivedSincePing) {
      this.terminate('silent');
    } else if (this.isOpen) {
      this.#receivedSincePing = false;
      this.#ws.ping();
    }
  }

  close({ code }: { code: number }): void {
    this.#ws.close(code);
  }

  /** Ignores all further messages, so the close code shows that a command without a reply was not carried out. */
  async leave(reason: { code: number }): Promise<void> {
    this.#isLeaving = true;
    await Promise.all(this.#unanswered ?? []);
    this.close(reason);
  }

  terminate(reason: string): void {
    this.#metrics.terminated.inc({ reason });
    this.#ws.terminate();
  }

  get maxHolds(): number {
    return this.#hub.holdSettings.max_holds;
  }

  rested(): void {
    this.#metrics.throttled.inc();
  }

  received(data: RawData, isBinary: boolean): void {
    if (!this.#countFrame() || this.#isLeaving || !this.isOpen) return; // closing: no reply is possible
    const read = isBinary ? binaryRefused : readMessage(data.toString());
    if (!read.ok) {
      this.#refuse('INVALID_REQUEST', read.problem, read.requestId);
    } else if (this.#behindTimer) {
      this.#refuse('RATE_LIMITED', readFirst, read.message.request_id);
    } else {
      this.#handle(read.message);
    }
  }

  receivedControlFrame(): void {
    this.#countFrame();
  }

  closed(): void {
    this.#stopConnectTimer();
    clearTimeout(this.#behindTimer);
    clearTimeout(this.#floodTimer);
    this.#intake.close();
    this.#session?.close();
    this.#current.leave();
    this.#buffers.remove(this);
    this.#door.left(this.#caller);
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
      default:
        this.#carryOut(message);
    }
  }

  #carryOut(message: CommandMessage): void {
    this.#unanswered ??= new Set(); // most connections only watch
    const unanswered = this.#unanswered;
    const replied = this.#command(message).finally(() => unanswered.delete(replied));
    unanswered.add(replied);
  }

  #connect({ data, request_id }: Connect): void {
    this.#stopConnectTimer();
    if (!this.#mayRequestState(request_id)) return;
    const isMove = this.#current.isMove(data?.venue);
    const isUnread = this.#output.waitingStateBytes > 0;
    const isOtherUser = data?.user_id !== undefined && data.user_id !== this.userId;
    if (isUnread && (isMove || (this.isCompact && isOtherUser))) {
      this.#refuse('RATE_LIMITED', readFirst, request_id);
      return;
    }
    if (isMove && !this.#mayHaveState(request_id)) return;
    const arrived = () => {
      const former = this.userId;
      this.userId = data?.user_id ?? former;
      const position = data?.position;
      const isUpToDate = position !== undefined && this.#hub.resume(this, position);
      const acknowledge = () => this.#acknowledge(request_id);
      // The unread state and the updates that follow it contain all that a new one would.
      if (isUpToDate || isUnread) acknowledge();
      else if (isMove || this.#mayHaveState(request_id)) this.#hub.sendState(this, request_id, acknowledge);
      else {
        this.userId = former;
        return;
      }
      if (data?.token !== undefined) {
        this.#caller = { ...this.#caller, token: data.token };
        this.#follow(data.token);
      }
      if (data?.presence) this.#hub.subscribePresence(this, this.#current.show.audience.watching);
    };
    const enter = () => this.#output.together(arrived);
    this.#current.enter(data?.venue, enter, (error) => this.#notThere(error, request_id));
  }

  #notThere(error: unknown, requestId: RequestId | undefined): void {
    const code = error instanceof UnknownShowError ? 'UNKNOWN_SHOW' : failureOf(error);
    this.#refuse(code, code === 'UNKNOWN_SHOW' ? messageOf(error) : failureMessages[code], requestId);
  }

  #follow(token: string): void {
    this.#session ??= new SessionWatch({
      checks: this.#sessions,
      onEnded: () => this.#sessionEnded(),
      retryMs: this.#limits.sessionRetryMs,
      logger: this.#logger,
    });
    this.#session.follow(token);
  }

  /** Notifies the client before its next command, which would be refused anyway. */
  #sessionEnded(): void {
    this.#refuse('UNAUTHENTICATED', 'The session has ended or is unknown: POST /api/session', undefined);
    this.close(closeCodes.sessionOver);
  }

  #subscribe({ venue, data, request_id }: Subscribe): void {
    this.#stopConnectTimer();
    if (this.#output.waitingStateBytes > 0) {
      this.#refuse('RATE_LIMITED', readFirst, request_id);
    } else if (this.#mayRequestState(request_id) && this.#mayHaveState(request_id)) {
      const arrived = () => this.#hub.sendState(this, request_id);
      this.#current.enter(venue ?? data?.venue, arrived, (error) => this.#notThere(error, request_id));
    }
  }

  /** The upgrade was counted for the first CONNECT or subscribe. Each further one counts as an arrival of the address. */
  #mayRequestState(requestId: RequestId | undefined): boolean {
    const isFirst = !this.#hasRequestedState;
    this.#hasRequestedState = true;
    if (isFirst || this.#door.mayRequestState(this.#caller)) return true;
    this.#refuse('RATE_LIMITED', stateTooOften, requestId);
    return false;
  }

  /** Counts a state before the show changes: a refused client stays where it is. */
  #mayHaveState(requestId: RequestId | undefined): boolean {
    if (this.#states.take()) return true;
    const message = `At most ${this.#limits.states.perSecond} VENUE_STATEs per second; changes are sent without a request`;
    this.#refuse('RATE_LIMITED', message, requestId);
    return false;
  }

  async #command(message: CommandMessage): Promise<void> {
    const { request_id } = message;
    try {
      await this.#current.arrived;
    } catch (error) {
      // The command is for a show that the connection has not entered: it must not reach another show.
      return this.#notThere(error, request_id);
    }
    const show = this.#current.show.id;
    const { action, path, body: named } = commandRequest(message, show);
    const { commandsInFlightPerClient, commandsInFlightPerAddress } = this.#limits;
    if (this.#commandsInFlight >= commandsInFlightPerClient && this.#commandsInFlight >= this.#intake.seatsAtOnce) {
      return this.#refuse('RATE_LIMITED', 'Too many commands are waiting for a reply', request_id);
    }
    if (this.#address.commandsInFlight >= commandsInFlightPerAddress) {
      return this.#refuse(
        'RATE_LIMITED',
        'Too many commands of your network address are waiting for a reply',
        request_id,
      );
    }
    this.#commandsInFlight++;
    this.#address.commandsInFlight++;
    const requestId = `${this.#caller.requestId}.${++this.#commandsSoFar}`;
    const span = tracing?.span(message.type, undefined, {
      kind: SpanKind.SERVER,
      attributes: { 'network.protocol.name': 'websocket', 'booking.show': show, 'booking.request_id': requestId },
    });
    try {
      const body = { ...(this.userId !== undefined && { user_id: this.userId }), ...named };
      const caller = { ...this.#caller, requestId, trace: span?.spanContext() };
      const outcome = await this.#booking.command({ path, body }, caller);
      span?.setAttribute('booking.code', codeOf(outcome));
      this.#replyTo(action, outcome, body.user_id, request_id);
    } catch (error) {
      const code = failureOf(error);
      if (code === 'INTERNAL') this.#logger.error({ err: error, reqId: requestId }, 'A command failed unexpectedly');
      this.#metrics.commands.inc({ action, code });
      if (span) failSpan(span, error);
      this.#refuse(code, failureMessages[code], request_id);
    } finally {
      span?.end();
      this.#commandsInFlight--;
      this.#address.commandsInFlight--;
    }
  }

  #replyTo(
    action: CommandAction,
    outcome: CommandOutcome,
    userId: string | undefined,
    requestId: RequestId | undefined,
  ): void {
    const { body } = outcome;
    const code = codeOf(outcome);
    this.#metrics.commands.inc({ action, code });
    if (code === 'UNAUTHENTICATED') this.#session?.doubt();
    this.#reply(commandReply(this.isCompact ? withoutOtherHolders(body, userId) : body), requestId);
  }

  /** ACK of CONNECT and PING: keeps countdowns correct after a sleep and after a change of the settings. */
  #acknowledge(requestId: RequestId | undefined): void {
    this.#reply({ type: 'ACK', data: { success: true, ...this.#hub.holdSettings } }, requestId);
  }

  #refuse(code: ErrorCode, message: string, requestId: RequestId | undefined): void {
    this.#reply({ type: 'ERROR', data: errorDetail(code, message) }, requestId);
  }

  #reply(reply: Reply, requestId: RequestId | undefined): void {
    this.#output.write(messageFrame(requestId === undefined ? reply : { ...reply, request_id: requestId }));
    if (!this.#behindTimer && this.#output.isOverLimit) this.#fallBehind();
  }

  /** Stops reading from a client that does not read, so that its requests cannot pile up replies. */
  #fallBehind(): void {
    if (this.#behindTimer || !this.isOpen) return;
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
    this.#receivedSincePing = true;
    this.#metrics.resynced.inc();
    this.#intake.resume('behind');
  }

  #drained(): void {
    if (this.#behindTimer) this.#hub.sendState(this);
  }

  /** Any frame shows that the peer is alive. False if the client floods. */
  #countFrame(): boolean {
    if (this.#floodTimer) return false; // thousands of frames may have been read already
    this.#receivedSincePing = true;
    if (this.#intake.countFrame()) return true;
    this.#flooded();
    return false;
  }

  /** Stops reading from the client, which can still receive the close code. */
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

  #stopConnectTimer(): void {
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined; // or the connection keeps it in memory
  }
}

const codeOf = ({ body }: CommandOutcome): ErrorCode | 'OK' => (body.success ? 'OK' : body.error.code);
