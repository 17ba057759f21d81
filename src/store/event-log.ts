import { ok as assert } from 'node:assert/strict';
import type { SeatEvent } from '../protocol/events.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';

/** The fields of an entry of `venue:events`, as `lua/decide.lua` writes them: names and values. */
export type EntryFields = string[];

const statusAfter = { held: SeatStatus.held, released: SeatStatus.available, booked: SeatStatus.booked } as const;

/** The events of the entries after a position: their seqs follow it without gaps. */
export function eventsOfLog(entries: readonly EntryFields[], after: Position): SeatEvent[] {
  return entries.map((fields, i) => {
    const event = eventOfLog(after.epoch, fields);
    assert(event.seq === after.seq + 1 + i, 'the seqs of the log must be consecutive');
    return event;
  });
}

export function eventOfLog(epoch: string, fields: EntryFields): SeatEvent {
  const { type, seat_id, user_id, at_ms, expires_ms, reason, seq }: Record<string, string | undefined> =
    Object.fromEntries(pairsOf(fields));
  assert(type === 'held' || type === 'released' || type === 'booked', 'an entry of the log must have a known type');
  assert(seat_id !== undefined && user_id !== undefined, 'an entry of the log must have a seat and a user');
  const event: SeatEvent = {
    type,
    seat_id,
    user_id,
    status: statusAfter[type],
    timestamp: isoTime(Number(at_ms)),
    epoch,
    seq: Number(seq),
  };
  if (expires_ms !== undefined) event.expires_at = Number(expires_ms) / 1000;
  if (reason === 'user' || reason === 'expired') event.reason = reason;
  return event;
}

export function* pairsOf(flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] ?? '', flat[i + 1] ?? ''];
}

let lastMs = Number.NaN;
let lastText = '';

/** Consecutive events often have the same time, and formatting it costs more than all else about an event. */
export function isoTime(unixMs: number): string {
  if (unixMs !== lastMs) {
    lastMs = unixMs;
    lastText = new Date(unixMs).toISOString();
  }
  return lastText;
}
