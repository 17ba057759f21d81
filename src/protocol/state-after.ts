import type { SeatEvent } from './events.ts';
import type { SeatState } from './seat.ts';

/** The state of a seat after an event. The event alone determines it. */
export function stateAfter(event: Pick<SeatEvent, 'type' | 'status' | 'user_id' | 'expires_at' | 'seq'>): SeatState {
  const state: SeatState = { status: event.status, seq: event.seq };
  if (event.type !== 'released') state.held_by = event.user_id;
  if (event.expires_at !== undefined) state.expires_at = event.expires_at;
  return state;
}
