import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectionOptions,
  connect,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { endOfTurn } from '../process/end-of-turn.ts';
import { messageOf } from '../process/error-facts.ts';
import { StateLog } from '../process/state-log.ts';
import type { Delivery } from './event-bus.ts';
import { headersOf, JetStreamPublisher, type Message, StoringRefusedError } from './jetstream-publisher.ts';
import { natsLogin } from './nats-address.ts';
import { requireSeatsStream } from './seats-stream.ts';

const defaultAckTimeoutMs = 2_000;
const connectTimeoutMs = 4_000;
const connectRetryMs = 500;
/** Creating the stream is retried after this time, doubled with each failure up to the maximum. */
const streamRetryMs = 1_000;
const maxStreamRetryMs = 5_000;
/** At most one check per interval, however many events JetStream does not acknowledge. */
const minCheckIntervalMs = 100;

export interface NatsLinkOptions {
  /** nats:// with optional credentials; a comma list of a cluster's servers. */
  url: string;
  /** Names the connection in NATS's monitoring. */
  name: string;
  logger: Logger;
  /** A process that only subscribes needs no stream and no acknowledgements. */
  listensOnly?: boolean;
  /** How long JetStream may take to acknowledge an event. */
  ackTimeoutMs?: number;
  /** How many servers of a cluster store each event, when this process creates the stream. */
  streamReplicas?: number;
}

interface Validator<Body> {
  Check(value: unknown): value is Body;
}

/** A subscriber's subject and callback. Each connection subscribes to it again. */
interface Feed {
  subject: string;
  receive: (body: unknown, message: Msg) => void;
  subscription?: Subscription | undefined;
}

/** The connection of a process to NATS, which the event buses of all its shows share. Reconnects whenever it is lost. */
export class NatsLink {
  readonly #logger: Logger;
  readonly #connectionLog: StateLog;
  readonly #streamLog: StateLog;
  readonly #errorLog: StateLog;
  readonly #messageLog: StateLog;
  readonly #listensOnly: boolean;
  readonly #ackTimeoutMs: number;
  readonly #streamReplicas: number;
  readonly #feeds = new Set<Feed>();
  readonly #watchers = new Set<(connected: boolean) => void>();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #nats: NatsConnection | undefined;
  #publisher: JetStreamPublisher | undefined;
  #connected = false;
  /** Changes when the connection is lost: the result of an earlier operation says nothing about the new connection. */
  #session = 0;
  #storesEvents = false;
  /** True while JetStream has a stream but refuses to store: only an acknowledgement shows that it stores again. */
  #needsProof = false;
  #isProving = false;
  #checking: Promise<void> | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #streamTimer: NodeJS.Timeout | undefined;
  #streamFailures = 0;
  #nextFlush: Promise<void> | undefined;

  /** Returns at once and connects in the background, again after each loss. Throws a ConfigError for a malformed address. */
  static connect(options: NatsLinkOptions): NatsLink {
    return new NatsLink(options);
  }

