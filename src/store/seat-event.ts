import type { SeatEvent } from '../protocol/events.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

const statusAfter = { held: SeatStatus.held, released: SeatStatus.available, booked: SeatStatus.booked } as const;

interface EventParts extends Pick<SeatEvent, 'type' | 'seat_id' | 'user_id' | 'epoch' | 'seq'> {
  atMs: number;
  expires_at?: number | undefined;
  reason?: SeatEvent['reason'] | undefined;
}

/** The event of a transition that was committed at `atMs`, in Unix milliseconds. */
export function seatEvent({ type, seat_id, user_id, epoch, seq, atMs, expires_at, reason }: EventParts): SeatEvent {
  const status = statusAfter[type];
  const event: SeatEvent = { type, seat_id, user_id, status, timestamp: isoTime(atMs), epoch, seq };
  if (expires_at !== undefined) event.expires_at = expires_at;
  if (reason !== undefined) event.reason = reason;
  return event;
}

let lastMs = Number.NaN;
let lastText = '';

/** Consecutive events often have the same time, and formatting it is the largest cost of an event. */
export function isoTime(unixMs: number): string {
  if (unixMs !== lastMs) {
    lastMs = unixMs;
    lastText = new Date(unixMs).toISOString();
  }
  return lastText;
}
