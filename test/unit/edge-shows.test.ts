import { expect, onTestFinished, test, vi } from 'vitest';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { UnknownShowError } from '../../src/edge/booking-errors.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import type { ClientMessage } from '../../src/protocol/messages.ts';
import { testShow } from '../support/several-shows.ts';
import { showsSystem, type TestEdge } from '../support/shows-system.ts';
import { type TestClient, until } from './edge-fixture.ts';

const shows = [testShow('main'), testShow('other'), testShow('third')];
/** Long enough for a step of a test. */
const showLingerMs = 300;
/** Longer than an edge waits for a heartbeat before it requests the events of a show. */
const pollsAfterMs = 3_000;

const connect = (venue: string, more: object = {}): ClientMessage => ({
  type: 'CONNECT',
  request_id: `to ${venue}`,
  data: { venue, user_id: 'alice', ...more },
});

/** A client that watches the show. */
async function watcher(edge: TestEdge, venue: string, more?: object): Promise<TestClient> {
  const client = await edge.connect(['seat-booking.v1']);
  client.send(connect(venue, more));
  await client.received('ACK');
  return client;
}

const statusOf = (client: TestClient, seatId: string) => {
  const state = client.ofType('VENUE_STATE').at(-1)?.data;
  const update = client.ofType('SEAT_UPDATE').findLast(({ data }) => data.seat_id === seatId)?.data;
  return (update ?? state?.seats.find(({ id }) => id === seatId))?.status;
};

test('[R620] [G10] an edge opens a show with its first client, once, and closes it some time after its last', async () => {
  const { booking, edges } = await showsSystem({ shows, limits: { showLingerMs } });
  const [edge] = edges as [TestEdge];
  expect(booking.opened()).toEqual(['main']);
  expect([edge.subscriptions('main'), edge.subscriptions('other')]).toEqual([1, 0]);
  const [first, second] = await Promise.all([watcher(edge, 'other'), watcher(edge, 'other'), watcher(edge, 'main')]);
  expect(booking.opened()).toEqual(['main', 'other']);
  expect([edge.subscriptions('other'), edge.subscriptions('third'), edge.edge.clientCount]).toEqual([1, 0, 3]);

  first.ws.terminate();
  await until(() => edge.edge.clientCount === 2, 'the edge knows that the client has left');
  await new Promise((resolve) => setTimeout(resolve, 2 * showLingerMs));
  expect(edge.subscriptions('other'), 'a show that is still watched').toBe(1);
  second.ws.terminate();
  await until(() => edge.subscriptions('other') === 0, 'the show is closed');
  expect([edge.subscriptions('main'), edge.edge.clientCount]).toEqual([1, 1]);
});

test('[R1085] an edge requests nothing about the shows that it watches while heartbeats arrive', async () => {
  const line = new MemoryBusLine();
  const { edges } = await showsSystem({ shows, line });
  const [edge] = edges as [TestEdge];
  await Promise.all([watcher(edge, 'other'), watcher(edge, 'main')]);
  await Promise.all(
    [undefined, 'other'].map(
      (show) =>
        new Promise<unknown>((resolve) => {
          onTestFinished(new MemoryEventBus(line, show).subscribe({ onEvent() {}, onHeartbeat: resolve }));
        }),
    ),
  );
  const requests = vi.spyOn(BookingClient.prototype, 'eventsAfter');
  onTestFinished(() => requests.mockRestore());
  await new Promise((resolve) => setTimeout(resolve, pollsAfterMs));
  // One, if this process was held up for 2 s. Without heartbeats it is two in a second.
  expect(requests.mock.calls.length).toBeLessThanOrEqual(1);
});

test('[R620] [G5] a show that was closed opens again with the changes made meanwhile', async () => {
  const { booking, edges } = await showsSystem({ shows, limits: { showLingerMs } });
  const [edge] = edges as [TestEdge];
  const before = await watcher(edge, 'other');
  const { epoch, seq } = before.ofType('VENUE_STATE')[0]?.data ?? { epoch: '', seq: -1 };
  before.ws.terminate();
  await until(() => edge.subscriptions('other') === 0, 'the show is closed');
  expect((await booking.post('other/holds', { seats: ['A1', 'A2'], user_id: 'bob' })).status).toBe(200);

  // A page that reconnects with its position: the edge has no log from there, so it sends the whole show.
  const after = await watcher(edge, 'other', { position: { epoch, seq } });
  expect([statusOf(after, 'A1'), statusOf(after, 'A2'), statusOf(after, 'A3')]).toEqual([1, 1, 0]);
  await booking.post('other/holds/release', { seats: ['A1'], user_id: 'bob' });
  await until(() => statusOf(after, 'A1') === 0, 'updates arrive again');
});