  private constructor(options: NatsLinkOptions) {
    const { url, name, logger, listensOnly = false, ackTimeoutMs = defaultAckTimeoutMs, streamReplicas = 1 } = options;
    this.#logger = logger;
    this.#connectionLog = new StateLog(logger);
    this.#streamLog = new StateLog(logger);
    this.#errorLog = new StateLog(logger);
    this.#messageLog = new StateLog(logger);
    this.#listensOnly = listensOnly;
    this.#ackTimeoutMs = ackTimeoutMs;
    this.#streamReplicas = streamReplicas;
    this.#running = this.#run({
      ...natsLogin(url),
      name,
      noEcho: true, // this process knows its own events
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      pingInterval: 5_000,
      maxPingOut: 2,
      ignoreAuthErrorAbort: true,
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** False while NATS only sends messages to the connected subscribers. */
  get storesEvents(): boolean {
    return this.#storesEvents;
  }

  /** Stores the message and sends it. Rejects if there is no acknowledgement in time. Idempotent by its id. */
  publish(message: Message): Promise<Delivery> {
    const [nats, publisher] = [this.#nats, this.#publisher];
    if (!nats || !publisher || !this.#connected) return Promise.reject(new BusDisconnectedError('NATS is unavailable'));
    if (this.#storesEvents) return this.#store(publisher, message);
    return this.#isProving ? this.#send(nats, message) : this.#storeAsProof(nats, publisher, message);
  }

  /** Only to the connected subscribers; silently lost while there is no connection. */
  send(subject: string, body: string): void {
    if (!this.#connected) return;
    this.#publisher?.flush(); // a subscriber that receives a heartbeat before the events that it counts would read them from the booking service
    this.#nats?.publish(subject, body);
  }

  /** Returns the end of the subscription. An exception in `receive` is logged. */
  subscribe<Body>(
    subject: string,
    validator: Validator<Body>,
    receive: (body: Body, message: Msg) => void,
  ): () => void {
    const feed: Feed = {
      subject,
      receive: (body, message) => {
        if (!validator.Check(body)) throw new TypeError('the message does not match its schema');
        receive(body, message);
      },
    };
    this.#feeds.add(feed);
    if (this.#nats) this.#subscribeTo(this.#nats, feed);
    return () => {
      this.#feeds.delete(feed);
      feed.subscription?.unsubscribe();
    };
  }

  /** Calls back with true when messages that are published from then on arrive, with false when nothing arrives. */
  watch(watcher: (connected: boolean) => void): () => void {
    this.#watchers.add(watcher);
    if (this.#connected) void this.#subscribed(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Sends the unsent messages, then ends. Never rejects; a second call does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closing.abort();
    clearTimeout(this.#streamTimer);
    this.#publisher?.flush();
    const nats = this.#nats;
    if (!nats) return; // an attempt to connect may be under way: it closes its connection
    try {
      if (this.#connected) await nats.drain();
      else await nats.close();
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'NATS ended while the connection was being closed');
      await nats.close();
    }
    await this.#running;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Never rejects. */
  async #run(options: ConnectionOptions): Promise<void> {
    while (!this.#closed) {
      try {
        const nats = await connect(options);
        if (this.#closed) await nats.close();
        else await this.#serve(nats);
      } catch (error) {
        this.#disconnected(messageOf(error));
      }
      await delay(connectRetryMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
    }
  }

  /** Resolves when the connection is closed, which the client library does only if it cannot reconnect. */
  async #serve(nats: NatsConnection): Promise<void> {
    this.#nats = nats;
    if (!this.#listensOnly) this.#publisher = new JetStreamPublisher(nats, this.#ackTimeoutMs);
    try {
      void this.#watch(nats);
      for (const feed of this.#feeds) this.#subscribeTo(nats, feed);
      void this.#onConnected(nats);
      const error = await nats.closed();
      this.#disconnected(error?.message);
    } finally {
      this.#publisher?.close();
      this.#publisher = undefined;
      this.#nats = undefined;
    }
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') this.#disconnected();
      if (status.type === 'reconnect') void this.#onConnected(nats);
      if (status.type === 'error') this.#errorLog.warn('NATS refused an operation', { error: status.error.message });
    }
  }

  /** Finds out whether JetStream stores before events are published. Never rejects. */
  async #onConnected(nats: NatsConnection): Promise<void> {
    const session = this.#session;
    try {
      await nats.flush(); // the subscriptions are in place
    } catch {
      return; // the connection is lost again: the next one calls this
    }
    this.#needsProof = false;
    this.#streamFailures = 0;
    if (!this.#listensOnly) await this.#checkStream(nats);
    if (!this.#closed && session === this.#session) this.#setConnected(true);
  }

  #store(publisher: JetStreamPublisher, message: Message): Promise<Delivery> {
    return publisher.publish(message).then(
      () => 'stored',
      (cause: Error) => {
        this.#storingFailed(cause);
        throw new NotAcknowledgedError(`JetStream did not acknowledge ${message.id}`, { cause });
      },
    );
  }

  /** Tests with one event at a time whether JetStream stores again. */
  async #storeAsProof(nats: NatsConnection, publisher: JetStreamPublisher, message: Message): Promise<Delivery> {
    this.#isProving = true;
    const session = this.#session;
    try {
      await publisher.publish(message, { isTrial: true });
      if (session === this.#session) this.#streamIsAvailable();
      return 'stored';
    } catch {
      return this.#delivered(nats);
    } finally {
      this.#isProving = false;
    }
  }

  #send(nats: NatsConnection, message: Message): Promise<Delivery> {
    const { subject, body } = message;
    this.#publisher?.flush(); // in the order of publishing
    nats.publish(subject, body, { headers: headersOf(message) });
    return this.#delivered(nats);
  }

  /** Resolves when NATS has received everything published until the end of the turn. */
  async #delivered(nats: NatsConnection): Promise<Delivery> {
    this.#nextFlush ??= new Promise((resolve, reject) => {
      endOfTurn(() => {
        this.#nextFlush = undefined;
        const timer = setTimeout(
          () => reject(new NotAcknowledgedError('NATS did not reply in time')),
          this.#ackTimeoutMs,
        );
        nats
          .flush()
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      });
    });
    await this.#nextFlush;
    return 'sent';
  }

  #storingFailed(error: Error): void {
    if (this.#closed || !this.#connected || !this.#nats || !this.#storesEvents) return;
    if (error instanceof StoringRefusedError) {
      this.#needsProof = true;
      this.#streamIsUnavailable(error.message);
    }
    // The stream may have been deleted: this creates it again for the next event.
    if (performance.now() - this.#checkedAtMs > minCheckIntervalMs) void this.#checkStream(this.#nats);
  }

  /** Never rejects. */
  #checkStream(nats: NatsConnection): Promise<void> {
    this.#checking ??= this.#checkStreamOnce(nats).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkStreamOnce(nats: NatsConnection): Promise<void> {
    clearTimeout(this.#streamTimer);
    const session = this.#session;
    const failure = await requireSeatsStream(nats, this.#logger, this.#streamReplicas).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (this.#closed || nats.isClosed()) return;
    this.#checkedAtMs = performance.now();
    if (failure === undefined) {
      if (!this.#needsProof) this.#streamIsAvailable();
      return;
    }
    this.#needsProof = false;
    if (session === this.#session) this.#streamIsUnavailable(failure);
    const retryMs = Math.min(streamRetryMs * 2 ** this.#streamFailures++, maxStreamRetryMs);
    this.#streamTimer = setTimeout(() => void this.#checkStream(nats), retryMs).unref();
  }

  #streamIsAvailable(): void {
    clearTimeout(this.#streamTimer);
    this.#needsProof = false;
    this.#streamFailures = 0;
    this.#storesEvents = true;
    this.#streamLog.info('JetStream stores the events');
  }

  #streamIsUnavailable(reason: string): void {
    this.#storesEvents = false;
    this.#streamLog.warn('JetStream is unavailable: events reach the edges, and are stored when it is back', {
      reason,
    });
  }

  #disconnected(error?: string): void {
    if (this.#closed) return;
    this.#session++;
    this.#connectionLog.warn('NATS is unavailable', error === undefined ? {} : { error });
    this.#setConnected(false);
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    if (connected) this.#connectionLog.info('Connected to NATS');
    for (const watcher of this.#watchers) watcher(connected);
  }

  /** The subscriptions made so far are in place after a round trip. */
  async #subscribed(watcher: (connected: boolean) => void): Promise<void> {
    const session = this.#session;
    try {
      await this.#nats?.flush();
    } catch {
      return; // the connection is lost: the watcher is called with the next one
    }
    if (this.#connected && session === this.#session && this.#watchers.has(watcher)) watcher(true);
  }

  /** An exception in the callback would end reading from the connection. */
  #subscribeTo(nats: NatsConnection, feed: Feed): void {
    const { subject, receive } = feed;
    feed.subscription = nats.subscribe(subject, {
      callback: (error, message: Msg) => {
        try {
          if (error) throw error;
          receive(message.json(), message);
        } catch (cause) {
          this.#messageLog.warn('Ignored a message', { subject, error: messageOf(cause) });
        }
      },
    });
  }
}

/** An event published now would be lost: it stays in the store's log until NATS is available. */
export class BusDisconnectedError extends Error {
  override name = 'BusDisconnectedError';
}

/** The event is stored or not: publish it again. */
export class NotAcknowledgedError extends Error {
  override name = 'NotAcknowledgedError';
}
