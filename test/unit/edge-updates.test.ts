import { expect, test } from 'vitest';
import { compactSubprotocol, subprotocol } from '../../src/protocol/close-codes.ts';
import { serverTime, startEdge, until } from './edge-fixture.ts';

test('[G5] a client gets the whole venue immediately, then every change in order', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  const { data } = await client.received('VENUE_STATE');
  expect(data).toMatchObject({
    venue: 'main',
    epoch: 'e1',
    seq: 0,
    hold_seconds: 30,
    max_holds: 6,
    rows: 10,
    cols: 10,
  });
  expect(data.seats).toHaveLength(100);
  expect(data.server_time).toBeGreaterThanOrEqual(serverTime);
  expect(data.server_time).toBeLessThan(serverTime + 10);

  for (let n = 1; n <= 100; n++) bus.emit(booking.hold('A1', `user${n}`));
  await until(() => client.seqs.length === 100, 'all updates');
  expect(client.seqs).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(client.ofType('SEAT_UPDATE')[0]?.data).toEqual({
    seat_id: 'A1',
    status: 1,
    held_by: 'user1',
    expires_at: serverTime + 30,
    seq: 1,
  });
});

test('[G5] clients that join during changes get a state and exactly the later changes', async () => {
  const { booking, bus, connect } = await startEdge();
  const joining = [];
  for (let n = 1; n <= 200; n++) {
    bus.emit(booking.hold('B2', `user${n}`));
    if (n % 10 === 0) joining.push(connect());
    if (n % 3 === 0) await new Promise(setImmediate);
  }
  for (const client of await Promise.all(joining)) {
    const { data } = await client.received('VENUE_STATE');
    await until(() => data.seq === 200 || client.seqs.at(-1) === 200, 'the last update');
    expect(client.seqs).toEqual(Array.from({ length: 200 - data.seq }, (_, i) => data.seq + 1 + i));
    expect(client.ofType('VENUE_STATE')).toHaveLength(1);
  }
});

test('[G6] a lost event is detected by the next one and repaired', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  bus.emit(booking.hold('A1', 'alice'));
  booking.hold('A2', 'bob'); // lost
  bus.emit(booking.hold('A3', 'carol'));
  await until(() => client.seqs.length === 3, 'the lost update');
  expect(client.seqs).toEqual([1, 2, 3]);
});

test('[G6] events out of order are reordered without a request', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  const asked = booking.requests.length;
  const [first, second] = [booking.hold('A1', 'alice'), booking.hold('A2', 'bob')];
  bus.emit(second, second, first, first);
  await until(() => client.seqs.length === 2, 'both');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(client.seqs).toEqual([1, 2]);
  expect(booking.requests).toHaveLength(asked);
});

test('[G6] a lost last event is detected by the heartbeat', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  booking.hold('A1', 'alice'); // lost
  bus.heartbeat(booking.position);
  await until(() => client.seqs.length === 1, 'the lost update');
});

test('[G6] without the bus the booking service is polled', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  bus.connected = false;
  booking.hold('A1', 'alice');
  await until(() => client.seqs.length === 1, 'the update');
});

test('[G6] in a new epoch every client gets a fresh state', async () => {
  const { booking, bus, connect } = await startEdge();
  bus.emit(booking.hold('A1', 'alice'));
  const client = await connect();
  booking.startOver('e2');
  bus.heartbeat(booking.position);
  const { data } = await client.received('VENUE_STATE', 2);
  expect(data).toMatchObject({ epoch: 'e2', seq: 0 });
  expect(data.seats[0]).toEqual({ id: 'A1', row: 0, col: 0, status: 0, seq: 0 });
});

test('[G5] a venue without data is marked stale until data arrives', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect();
  booking.failure = { status: 503, body: '{"success":false}' };
  const { data: stale } = await client.received('VENUE_STATE', 2);
  expect(stale.stale).toBe(true);
  booking.failure = undefined;
  bus.emit(booking.hold('A1', 'alice'));
  const { data: fresh } = await client.received('VENUE_STATE', 3);
  expect(fresh.stale).toBeUndefined();
  expect(fresh.seq).toBe(1);
}, 15_000);

test('[G6] [R284] CONNECT with a position returns exactly the missed updates', async () => {
  const { booking, bus, connect } = await startEdge();
  for (const user of ['a', 'b', 'c', 'd']) bus.emit(booking.hold('A1', user));
  const client = await connect([subprotocol]);
  expect(client.ws.protocol).toBe(subprotocol);
  client.send({ type: 'CONNECT', request_id: 7, data: { user_id: 'eve', position: { epoch: 'e1', seq: 2 } } });
  const ack = await client.received('ACK');
  const settings = { server_time: expect.closeTo(serverTime, -2), hold_seconds: 30, max_holds: 6, hold_extensions: 10 };
  expect(ack).toEqual({ type: 'ACK', request_id: 7, data: { success: true, ...settings } });
  expect(client.messages.map(({ type }) => type)).toEqual(['SEAT_UPDATE', 'SEAT_UPDATE', 'ACK']);
  bus.emit(booking.hold('A1', 'e'));
  await until(() => client.seqs.length === 3, 'what follows');
  expect(client.seqs).toEqual([3, 4, 5]);
});

