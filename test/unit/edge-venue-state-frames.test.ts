import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { type VenueStateFrame, VenueStateFrames } from '../../src/edge/venue-state-frames.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';

// Exported by `ws`, but not known to its types.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

function read({ parts, bytes }: VenueStateFrame): unknown {
  expect(Buffer.concat(parts)).toHaveLength(bytes);
  const messages: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer) => messages.push(data.toString()));
  for (const part of parts) receiver.write(part);
  expect(messages).toHaveLength(1);
  return JSON.parse(messages[0] as string);
}

function setUp(rows: number, cols: number) {
  const seats = new Map<string, Seat>([...emptySeats(gridPlan({ rows, cols }))].map((seat) => [seat.id, seat]));
  const header = { venue: 'main', epoch: 'e1', seq: 0, server_time: 1, hold_seconds: 30, max_holds: 6, rows, cols };
  const feed = { header: () => header, seats: { [Symbol.iterator]: () => seats.values() } };
  const frames = new VenueStateFrames(feed as unknown as ConstructorParameters<typeof VenueStateFrames>[0]);
  const hold = (id: string) => {
    header.seq++;
    seats.set(id, { ...(seats.get(id) as Seat), status: 1, held_by: 'alice', seq: header.seq });
  };
  const expected = (more = {}) => ({ type: 'VENUE_STATE', ...more, data: { ...header, seats: [...seats.values()] } });
  /** Simulates a restart of the booking service with another size. */
  const resize = (size: { rows: number; cols: number }) => {
    header.seq++;
    seats.clear();
    for (const seat of emptySeats(gridPlan(size))) seats.set(seat.id, seat);
  };
  return { frames, hold, resize, expected, header };
}

test.each([
  [1, 1],
  [10, 10],
  [5, 50],
  [1, 251],
  [30, 30],
])('[R286] a venue of %i × %i is complete after every change', (rows, cols) => {
  const { frames, hold, expected } = setUp(rows, cols);
  expect(read(frames.frame())).toEqual(expected());
  hold('A1');
  expect(read(frames.frame('r"1'))).toEqual(expected({ request_id: 'r"1' }));
  hold(`A${cols}`);
  expect(read(frames.sharedFrame())).toEqual(expected());
});

test('[R286] a change re-serialises its part; all clients share the other parts', () => {
  const { frames, hold, header } = setUp(100, 100);
  const first = frames.frame('one');
  header.server_time = 2;
  const second = frames.frame('two');
  expect(second.parts.length).toBe(first.parts.length);
  expect(second.parts.every((part, i) => i === 0 || part === first.parts[i])).toBe(true);
  hold('B7');
  const third = frames.frame();
  const changed = third.parts.filter((part, i) => i > 0 && part !== first.parts[i]);
  expect(changed).toHaveLength(1);
  expect(third.parts.length).toBeGreaterThan(30);
});

test('[R286] after a change of the size nothing of the old venue remains', () => {
  const { frames, resize, expected } = setUp(100, 100);
  frames.frame();
  for (const size of [
    { rows: 2, cols: 2 },
    { rows: 40, cols: 40 },
  ]) {
    resize(size);
    expect(read(frames.frame())).toEqual(expected());
  }
});
