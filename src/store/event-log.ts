import { ok as assert } from 'node:assert/strict';
import { type SeatEvent, transitionReasons } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import { seatEvent } from './seat-event.ts';

/** The fields of an entry of `venue:events`, as `lua/decide.lua` writes them: names and values. */
export type EntryFields = string[];

/** The events of the entries after a position. Asserts that their seqs follow it without gaps. */
export function eventsOfLog(entries: readonly EntryFields[], after: Position, eventOf = eventOfLog): SeatEvent[] {
  return entries.map((fields, i) => {
    const event = eventOf(after.epoch, fields);
    assert(event.seq === after.seq + 1 + i, 'the seqs of the log must be consecutive');
    return event;
  });
}

export function eventOfLog(epoch: string, fields: EntryFields): SeatEvent {
  const { type, seat_id, user_id, at_ms, expires_ms, reason, seq }: Record<string, string | undefined> =
    Object.fromEntries(pairsOf(fields));
  assert(type === 'held' || type === 'released' || type === 'booked', 'an entry of the log must have a known type');
  assert(seat_id !== undefined && user_id !== undefined, 'an entry of the log must have a seat and a user');
  return seatEvent({
    type,
    seat_id,
    user_id,
    epoch,
    seq: Number(seq),
    atMs: Number(at_ms),
    expires_at: expires_ms === undefined ? undefined : Number(expires_ms) / 1000,
    reason: transitionReasons.find((known) => known === reason),
  });
}

/** With the epoch in which it was decided, which may be an earlier one than the log's. */
export function eventAsDecided(_epoch: string, fields: EntryFields): SeatEvent {
  const { epoch }: Record<string, string | undefined> = Object.fromEntries(pairsOf(fields));
  assert(epoch !== undefined, 'an entry of the log must have an epoch');
  return eventOfLog(epoch, fields);
}

export function* pairsOf(flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] ?? '', flat[i + 1] ?? ''];
}
