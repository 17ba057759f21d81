import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { SeatStore } from '../../src/store/seat-store.ts';
import { decideOn } from './decide-on.ts';

/** One more transition after `known`: seat A1 is held and released in turn. */
export async function commitNext(store: SeatStore, known: Position): Promise<SeatEvent> {
  const action = known.seq % 2 === 0 ? 'select' : 'release';
  const { events } = await decideOn(store, 'A1', [{ action, userId: 'alice', request: undefined }], known);
  return events[0] as SeatEvent;
}
