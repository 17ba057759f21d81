import { EventEmitter } from 'node:events';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import type { EdgePresence } from '../protocol/presence.ts';
import type { BusListener, Delivery, EventBus } from './event-bus.ts';
import type { PresenceBus } from './presence-bus.ts';

/** The connection that several memory buses of one process share. The first argument is the id of the show. */
export class MemoryBusLine extends EventEmitter<{
  event: [string | undefined, SeatEvent, EventBus];
  heartbeat: [string | undefined, Heartbeat, EventBus];
  presence: [string | undefined, EdgePresence, PresenceBus];
}> {}

/**
 * Delivers to the other buses of the show on the same line, in this process. For the embedded mode and for tests. As over a network, no
 * listener of events runs before the call returns: an actor publishes during its transition, and another actor must not start within it.
 */
export class MemoryEventBus implements EventBus, PresenceBus {
  readonly connected = true;
  readonly storesEvents = true;
  readonly #line: MemoryBusLine;
  readonly #show: string | undefined;

  /** Without an id of a show: the default show. */
  constructor(line: MemoryBusLine, show?: string) {
    this.#line = line;
    this.#show = show;
    line.setMaxListeners(0); // two for each show
  }

  async publish(event: SeatEvent): Promise<Delivery> {
    await null;
    this.#line.emit('event', this.#show, event, this);
    return 'stored';
  }

  publishHeartbeat(heartbeat: Heartbeat): void {
    queueMicrotask(() => this.#line.emit('heartbeat', this.#show, heartbeat, this));
  }

  subscribe(listener: BusListener): () => void {
    const isForUs = (show: string | undefined, from: unknown) => show === this.#show && from !== this;
    const onEvent = (show: string | undefined, event: SeatEvent, from: EventBus) =>
      isForUs(show, from) && listener.onEvent(event, 'stored');
    const onHeartbeat = (show: string | undefined, heartbeat: Heartbeat, from: EventBus) =>
      isForUs(show, from) && listener.onHeartbeat?.(heartbeat);
    this.#line.on('event', onEvent).on('heartbeat', onHeartbeat);
    listener.onConnected?.(true);
    return () => this.#line.off('event', onEvent).off('heartbeat', onHeartbeat);
  }

  publishPresence(presence: EdgePresence): void {
    this.#line.emit('presence', this.#show, presence, this);
  }

  subscribePresence(listener: (presence: EdgePresence) => void): () => void {
    const onPresence = (show: string | undefined, presence: EdgePresence, from: PresenceBus) =>
      show === this.#show && from !== this && listener(presence);
    this.#line.on('presence', onPresence);
    return () => this.#line.off('presence', onPresence);
  }
}