test('[R620] a client that returns in time finds the show open', async () => {
  const { booking, edges } = await showsSystem({ shows, limits: { showLingerMs } });
  const [edge] = edges as [TestEdge];
  const before = await watcher(edge, 'other');
  const { epoch, seq } = before.ofType('VENUE_STATE')[0]?.data ?? { epoch: '', seq: -1 };
  before.ws.terminate();
  await until(() => edge.edge.clientCount === 0, 'the client has left');
  await booking.post('other/holds', { seats: ['A1'], user_id: 'bob' });
  const after = await watcher(edge, 'other', { position: { epoch, seq } });
  expect(after.ofType('VENUE_STATE'), 'the position was resumed').toEqual([]);
  expect(after.ofType('SEAT_UPDATE').map(({ data }) => data.seat_id)).toEqual(['A1']);
  await new Promise((resolve) => setTimeout(resolve, 2 * showLingerMs));
  expect(edge.subscriptions('other')).toBe(1);
});

test('[R620] a show that was unknown at first, and then opened, stays open for its clients', async () => {
  let isKnown = false;
  const { edges } = await showsSystem({
    shows,
    limits: { showLingerMs },
    apiOf: (client) => ({
      venue: async (show) => {
        if (show === 'other' && !isKnown) throw new UnknownShowError(show);
        return client.venue(show);
      },
      eventsAfter: (show, position) => client.eventsAfter(show, position),
      command: (request, caller) => client.command(request, caller),
      sessions: (tokens) => client.sessions(tokens),
      close: () => client.close(),
    }),
  });
  const [edge] = edges as [TestEdge];
  const early = await edge.connect(['seat-booking.v1']);
  early.send(connect('other'));
  expect((await early.received('ERROR')).data.code).toBe('UNKNOWN_SHOW');
  expect(edge.subscriptions('other')).toBe(0);
  isKnown = true;
  await watcher(edge, 'other');
  await new Promise((resolve) => setTimeout(resolve, 2 * showLingerMs));
  await watcher(edge, 'other');
  expect(edge.subscriptions('other'), 'opened once').toBe(1);
  expect(edge.edge.clientCount).toBe(3);
});

test('[R621] an update of a show reaches the clients of that show only, although the seats have the same ids', async () => {
  const { booking, edges } = await showsSystem({ shows, edges: 2 });
  const [one, two] = edges as [TestEdge, TestEdge];
  const ofMain = [await watcher(one, 'main'), await watcher(two, 'main')];
  const ofOther = [await watcher(one, 'other'), await watcher(two, 'other')];
  await booking.post('main/seats/select', { seat_id: 'A1', user_id: 'ann' });
  await booking.post('other/seats/select', { seat_id: 'A1', user_id: 'bob' });
  await booking.post('other/seats/select', { seat_id: 'A2', user_id: 'bob' });
  await booking.post('main/seats/select', { seat_id: 'B5', user_id: 'ann' });
  for (const client of [...ofMain, ...ofOther]) await client.received('SEAT_UPDATE', 2);
  const updates = (client: TestClient) =>
    client.ofType('SEAT_UPDATE').map(({ data }) => `${data.seq} ${data.seat_id} ${data.held_by}`);
  expect(ofMain.map(updates)).toEqual(Array(2).fill(['1 A1 ann', '2 B5 ann']));
  expect(ofOther.map(updates)).toEqual(Array(2).fill(['1 A1 bob', '2 A2 bob']));
});

test('[R621] a client that goes to another show gets that one and no more of the first', async () => {
  const { booking, edges } = await showsSystem({ shows });
  const client = await watcher((edges as [TestEdge])[0], 'main');
  client.send({ type: 'subscribe', request_id: 's', venue: 'other' });
  expect((await client.received('VENUE_STATE', 2)).data).toMatchObject({ venue: 'other', seq: 0 });
  await booking.post('main/seats/select', { seat_id: 'A1', user_id: 'ann' });
  await booking.post('other/seats/select', { seat_id: 'A3', user_id: 'bob' });
  await client.received('SEAT_UPDATE');
  client.send({ type: 'SELECT_SEAT', request_id: 'c', data: { seat_id: 'A1' } });
  await client.received('SEAT_UPDATE', 2);
  expect(client.ofType('SEAT_UPDATE').map(({ data }) => `${data.seat_id} ${data.held_by}`)).toEqual([
    'A3 bob',
    'A1 alice',
  ]);
});

test('[R621] PRESENCE is the number of browsers of the show, at all edges', async () => {
  const { edges } = await showsSystem({ shows, edges: 2 });
  const [one, two] = edges as [TestEdge, TestEdge];
  const ofMain = await watcher(one, 'main', { presence: true });
  const ofOther = await watcher(one, 'other', { presence: true });
  await watcher(two, 'other');
  await watcher(two, 'other');
  const watching = (client: TestClient) => client.ofType('PRESENCE').at(-1)?.data.watching;
  await until(() => watching(ofMain) === 1 && watching(ofOther) === 3, 'both numbers');
  expect(ofMain.ofType('PRESENCE').every(({ data }) => data.watching === 1)).toBe(true);
});

