import type { Heartbeat, SeatEvent } from '../protocol/events.ts';

/** `stored`: in the bus's own log, and sent to the connected subscribers. `sent`: only the latter. */
export type Delivery = 'stored' | 'sent';

export interface BusListener {
  /**
   * Events may be repeated or out of order, but never come from this bus's own `publish`. `intended`: `stored` if the
   * publisher retries until the event is stored, `sent` if it knows of no log that stores it. Must not throw.
   */
  onEvent(event: SeatEvent, intended: Delivery): void;
  onHeartbeat?(heartbeat: Heartbeat): void;
  /** True: events published from now on arrive, earlier ones may be missing. False: nothing arrives. */
  onConnected?(connected: boolean): void;
}

/** Delivers the events of one show from the booking processes to each other and to the edges. Not authoritative: it can be rebuilt. */
export interface EventBus {
  readonly connected: boolean;
  /** False while the bus only sends events to the connected subscribers. */
  readonly storesEvents: boolean;
  /** Rejects if there is no acknowledgement in time. Idempotent. */
  publish(event: SeatEvent): Promise<Delivery>;
  /** To the connected subscribers; silently lost while there is no connection. */
  publishHeartbeat(heartbeat: Heartbeat): void;
  /** Returns the end of the subscription. */
  subscribe(listener: BusListener): () => void;
}
