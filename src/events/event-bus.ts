import type { Heartbeat, SeatEvent } from '../protocol/events.ts';

export interface BusListener {
  /** Repeated and out of order now and then; never from this bus's own `publish`. Must not throw. */
  onEvent(event: SeatEvent): void;
  onHeartbeat?(heartbeat: Heartbeat): void;
  /** False when the line is lost; true when it is back: what was sent in between was missed. */
  onConnected?(connected: boolean): void;
}

/** Carries the news of the venue from the booking processes to each other and to the edges. Not the truth: rebuildable. */
export interface EventBus {
  readonly connected: boolean;
  /** Resolves when the event is stored for whoever subscribes to the log; rejects if that is not known in time. Idempotent. */
  publish(event: SeatEvent): Promise<void>;
  /** To whoever listens now. Lost, silently, while there is no connection. */
  publishHeartbeat(heartbeat: Heartbeat): void;
  /** Resolves when nothing that is published from now on will be missed while connected. */
  subscribe(listener: BusListener): Promise<void>;
  /** Sends what is on its way, then ends. */
  close(): Promise<void>;
}
