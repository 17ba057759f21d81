import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stateIntervalMs } from '../../src/edge/state-pace.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { CompactPage } from '../support/compact-page.ts';
import { startPacedSeats } from './paced-fixture.ts';

const dataOf = ({ messages }: CompactPage) => messages.map((message) => message.data as Record<string, unknown>);

/** The part of a seat that a page shows: holders and ends of other users' holds are not sent. */
const shownTo =
  (userId: string | undefined) =>
  ({ id, status, held_by, expires_at }: Seat) =>
    held_by !== undefined && held_by === userId ? { id, status, held_by, expires_at } : { id, status };

function expectShown(page: CompactPage, seats: Iterable<Seat>): void {
  expect([...page.venue.seats].map(shownTo(page.userId))).toEqual([...seats].map(shownTo(page.userId)));
}

test('[R801] a busy show sends only the last state of each seat, with the position that it brings the client to', () => {
  const { clock, commit, deliver, page, connect } = startPacedSeats({ rows: 10, cols: 10 });
  const watcher = connect(page('eve'));
  for (let n = 0; n < 8; n++) deliver(commit(99, 1, `u${n}`)); // uses up the burst
  watcher.messages.length = 0;
  for (let n = 0; n < 500; n++) deliver(commit(n % 5, 1, `u${n}`));
  deliver(commit(3, 2, 'u498'));
  deliver(commit(4, 0, 'u499'));
  expect(watcher.messages).toEqual([]);
  clock.increment(50);
  expect(dataOf(watcher)).toEqual([{ epoch: 'e1', seq: 510, available: [4], held: [0, 1, 2], booked: [3] }]);
});

test('[R801] one payload is serialised for all', () => {
  const { commit, deliver, page, connect } = startPacedSeats({ rows: 10, cols: 10 });
  const frames = new Set<Buffer>();
  for (let n = 0; n < 50; n++) {
    const watcher = page(`watcher${n}`);
    watcher.sendUpdates = (frame) => frames.add(frame);
    connect(watcher);
  }
  frames.clear();
  deliver(commit(0, 1, 'alice'));
  expect(frames.size).toBe(1);
});

test('[R802] the holder of a seat and the end of the hold are sent to that user alone', () => {
  const { commit, deliver, page, connect, truth } = startPacedSeats({ rows: 2, cols: 2 });
  const [alice, eve, nobody] = [connect(page('alice')), connect(page('eve')), connect(page())];
  deliver(commit(0, 1, 'alice'));
  deliver(commit(1, 2, 'alice'));
  const late = connect(page('eve'));
  for (const page of [alice, eve, nobody, late]) expectShown(page, truth.seats);
  for (const page of [eve, nobody, late]) expect(JSON.stringify(page.messages)).not.toContain('alice');
  expect(alice.venue.holdsOf('alice')).toEqual([expect.objectContaining({ id: 'A1', expires_at: 1 })]);
});

test('[R802] a page whose user becomes known later finds its seats with the next state, although nothing else has changed', () => {
  const { commit, deliver, page, connect, truth, clock } = startPacedSeats({ rows: 2, cols: 2 });
  deliver(commit(0, 1, 'alice'));
  const late = connect(page());
  late.userId = 'alice';
  connect(late);
  clock.increment(stateIntervalMs);
  expectShown(late, truth.seats);
});

test('[R803] a page that resumes gets the changes since then, from any position of the epoch; the whole venue if that is shorter', () => {
  const { commit, deliver, page, connect, stream, truth, clock } = startPacedSeats({ rows: 10, cols: 10 });
  const away = connect(page('alice'));
  stream.unsubscribe(away);
  away.messages.length = 0;
  for (let n = 0; n < 5_000; n++) deliver(commit(n % 20, ((n % 20) % 3) as Seat['status'], n % 2 ? 'alice' : 'bob'));
  connect(away, true);
  expect(dataOf(away).map(Object.keys)).toEqual([
    ['epoch', 'seq', 'own'],
    ['epoch', 'seq', 'available', 'held', 'booked'],
  ]);
  expectShown(away, truth.seats);

  stream.unsubscribe(away);
  for (let n = 0; n < 100; n++) deliver(commit(n, 2, 'bob'));
  connect(away, true);
  clock.increment(stateIntervalMs);
  expect(dataOf(away).at(-1)).toHaveProperty('statuses');
  expectShown(away, truth.seats);
});

