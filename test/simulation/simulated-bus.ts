import type { BusListener, Delivery, EventBus } from '../../src/events/event-bus.ts';
import type { Heartbeat, SeatEvent } from '../../src/protocol/events.ts';
import type { MessageFaults } from './faults.ts';
import { FifoLink } from './fifo-link.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

const ackTimeoutMs = 2_000;
const duplicateAfterMs = 400;
const slowestMs = 1_500;

type Message = { event: SeatEvent; intended: Delivery } | { heartbeat: Heartbeat };

/** The bus between all processes. Messages of one process reach each other one in order; those of two processes interleave in any order. */
export class BusServer {
  readonly world: World;
  readonly faults: MessageFaults;
  /** By seq, in any epoch. */
  readonly #accepted = new Map<number, SeatEvent[]>();
  readonly #connections = new Set<BusConnection>();
  #isDown = false;
  #storesEvents = true;

  constructor(world: World, faults: MessageFaults) {
    this.world = world;
    this.faults = faults;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  get storesEvents(): boolean {
    return this.#storesEvents;
  }

  /** False: as NATS without JetStream, messages reach only the connected subscribers. */
  storeEvents(storesEvents: boolean): void {
    this.#storesEvents = storesEvents;
    for (const connection of this.#connections) connection.noticeStorage();
  }

  connect(host: Host): BusConnection {
    const connection = new BusConnection(this, host);
    this.#connections.add(connection);
    host.onDeath(() => this.leave(connection));
    return connection;
  }

  leave(connection: BusConnection): void {
    this.#connections.delete(connection);
  }

  has(event: SeatEvent): boolean {
    const accepted = this.#accepted.get(event.seq) ?? [];
    return accepted.some(
      ({ type, seat_id, user_id, timestamp }) =>
        type === event.type && seat_id === event.seat_id && user_id === event.user_id && timestamp === event.timestamp,
    );
  }

  down(): void {
    this.#isDown = true;
    for (const connection of this.#connections) connection.disconnect();
  }

  up(): void {
    this.#isDown = false;
    for (const connection of this.#connections) connection.reconnect();
  }

  accept(message: Message, from: BusConnection): void {
    if ('event' in message && this.#storesEvents) {
      const { event } = message;
      const key = event.seq;
      this.#accepted.set(key, [...(this.#accepted.get(key) ?? []), event]);
    }
    for (const to of this.#connections) if (to !== from) to.deliver(message, from);
  }
}

/** One process's connection to the bus. */
export class BusConnection implements EventBus {
  readonly #server: BusServer;
  readonly #world: World;
  readonly #host: Host;
  readonly #listeners = new Set<BusListener>();
  readonly #open = new Set<(error: Error) => void>();
  #inbound = new Map<BusConnection, FifoLink>();
  #outbound: FifoLink;
  #connected = false;
  #storesEvents: boolean;
  #storageChanges = 0;
  #isDeaf = false;
  #isClosed = false;
  /** Raised by each disconnection: messages in flight are lost. */
  #session = 0;

  constructor(server: BusServer, host: Host) {
    this.#server = server;
    this.#world = server.world;
    this.#host = host;
    this.#outbound = new FifoLink(this.#world);
    this.#storesEvents = server.storesEvents;
    this.#world.after(this.#world.random.int(0, 30), () => this.reconnect());
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** As far as this process knows. */
  get storesEvents(): boolean {
    return this.#storesEvents;
  }

  /** Reports at once that nothing is stored; reports storing again once the messages sent meanwhile have arrived. */
  noticeStorage(): void {
    this.#storesEvents = false;
    const changes = ++this.#storageChanges;
    this.#world.after(slowestMs + duplicateAfterMs, () => {
      if (changes === this.#storageChanges) this.#storesEvents = this.#server.storesEvents;
    });
  }

  publish(event: SeatEvent): Promise<Delivery> {
    if (!this.#connected) return Promise.reject(new Error('no connection to the bus'));
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        this.#open.delete(fail);
        this.#host.libraryClock.clearTimeout(timer);
        this.#host.run(() => reject(error));
      };
      const timer = this.#host.libraryClock.setTimeout(() => fail(new Error('not acknowledged')), ackTimeoutMs);
      this.#open.add(fail);
      if (this.#world.strikes('bus publish lost', this.#server.faults.busPublishLost)) return;
      this.#send({ event, intended: this.#storesEvents ? 'stored' : 'sent' }, () => {
        const delivery = this.#server.storesEvents ? 'stored' : 'sent';
        if (this.#world.strikes('bus ack lost', this.#server.faults.busAckLost)) return;
        this.#whileConnected(this.#world.latencyMs(), () => {
          if (!this.#open.delete(fail)) return;
          this.#host.libraryClock.clearTimeout(timer);
          this.#host.run(() => resolve(delivery));
        });
      });
    });
  }

  publishHeartbeat(heartbeat: Heartbeat): void {
    if (this.#connected) this.#send({ heartbeat }, () => {});
  }

  subscribe(listener: BusListener): () => void {
    this.#listeners.add(listener);
    if (this.#connected) listener.onConnected?.(true);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#connected = false;
    this.#server.leave(this);
  }

  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#isDeaf = false;
    this.#session++;
    this.#inbound = new Map();
    this.#outbound = new FifoLink(this.#world);
    for (const fail of [...this.#open]) fail(new Error('the connection to the bus was cut'));
    this.#tellConnected(false);
  }

  reconnect(): void {
    if (this.#connected || this.#isClosed || this.#server.isDown || !this.#host.alive) return;
    this.#connected = true;
    this.#tellConnected(true);
  }

  /** Silently drops messages in both directions. */
  deafen(): void {
    this.#isDeaf = this.#connected;
  }

  deliver(message: Message, from: BusConnection): void {
    if (!this.#connected || this.#isDeaf) return;
    let link = this.#inbound.get(from);
    if (!link) {
      link = new FifoLink(this.#world);
      this.#inbound.set(from, link);
    }
    const { faults } = this.#server;
    const isSlow = this.#world.strikes('bus slow', faults.busSlow);
    const hear = this.#inSession(() => this.#hear(message));
    link.send(isSlow ? this.#world.faultMs(20, slowestMs) : this.#world.latencyMs(), hear);
    if (this.#world.strikes('bus duplicate', faults.busDuplicate)) {
      this.#world.after(this.#world.random.int(0, duplicateAfterMs), hear);
    }
  }

  #hear(message: Message): void {
    if (this.#isDeaf) return;
    this.#host.run(() => {
      for (const listener of this.#listeners) {
        if ('event' in message) listener.onEvent(message.event, message.intended);
        else listener.onHeartbeat?.(message.heartbeat);
      }
    });
  }

  #send(message: Message, accepted: () => void): void {
    if (this.#isDeaf) return;
    const arrive = this.#inSession(() => {
      // A killed process may or may not have sent it.
      if (this.#isDeaf || (!this.#host.alive && this.#world.random.chance(0.5))) return;
      this.#server.accept(message, this);
      accepted();
    });
    this.#outbound.send(this.#world.latencyMs(), arrive);
  }

  #whileConnected(delayMs: number, action: () => void): void {
    const sameSession = this.#inSession(action);
    this.#world.after(delayMs, () => {
      if (!this.#isDeaf) sameSession();
    });
  }

  #inSession(action: () => void): () => void {
    const session = this.#session;
    return () => {
      if (session === this.#session) action();
    };
  }

  #tellConnected(connected: boolean): void {
    this.#world.trace(() => `${this.#host.name}: bus ${connected ? 'connected' : 'disconnected'}`);
    this.#host.run(() => {
      for (const listener of this.#listeners) listener.onConnected?.(connected);
    });
  }
}