test.each([
  ['of another epoch', { epoch: 'e0', seq: 3 }],
  ['too long ago', { epoch: 'e1', seq: 1 }],
])('[G6] CONNECT with a position %s returns the whole venue', async (_, position) => {
  const { booking, bus, connect } = await startEdge({ limits: { resumableUpdates: 2 } });
  for (const user of ['a', 'b', 'c', 'd']) bus.emit(booking.hold('A1', user));
  const client = await connect([subprotocol]);
  client.send({ type: 'CONNECT', request_id: 'r', data: { position } });
  await client.received('ACK');
  expect(client.messages.map(({ type }) => type)).toEqual(['VENUE_STATE', 'ACK']);
  expect(client.ofType('VENUE_STATE')[0]?.data.seq).toBe(4);
});

test('[R284] CONNECT with a position and no id is acknowledged, whether it could be resumed or not', async () => {
  const { connect } = await startEdge();
  const client = await connect([subprotocol]);
  for (const epoch of ['e1', 'e0']) client.send({ type: 'CONNECT', data: { position: { epoch, seq: 0 } } });
  const { data } = await client.received('ACK', 2);
  expect(data).toMatchObject({ hold_seconds: 30, max_holds: 6, hold_extensions: 10 });
  expect(client.messages.map(({ type }) => type)).toEqual(['ACK', 'VENUE_STATE', 'ACK']);
});

test('[G5] a client that another edge has brought further does not go back', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect([subprotocol]);
  client.send({ type: 'CONNECT', data: { position: { epoch: 'e1', seq: 5 } } });
  await client.received('ACK');
  bus.emit(booking.hold('A1', 'alice'));
  await until(() => client.seqs.length === 1, 'the update');
  expect(client.ofType('VENUE_STATE')).toHaveLength(0);
});

test('[G10] a client with the subprotocol that never sends CONNECT gets nothing and is closed', async () => {
  const { booking, bus, connect } = await startEdge({ limits: { connectTimeoutMs: 100 } });
  const client = await connect([subprotocol]);
  bus.emit(booking.hold('A1', 'alice'));
  expect(await client.closed).toBe(1013);
  expect(client.messages).toEqual([]);
});

test('[R802] [R807] clients of v2 and v1 beside each other: v1 gets every event with its holder, v2 the state, and its own seats', async () => {
  const { booking, bus, connect } = await startEdge();
  const [plain, v1] = [await connect(), await connect([subprotocol])];
  const [alice, eve] = [await connect([compactSubprotocol]), await connect([compactSubprotocol])];
  v1.send({ type: 'CONNECT', request_id: 1 });
  alice.send({ type: 'CONNECT', request_id: 1, data: { user_id: 'alice' } });
  eve.send({ type: 'CONNECT', request_id: 1, data: { user_id: 'eve' } });
  for (const client of [v1, alice, eve]) await client.received('ACK');
  expect((await eve.received('SEATS')).data).toMatchObject({ seq: 0, statuses: '0'.repeat(100), own: [] });
  for (let n = 1; n <= 50; n++) bus.emit(booking.hold('A2', n === 50 ? 'alice' : `user${n}`));
  for (const client of [plain, v1]) {
    await until(() => client.seqs.length === 50, 'all updates');
    expect(client.seqs).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(client.ofType('SEAT_UPDATE').at(-1)?.data.held_by).toBe('alice');
    expect(client.ofType('SEATS')).toEqual([]);
  }
  await until(() => eve.ofType('SEATS').some(({ data }) => data.seq === 50), 'the state');
  await until(() => alice.ofType('SEATS').at(-1)?.data.seq === 50, 'the state');
  expect(eve.ofType('SEATS').at(-1)?.data).toEqual({ epoch: 'e1', seq: 50, held: [1] });
  expect(alice.ofType('SEATS').at(-2)?.data).toMatchObject({ seq: 50, own: [{ id: 'A2', held_by: 'alice' }] });
  expect([alice, eve].flatMap((client) => client.ofType('SEAT_UPDATE'))).toEqual([]);

  eve.send({ type: 'SELECT_SEAT', request_id: 2, data: { seat_id: 'A2' } });
  const { data: refused } = await eve.received('ERROR');
  expect(refused).toMatchObject({ code: 'SEAT_HELD', seat: { id: 'A2', status: 1 } });
  eve.send({ type: 'SELECT_SEAT', request_id: 3, data: { seat_id: 'A3' } });
  expect((await eve.received('ACK', 2)).data.seat).toMatchObject({ id: 'A3', held_by: 'eve' });
  expect(JSON.stringify(eve.messages)).not.toContain('alice');
});

test('[R804] with v2 stale is one small message; a client that joins meanwhile gets it with its state', async () => {
  const { booking, bus, connect } = await startEdge();
  const client = await connect([compactSubprotocol]);
  client.send({ type: 'CONNECT', request_id: 1 });
  booking.failure = { status: 503, body: '{"success":false}' };
  expect((await client.received('STALE')).data).toEqual({ stale: true });
  const joining = await connect([compactSubprotocol]);
  joining.send({ type: 'CONNECT', request_id: 1, data: { position: { epoch: 'e1', seq: 0 } } });
  expect((await joining.received('SEATS')).data).toMatchObject({ stale: true });
  booking.failure = undefined;
  bus.emit(booking.hold('A1', 'alice'));
  expect((await client.received('STALE', 2)).data).toEqual({ stale: false });
  expect(client.ofType('SEATS').filter(({ data }) => 'statuses' in data)).toHaveLength(1);
}, 15_000);