test('[R803] [G6] a connection that is lost between the own seats and the others loses nothing', () => {
  const { commit, deliver, page, connect, stream, truth, clock } = startPacedSeats({ rows: 2, cols: 2 });
  const alice = connect(page('alice'));
  for (let n = 0; n < 8; n++) deliver(commit(0, 1, `u${n}`));
  deliver(commit(1, 1, 'alice'));
  deliver(commit(2, 1, 'bob'));
  alice.losesAfterFirst = true;
  clock.increment(50);
  expect(alice.venue.seat('A2')).toMatchObject({ held_by: 'alice' });
  expect(alice.venue.seat('B1')).toMatchObject({ status: 0 });
  alice.losesAfterFirst = false;
  stream.unsubscribe(alice);
  connect(alice, true);
  clock.increment(stateIntervalMs);
  expectShown(alice, truth.seats);
});

test('[R803] a page that has missed nothing, or is ahead because another edge served it, gets nothing', () => {
  const { commit, deliver, page, connect, stream, truth } = startPacedSeats({ rows: 2, cols: 2 });
  const ahead = connect(page('alice'));
  stream.unsubscribe(ahead);
  const late = commit(0, 1, 'bob');
  ahead.venue.moveTo({ epoch: 'e1', seq: 1 }, [{ id: 'A1', row: 0, col: 0, status: 1, seq: 1 }]);
  ahead.messages.length = 0;
  connect(ahead, true);
  expect(ahead.messages).toEqual([]);
  deliver(late);
  expectShown(ahead, truth.seats);
});

test('[R803] a page of another epoch, or of a stale show, gets the whole venue', () => {
  const { page, connect, startOver, reset, setStale, clock } = startPacedSeats({ rows: 2, cols: 2 });
  const watcher = connect(page('alice'));
  clock.increment(stateIntervalMs);
  startOver('e2');
  reset();
  expect(dataOf(watcher).at(-1)).toMatchObject({ epoch: 'e2', statuses: '0000' });
  clock.increment(stateIntervalMs);
  setStale(true);
  const joining = connect(watcher, true);
  expect(dataOf(joining).at(-1)).toMatchObject({ statuses: '0000', stale: true });
});

const statesOf = (page: CompactPage) => dataOf(page).filter((data) => 'statuses' in data);

test('[R814] a show that starts over again and again sends each page one whole state per second, and the last one', () => {
  const { page, connect, startOver, reset, clock, commit, truth } = startPacedSeats({ rows: 2, cols: 2 });
  const watchers = [connect(page('alice')), connect(page('bob'))];
  for (let n = 1; n <= 95; n++) {
    startOver(`e${n}`);
    commit(n % 4, 1, 'alice');
    reset();
    clock.increment(100);
  }
  clock.increment(stateIntervalMs);
  for (const watcher of watchers) {
    expect(statesOf(watcher).length).toBeLessThanOrEqual(11);
    expect(statesOf(watcher).at(-1)).toMatchObject({ epoch: 'e95' });
    expectShown(watcher, truth.seats);
  }
});

test('[R814] requests within a second of the last whole state share the next one; a page that leaves meanwhile gets none', () => {
  const { page, connect, stream, clock } = startPacedSeats({ rows: 2, cols: 2 });
  const [alice, gone] = [connect(page('alice')), connect(page('gone'))];
  const done: number[] = [];
  for (const n of [1, 2, 3]) stream.sendState(alice, n, () => done.push(n));
  stream.sendState(alice);
  stream.sendState(gone, 1, () => done.push(-1));
  stream.unsubscribe(gone);
  clock.increment(stateIntervalMs - 1);
  expect([statesOf(alice).length, done]).toEqual([1, [-1]]);
  clock.increment(1);
  expect([statesOf(alice).length, done]).toEqual([2, [-1, 1, 2, 3]]);
  expect(alice.messages.at(-1)).toMatchObject({ request_id: 3 });
  clock.increment(stateIntervalMs);
  expect([statesOf(alice).length, statesOf(gone).length]).toEqual([2, 1]);
});

