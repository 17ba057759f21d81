import type { SeatEvent } from '../../src/protocol/events.ts';

/** The delay of each expiry after the end of its hold; after a fault, counted from the time when a process could end it. */
export function expiryLatenessMs(events: readonly SeatEvent[], someoneThereFromMs = 0): number[] {
  const endMs = new Map<string, number>();
  const lateness: number[] = [];
  for (const { type, seat_id, expires_at = 0, reason, timestamp } of events) {
    if (type === 'held') endMs.set(seat_id, expires_at * 1000);
    if (reason !== 'expired') continue;
    const dueAtMs = Math.max(endMs.get(seat_id) ?? 0, someoneThereFromMs);
    lateness.push(Math.max(0, Date.parse(timestamp) - dueAtMs));
  }
  return lateness;
}