test('[R622] a command that follows the change of the show at once is for the new show', async () => {
  const { booking, edges } = await showsSystem({ shows });
  const client = await (edges as [TestEdge])[0].connect(['seat-booking.v1']);
  client.send(connect('other'));
  client.send({ type: 'SELECT_SEAT', request_id: 'select', data: { seat_id: 'A1' } });
  client.send(connect('third'));
  client.send({ type: 'HOLD_SEATS', request_id: 'hold', data: { seats: ['A1', 'A2'] } });
  await client.received('ACK', 4);
  const heldIn = (id: string) =>
    [...booking.shows.get(id).service.view.seats].filter(({ status }) => status === 1).map((seat) => seat.id);
  expect([heldIn('main'), heldIn('other'), heldIn('third')]).toEqual([[], ['A1'], ['A1', 'A2']]);
});

test('[R622] [G9] if the show cannot be entered, commands that were sent meanwhile are refused, not sent to the old one', async () => {
  const { booking, edges } = await showsSystem({ shows });
  const client = await watcher((edges as [TestEdge])[0], 'main');
  client.send(connect('nowhere'));
  client.send({ type: 'SELECT_SEAT', request_id: 'select', data: { seat_id: 'A1' } });
  await client.received('ERROR', 2);
  expect(client.ofType('ERROR').map(({ request_id, data }) => [request_id, data.code])).toEqual([
    ['to nowhere', 'UNKNOWN_SHOW'],
    ['select', 'UNKNOWN_SHOW'],
  ]);
  expect(booking.shows.default.service.view.seq, 'of the old show').toBe(0);
  // It knows by now that it has stayed.
  client.send({ type: 'SELECT_SEAT', request_id: 'again', data: { seat_id: 'A1' } });
  expect(await client.received('ACK', 2)).toMatchObject({ request_id: 'again', data: { seat: { id: 'A1' } } });
});

test.each(['subscribe', 'CONNECT'] as const)(
  '[R1092] [G9] a client whose change of show (%s) is refused for its rate stays on its show, with its updates',
  async (type) => {
    const limits = { states: { perSecond: 0.001, burst: 2 } };
    const { booking, edges } = await showsSystem({ shows, limits });
    const client = await watcher((edges as [TestEdge])[0], 'main');
    client.send(connect('other'));
    await client.received('ACK', 2);
    client.send({ type, request_id: 'refused', data: { venue: 'third' } });
    expect(await client.received('ERROR')).toMatchObject({ request_id: 'refused', data: { code: 'RATE_LIMITED' } });
    client.send({ type: 'SELECT_SEAT', request_id: 'select', data: { seat_id: 'A1' } });
    await client.received('ACK', 3);
    const { seq } = booking.shows.get('other').service.view;
    expect([seq, booking.shows.get('third').service.view.seq], 'decided in the show that it watches').toEqual([1, 0]);
    expect((await client.received('SEAT_UPDATE')).data).toMatchObject({ seat_id: 'A1', held_by: 'alice' });
  },
);

test('[R1092] [G9] a client that requests changes of show one upon another is refused before the last, not after it', async () => {
  const { edges } = await showsSystem({ shows, limits: { states: { perSecond: 0.001, burst: 2 } } });
  const client = await watcher((edges as [TestEdge])[0], 'main');
  client.send({ type: 'subscribe', request_id: 'to other', venue: 'other' });
  client.send(connect('main'));
  expect(await client.received('ERROR')).toMatchObject({ request_id: 'to main', data: { code: 'RATE_LIMITED' } });
  await client.received('VENUE_STATE', 2);
  client.send({ type: 'SELECT_SEAT', request_id: 'select', data: { seat_id: 'A1' } });
  expect((await client.received('SEAT_UPDATE')).data).toMatchObject({ seat_id: 'A1' });
  expect(client.ofType('VENUE_STATE').at(-1)?.data.venue).toBe('other');
});

test('[R620] an edge that stops closes the clients of all its shows', async () => {
  const { edges } = await showsSystem({ shows });
  const [edge] = edges as [TestEdge];
  const clients = [await watcher(edge, 'main'), await watcher(edge, 'other')];
  const closed = Promise.all(clients.map((client) => client.closed));
  await edge.edge.drain();
  expect(await closed).toEqual([closeCodes.serviceRestart.code, closeCodes.serviceRestart.code]);
  expect([edge.subscriptions('main'), edge.subscriptions('other')]).toEqual([0, 0]);
});
