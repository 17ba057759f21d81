import type { Heartbeat, SeatEvent } from '../protocol/events.ts';

/** `stored`: in the bus's own log, and sent to those that are connected now. `sent`: only the latter. */
export type Delivery = 'stored' | 'sent';

export interface BusListener {
  /** Repeated and out of order now and then; never from this bus's own `publish`. Must not throw. */
  onEvent(event: SeatEvent): void;
  onHeartbeat?(heartbeat: Heartbeat): void;
  /** True: what is published from now on will be heard, what was published before may have been missed. False: deaf. */
  onConnected?(connected: boolean): void;
}

/** Carries the news of the venue from the booking processes to each other and to the edges. Not the truth: rebuildable. */
export interface EventBus {
  readonly connected: boolean;
  /** False while the bus only sends events to those that are connected now. */
  readonly storesEvents: boolean;
  /** Rejects if the delivery is not known in time. Idempotent. */
  publish(event: SeatEvent): Promise<Delivery>;
  /** To whoever listens now; lost, silently, while there is no connection. */
  publishHeartbeat(heartbeat: Heartbeat): void;
  subscribe(listener: BusListener): void;
  /** Sends what is on its way, then ends. Never rejects; a second time it does nothing. */
  close(): Promise<void>;
}
