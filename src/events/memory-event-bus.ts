import { EventEmitter } from 'node:events';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import type { EdgePresence } from '../protocol/presence.ts';
import type { BusListener, Delivery, EventBus } from './event-bus.ts';
import type { PresenceBus } from './presence-bus.ts';

/** The connection that several memory buses of one process share. */
export class MemoryBusLine extends EventEmitter<{
  event: [SeatEvent, EventBus];
  heartbeat: [Heartbeat, EventBus];
  presence: [EdgePresence, PresenceBus];
}> {}

/** Delivers to the other buses on the same line, in this process. For the embedded mode and for tests. */
export class MemoryEventBus implements EventBus, PresenceBus {
  readonly connected = true;
  readonly storesEvents = true;
  readonly #line: MemoryBusLine;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(line: MemoryBusLine) {
    this.#line = line;
  }

  async publish(event: SeatEvent): Promise<Delivery> {
    this.#line.emit('event', event, this);
    return 'stored';
  }

  publishHeartbeat(heartbeat: Heartbeat): void {
    this.#line.emit('heartbeat', heartbeat, this);
  }

  subscribe(listener: BusListener): void {
    const onEvent = (event: SeatEvent, from: EventBus) => from !== this && listener.onEvent(event, 'stored');
    const onHeartbeat = (heartbeat: Heartbeat, from: EventBus) => from !== this && listener.onHeartbeat?.(heartbeat);
    this.#line.on('event', onEvent).on('heartbeat', onHeartbeat);
    this.#unsubscribe.push(() => this.#line.off('event', onEvent).off('heartbeat', onHeartbeat));
    listener.onConnected?.(true);
  }

  publishPresence(presence: EdgePresence): void {
    this.#line.emit('presence', presence, this);
  }

  subscribePresence(listener: (presence: EdgePresence) => void): void {
    const onPresence = (presence: EdgePresence, from: PresenceBus) => from !== this && listener(presence);
    this.#line.on('presence', onPresence);
    this.#unsubscribe.push(() => this.#line.off('presence', onPresence));
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }
}
