import { expect, test } from 'vitest';
import { hasChanges, kindAt, kinds, positionAfter, seqIn } from '../../bench/sockets/message-scan.ts';
import { PacedViews } from '../../bench/sockets/paced-views.ts';

const url = 'http://edge';
const message = (data: object) => Buffer.from(JSON.stringify({ type: 'SEATS', data }));
const state = (statuses: string) => message({ venue: 'main', epoch: 'e', seq: 0, own: [], statuses });
const changes = (seq: number, more: object) => message({ epoch: 'e', seq, ...more });

/** Two sockets that get the same flushes. Socket 0 is one whose messages are read. */
function setUp() {
  const views = new PacedViews();
  const at = [0, 0];
  views.received(0, state('000'));
  const flush = (socket: number, seq: number, more: object = { held: [1] }) => {
    const bytes = changes(seq, more);
    views.received(socket * 16, bytes);
    views.flushed(url, at[socket] as number, seq, bytes);
    at[socket] = Math.max(at[socket] as number, seq);
  };
  return { views, flush };
}

test('[R811] sockets that get the same flushes and end in the true state pass', () => {
  const { views, flush } = setUp();
  for (const socket of [0, 1]) {
    flush(socket, 3);
    flush(socket, 7, { available: [1], booked: [0, 2] });
  }
  expect(views.counts).toEqual({ skipped: 0, outOfOrder: 0, different: 0 });
  expect(views.wrong('202')).toBe(0);
});

test('[R811] a skipped flush is found, whichever socket missed it', () => {
  const late = setUp();
  for (const seq of [3, 5, 7]) late.flush(0, seq);
  for (const seq of [3, 7]) late.flush(1, seq);
  expect(late.views.counts.skipped).toBe(1);
  const early = setUp();
  for (const seq of [3, 7]) early.flush(0, seq);
  for (const seq of [3, 5, 7]) early.flush(1, seq);
  expect(early.views.counts.skipped).toBe(1);
});

test('[R811] other bytes, a step back and a wrong end are found', () => {
  const { views, flush } = setUp();
  flush(0, 3, { held: [1] });
  flush(1, 3, { held: [2] });
  expect(views.counts.different).toBe(1);
  flush(0, 2, { held: [1] });
  expect(views.counts.outOfOrder).toBe(1);
  expect(views.wrong('010')).toBe(0);
  expect(views.wrong('011')).toBe(1);
});

test('[R811] a socket that joins later has skipped nothing', () => {
  const { views, flush } = setUp();
  for (const seq of [3, 5]) flush(0, seq);
  views.flushed(url, 4, 5, changes(5, { held: [1] }));
  expect(views.counts).toEqual({ skipped: 0, outOfOrder: 0, different: 0 });
});

test('[R811] only the latest flush, byte by byte, after the one before it, needs no more than one comparison', () => {
  const { views, flush } = setUp();
  for (const seq of [3, 5]) flush(0, seq);
  const latest = (from: number, bytes: Buffer, socket = 1) => {
    const read = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
    return views.latest(url, socket, from, read, 6, 6 + bytes.length);
  };
  expect(latest(3, changes(5, { held: [1] }))).toBe(5);
  expect(latest(2, changes(5, { held: [1] })), 'it has skipped a flush').toBeUndefined();
  expect(latest(3, changes(5, { held: [2] })), 'it got other bytes').toBeUndefined();
  expect(latest(0, changes(3, { held: [1] })), 'it is not the latest').toBeUndefined();
  expect(views.latest('http://other', 1, 3, changes(5, { held: [1] }), 0, 10), 'of another edge').toBeUndefined();
});

test('[R811] the view of a socket has its latest flushes, too', () => {
  const { views, flush } = setUp();
  flush(1, 3, { held: [1] });
  flush(1, 5, { booked: [2] });
  expect(views.wrong('000')).toBe(0);
  const bytes = changes(5, { booked: [2] });
  expect(views.latest(url, 0, 3, bytes, 0, bytes.length)).toBe(5);
  expect(views.wrong('002')).toBe(0);
});

test('[R206] whole states and changes are distinguished without parsing', () => {
  const whole = state('000');
  expect(kindAt(whole, 0)).toBe(kinds.seats);
  expect(hasChanges(whole, 0)).toBe(false);
  expect(positionAfter(whole, 0, whole.length)).toEqual({ epoch: 'e', seq: 0 });
  const some = changes(42, { held: [17] });
  expect(kindAt(some, 0)).toBe(kinds.seats);
  expect(hasChanges(some, 0)).toBe(true);
  expect(seqIn(some, 0, some.length)).toBe(42);
  for (const type of ['STALE', 'ERROR', 'PRESENCE']) {
    expect(Object.values(kinds)).not.toContain(kindAt(Buffer.from(JSON.stringify({ type, data: {} })), 0));
  }
});