test('[R1096] a page that leaves a show settles its requests that wait; if it returns within a second, its next state waits', () => {
  const { page, connect, stream, clock } = startPacedSeats({ rows: 2, cols: 2 });
  const alice = connect(page('alice'));
  const done: string[] = [];
  stream.sendState(alice, 1, () => done.push('left'));
  stream.unsubscribe(alice);
  expect(done).toEqual(['left']);
  stream.sendState(alice, 2, () => done.push('returned'));
  clock.increment(stateIntervalMs - 1);
  expect([statesOf(alice).length, done]).toEqual([1, ['left']]);
  clock.increment(1);
  expect([statesOf(alice).length, done]).toEqual([2, ['left', 'returned']]);
});

test('[R804] stale costs one small message for each page', () => {
  const { page, connect, setStale } = startPacedSeats({ rows: 100, cols: 100 });
  const watcher = connect(page('alice'));
  watcher.messages.length = 0;
  setStale(true);
  expect(watcher.venue.isStale).toBe(true);
  setStale(false);
  expect(watcher.venue.isStale).toBe(false);
  const told: ServerMessage[] = [
    { type: 'STALE', data: { stale: true } },
    { type: 'STALE', data: { stale: false } },
  ];
  expect(watcher.messages).toEqual(told);
});

test('[R805] after a catch-up by the whole venue pages get only the changes', () => {
  const { commit, reset, page, connect, truth } = startPacedSeats({ rows: 10, cols: 10 });
  const watcher = connect(page('alice'));
  watcher.messages.length = 0;
  commit(7, 1, 'alice');
  commit(8, 1, 'bob');
  reset();
  expect(dataOf(watcher)).toEqual([
    { epoch: 'e1', seq: 2, own: [expect.objectContaining({ id: 'A8' })] },
    { epoch: 'e1', seq: 2, held: [7, 8] },
  ]);
  expectShown(watcher, truth.seats);
});

test('[R1091] [G5] a catch-up by the whole venue that also changes `stale` reports it, once', () => {
  const { commit, reset, page, connect, truth } = startPacedSeats({ rows: 2, cols: 2 });
  const watcher = connect(page('alice'));
  const toldStale = () => watcher.messages.flatMap(({ type, data }) => (type === 'STALE' ? data : []));
  for (const stale of [true, false]) {
    commit(0, stale ? 1 : 0, 'bob');
    reset(stale);
    commit(1, 1, 'bob');
    reset();
    expect(watcher.venue.isStale).toBe(stale);
    expectShown(watcher, truth.seats);
  }
  expect(toldStale()).toEqual([{ stale: true }, { stale: false }]);
});

test('[R1091] [G5] a show that starts over as stale, and stays so, reports it with the state alone', () => {
  const { startOver, reset, page, connect, clock, commit } = startPacedSeats({ rows: 2, cols: 2 });
  const watcher = connect(page('alice'));
  startOver('e2');
  reset(true);
  clock.increment(stateIntervalMs);
  commit(0, 1, 'bob');
  reset();
  expect(watcher.venue.isStale).toBe(true);
  expect(watcher.messages.map(({ type }) => type)).not.toContain('STALE');
});

test('[R806] a message that repeats what an ACK showed is drawn once, and a later one does not undo it', () => {
  const { commit, deliver, page, connect, clock } = startPacedSeats({ rows: 2, cols: 2 });
  const alice = connect(page('alice'));
  for (let n = 0; n < 8; n++) deliver(commit(3, 1, `u${n}`));
  deliver(commit(0, 1, 'bob'));
  const event = commit(0, 1, 'alice');
  const { seq, expires_at } = event;
  alice.venue.learn({ id: 'A1', row: 0, col: 0, status: 1, held_by: 'alice', expires_at: expires_at as number, seq });
  alice.drawn.length = 0;
  clock.increment(50); // the edge has not got the event yet: it sends that bob holds the seat
  expect(alice.venue.seat('A1')).toMatchObject({ held_by: 'alice' });
  deliver(event);
  clock.increment(50);
  expect(alice.venue.holdsOf('alice')).toEqual([expect.objectContaining({ id: 'A1', expires_at })]);
  expect(alice.drawn).toEqual([]);
});

