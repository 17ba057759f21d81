import { jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Heartbeat, SeatEvent, subjects } from '../protocol/events.ts';
import { EdgePresence } from '../protocol/presence.ts';
import type { BusListener, EventBus } from './event-bus.ts';
import { JetStreamPublisher } from './jetstream-publisher.ts';
import { natsLogin } from './nats-address.ts';
import type { PresenceBus } from './presence-bus.ts';

const stream = { name: 'SEATS', maxBytes: 1024 ** 3, duplicateWindowMs: 120_000 };
const ackTimeoutMs = 2_000;
/** NATS fails a publish at once where there is no stream; its making is tried again this often. */
const streamRetryMs = 1_000;

export interface NatsEventBusOptions {
  /** nats:// with credentials, if there are any; a comma list of a cluster's servers. */
  url: string;
  /** Names the connection in NATS's monitoring. */
  name: string;
  logger: Logger;
  /** Whoever only listens needs no stream, and no acknowledgements. */
  listensOnly?: boolean;
}

/**
 * JetStream for what must not be lost (published with a message id, until it is acknowledged), plain subscriptions for
 * speed: a subscriber notices by `seq` what it missed and asks the booking service for it.
 */
export class NatsEventBus implements EventBus, PresenceBus {
  readonly #logger: Logger;
  readonly #listensOnly: boolean;
  readonly #listeners: BusListener[] = [];
  readonly #presenceListeners: ((presence: EdgePresence) => void)[] = [];
  readonly #connecting: Promise<void>;
  #nats: NatsConnection | undefined;
  #publisher: JetStreamPublisher | undefined;
  #connected = false;
  #closed = false;
  #making: Promise<void> | undefined;

  /** Returns at once; the connection is tried for until it is there, and again whenever it is lost. */
  static connect(options: NatsEventBusOptions): NatsEventBus {
    return new NatsEventBus(options);
  }

  private constructor({ url, name, logger, listensOnly = false }: NatsEventBusOptions) {
    this.#logger = logger;
    this.#listensOnly = listensOnly;
    this.#connecting = this.#connect(url.split(','), name);
  }

  get connected(): boolean {
    return this.#connected;
  }

  async publish(event: SeatEvent): Promise<void> {
    if (!this.#nats || !this.#publisher || !this.#connected) throw new BusDisconnectedError('NATS is out of reach');
    try {
      const id = `${event.epoch}:${event.seq}`;
      await this.#publisher.publish({ subject: subjects.of(event), body: JSON.stringify(event), id });
    } catch (cause) {
      // The stream may have been deleted under us: it is made again, for whoever tries next.
      this.#making ??= this.#makeStream(this.#nats)
        .catch(() => {})
        .finally(() => {
          this.#making = undefined;
        });
      throw new NotAcknowledgedError(`JetStream did not acknowledge ${event.epoch}:${event.seq}`, { cause });
    }
  }

  publishHeartbeat(heartbeat: Heartbeat): void {
    if (!this.#connected) return;
    this.#publisher?.flush(); // whoever heard it before the events that it counts would ask for them
    this.#nats?.publish(subjects.heartbeat, JSON.stringify(heartbeat));
  }

  subscribe(listener: BusListener): void {
    this.#listeners.push(listener);
    if (this.#connected) listener.onConnected?.(true);
  }

  publishPresence(presence: EdgePresence): void {
    if (this.#connected) this.#nats?.publish(subjects.presence, JSON.stringify(presence));
  }

  subscribePresence(listener: (presence: EdgePresence) => void): void {
    this.#presenceListeners.push(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#publisher?.flush();
    try {
      if (this.#connected) await this.#nats?.drain();
      else await this.#nats?.close();
    } catch (error) {
      this.#logger.warn({ error: (error as Error).message }, 'NATS went while we were leaving it');
      await this.#nats?.close();
    }
    await this.#connecting;
    this.#publisher?.close();
  }

  async #connect(urls: string[], name: string): Promise<void> {
    const login = natsLogin(urls);
    while (!this.#closed) {
      try {
        // Own messages do not come back: what this process published it knows already.
        this.#nats = await connect({
          ...login,
          name,
          noEcho: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 250,
          pingInterval: 5_000,
          maxPingOut: 2,
          ignoreAuthErrorAbort: true,
        });
        break;
      } catch (error) {
        this.#logger.warn({ error: (error as Error).message }, 'NATS is out of reach');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    const nats = this.#nats;
    if (!nats) return;
    if (this.#closed) return nats.close();

    if (!this.#listensOnly) this.#publisher = new JetStreamPublisher(nats, ackTimeoutMs);
    this.#subscribeTo(nats, subjects.allSeats, SeatEvent, (event: SeatEvent) => {
      for (const listener of this.#listeners) listener.onEvent(event);
    });
    this.#subscribeTo(nats, subjects.heartbeat, Heartbeat, (heartbeat: Heartbeat) => {
      for (const listener of this.#listeners) listener.onHeartbeat?.(heartbeat);
    });
    this.#subscribeTo(nats, subjects.presence, EdgePresence, (presence: EdgePresence) => {
      for (const listener of this.#presenceListeners) listener(presence);
    });
    void this.#watch(nats);
    await nats.flush();
    await this.#onConnected(nats);
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') this.#tellConnected(false);
      if (status.type === 'reconnect') await this.#onConnected(nats);
    }
  }

  /** Only when the stream is there are events published with success. */
  async #onConnected(nats: NatsConnection): Promise<void> {
    try {
      if (!this.#listensOnly) await this.#makeStream(nats);
      this.#tellConnected(true);
    } catch (error) {
      if (this.#closed || nats.isClosed()) return;
      this.#logger.warn({ error: (error as Error).message }, 'JetStream is out of reach');
      setTimeout(() => this.#onConnected(nats), streamRetryMs).unref();
    }
  }

  async #makeStream(nats: NatsConnection): Promise<void> {
    const { streams } = await jetstreamManager(nats, { checkAPI: false });
    const config = {
      name: stream.name,
      subjects: [subjects.allSeats],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      max_bytes: stream.maxBytes,
      duplicate_window: stream.duplicateWindowMs * 1e6,
    };
    await streams.info(stream.name).catch(() => streams.add(config));
  }

  #tellConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#logger.info({ connected }, connected ? 'NATS answers' : 'NATS is out of reach');
    for (const listener of this.#listeners) listener.onConnected?.(connected);
  }

  /** An exception in here would end the connection's reading for good. */
  #subscribeTo<T>(nats: NatsConnection, subject: string, schema: TSchema, tell: (body: T) => void): Subscription {
    const validator = Compile(schema);
    return nats.subscribe(subject, {
      callback: (error, message: Msg) => {
        try {
          if (error) throw error;
          const body: unknown = message.json();
          if (!validator.Check(body)) throw new TypeError('not of the shape agreed on');
          tell(body as T);
        } catch (cause) {
          this.#logger.warn({ subject: message?.subject, error: (cause as Error).message }, 'Left a message out');
        }
      },
    });
  }
}

/** What was published now would be lost: it stays in the store's log until NATS is back. */
export class BusDisconnectedError extends Error {
  override name = 'BusDisconnectedError';
}

/** The event may be stored or not: publish it again. */
export class NotAcknowledgedError extends Error {
  override name = 'NotAcknowledgedError';
}