type Step =
  | { do: 'commit'; seat: number; status: Seat['status']; user: string; isAcknowledged: boolean }
  | { do: 'deliver' | 'reset'; edge: number }
  | { do: 'wait'; ms: number }
  | { do: 'startOver' | 'fall behind' | 'read again' | 'reconnect' };

const users = ['alice', 'bob'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      seat: fc.nat(5),
      status: fc.constantFrom(0 as const, 1 as const, 2 as const),
      user: fc.constantFrom(...users),
      isAcknowledged: fc.boolean(),
    }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('deliver' as const), edge: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), edge: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('fall behind' as const, 'read again' as const, 'reconnect' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('startOver' as const) }) },
);

test('[R806] [G5] whatever is lost, late, skipped or repeated, on either of two edges, a page never goes back, never undoes an ACK, and ends in the true state', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { clock, commit, startOver, page, startEdge, truth } = startPacedSeats({ rows: 2, cols: 3 });
      const edges = [startEdge(), startEdge()] as const;
      type Edge = (typeof edges)[number];
      const pages = [...users, undefined].map((user) => ({ page: page(user), edge: edges[0] as Edge }));
      for (const { page, edge } of pages) edge.connect(page);
      /** By seat: its state after each of its transitions. */
      let past: Seat[][] = [];
      /** By page and seat: the oldest state that it may still show. */
      let least: number[][] = [];
      const startHistory = () => {
        past = truth.seats.map((seat) => [seat]);
        least = pages.map(() => truth.seats.map(() => 0));
      };
      const check = () => {
        for (const [p, { page }] of pages.entries()) {
          const shows = (seat: Seat) => JSON.stringify(shownTo(page.userId)(seat));
          for (const [i, seat] of [...page.venue.seats].entries()) {
            const from = least[p]?.[i] as number;
            const at = past[i]?.findIndex((state, n) => n >= from && shows(state) === shows(seat)) as number;
            expect(at, `${page.userId} shows ${JSON.stringify(seat)}`).toBeGreaterThanOrEqual(0);
            (least[p] as number[])[i] = at;
          }
        }
      };
      const readAgain = () => {
        for (const { page, edge } of pages) {
          if (!page.isBehind) continue;
          page.isBehind = false;
          edge.connect(page);
        }
      };
      startHistory();
      for (const now of steps) {
        switch (now.do) {
          case 'commit': {
            commit(now.seat, now.status, now.user);
            const state = truth.seats[now.seat] as Seat;
            past[now.seat]?.push(state);
            const p = users.indexOf(now.user);
            if (!now.isAcknowledged || !pages[p]) break;
            pages[p].page.venue.learn(state);
            (least[p] as number[])[now.seat] = (past[now.seat]?.length ?? 0) - 1;
            break;
          }
          case 'deliver':
            edges[now.edge]?.deliverNext();
            break;
          case 'wait':
            clock.increment(now.ms);
            break;
          case 'reset':
            edges[now.edge]?.reset();
            break;
          case 'startOver':
            startOver(`${truth.epoch}+`);
            startHistory();
            for (const { page } of pages) page.isBehind = false;
            for (const edge of edges) edge.reset();
            clock.increment(stateIntervalMs); // of two whole states within a second the second one waits
            break;
          case 'fall behind':
            for (const { page } of pages) page.isBehind = true;
            break;
          case 'read again':
            readAgain();
            break;
          case 'reconnect':
            for (const each of pages) {
              each.edge.stream.unsubscribe(each.page);
              each.page.isBehind = false;
              each.edge = each.edge === edges[0] ? edges[1] : edges[0];
              each.edge.connect(each.page, true);
            }
            break;
        }
        check();
      }
      for (const edge of edges) edge.deliverNext(true);
      readAgain();
      clock.increment(stateIntervalMs + 200);
      for (const { page } of pages) {
        expectShown(page, truth.seats);
        expect(page.venue.position).toEqual({ epoch: truth.epoch, seq: truth.events.length });
      }
    }),
    { numRuns: 500 },
  );
});
