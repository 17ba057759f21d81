import { expect, test } from 'vitest';
import { compactSubprotocol } from '../../src/protocol/close-codes.ts';
import { commandRequest } from '../../src/protocol/command-routes.ts';
import { ClientMessage, type ServerMessage } from '../../src/protocol/messages.ts';
import { startEdge, until } from './edge-fixture.ts';

const select = (seat_id: unknown, more = {}) => JSON.stringify({ type: 'SELECT_SEAT', data: { seat_id, ...more } });

test('[G9] bad messages get an error with a code, and the connection stays', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  const bad: [message: string | Buffer, code: string, text: RegExp][] = [
    ['', 'INVALID_REQUEST', /JSON object/],
    ['{', 'INVALID_REQUEST', /JSON object/],
    ['null', 'INVALID_REQUEST', /JSON object/],
    ['[]', 'INVALID_REQUEST', /JSON object/],
    ['42', 'INVALID_REQUEST', /JSON object/],
    ['['.repeat(4000), 'INVALID_REQUEST', /JSON object/],
    ['{}', 'INVALID_REQUEST', /type is missing/],
    ['{"type":7}', 'INVALID_REQUEST', /type is missing/],
    ['{"type":"toString"}', 'INVALID_REQUEST', /Unknown type "toString"; known are CONNECT/],
    ['{"__proto__":{"type":"CONNECT"}}', 'INVALID_REQUEST', /type is missing/],
    ['{"type":"CONNECT","data":{"position":{"epoch":"e","seq":1e999}}}', 'INVALID_REQUEST', /position/],
    ['{"type":"CONNECT","data":{"position":{"epoch":"e","seq":-1}}}', 'INVALID_REQUEST', /seq/],
    ['{"type":"subscribe","venue":"elsewhere"}', 'UNKNOWN_SHOW', /elsewhere/],
    ['{"type":"subscribe","data":{"venue":"elsewhere"}}', 'UNKNOWN_SHOW', /elsewhere/],
    ['{"type":"SELECT_SEAT"}', 'INVALID_REQUEST', /data/],
    [select('a_1', { user_id: 'u' }), 'INVALID_REQUEST', /seat_id/],
    [select({ $gt: '' }, { user_id: 'u' }), 'INVALID_REQUEST', /seat_id/],
    [select('A1', { user_id: 'a b' }), 'INVALID_REQUEST', /user_id/],
    [select('Z99', { user_id: 'u' }), 'UNKNOWN_SEAT', /UNKNOWN_SEAT/],
    [Buffer.from('{"type":"CONNECT"}'), 'INVALID_REQUEST', /not binary/],
  ];
  let n = 0;
  for (const [message, code, text] of bad) {
    client.ws.send(message);
    const error = await client.received('ERROR', ++n);
    expect([message, error.data.code]).toEqual([message, code]);
    expect(error.data.message).toMatch(text);
  }
  client.send({ type: 'SELECT_SEAT', request_id: 'last', data: { seat_id: 'A1', user_id: 'alice' } });
  expect(await client.received('ACK')).toMatchObject({ request_id: 'last' });
});

test('[G9] an error contains the request_id whenever it could be read', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  client.ws.send('{"type":"NOPE","request_id":"r1"}');
  client.ws.send('{"type":"SELECT_SEAT","request_id":2,"data":{}}');
  client.ws.send('{"type":"SELECT_SEAT","request_id":{"a":1},"data":{}}');
  await client.received('ERROR', 3);
  expect(client.ofType('ERROR').map(({ request_id }) => request_id)).toEqual(['r1', 2, undefined]);
});

test('[G10] a message too large closes the connection with 1009', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  client.ws.send('x'.repeat(5000));
  expect(await client.closed).toBe(1009);
});

test('[G10] a flood of messages closes the connection with a code that forbids reconnecting', async () => {
  const { connect } = await startEdge({ limits: { messagesPerSecond: 50 } });
  const client = await connect();
  for (let n = 0; n < 60; n++) client.ws.send('{}');
  expect(await client.closed).toBe(4008);
  expect(client.ofType('ERROR')).toHaveLength(50);
});

test('[G10] too many commands in flight are refused, retryable', async () => {
  const { booking, connect } = await startEdge({ limits: { commandsInFlightPerClient: 2 } });
  const client = await connect();
  booking.hangs = true;
  for (let n = 0; n < 7; n++) client.ws.send(select('A1', { user_id: 'u' })); // six may be held at once
  const error = await client.received('ERROR');
  expect(error.data).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
});

test('[R336] [G10] the commands of an address that wait for a reply are limited together', async () => {
  const { booking, connect } = await startEdge({
    limits: { commandsInFlightPerAddress: 3 },
    door: { trustedProxies: ['127.0.0.1'] },
  });
  const from = (address: string) => connect(undefined, { 'x-forwarded-for': address });
  const [one, two, other] = [await from('203.0.113.7'), await from('203.0.113.7'), await from('203.0.113.8')];
  booking.hangs = true;
  for (const client of [one, two]) for (let n = 0; n < 2; n++) client.ws.send(select('A1', { user_id: 'u' }));
  expect((await two.received('ERROR')).data).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  other.ws.send(select('A1', { user_id: 'u' }));
  other.send({ type: 'PING', request_id: 'after' });
  await other.received('ACK');
  expect([one, other].flatMap((client) => client.ofType('ERROR'))).toEqual([]);
});

test('[R285] [G9] "book all" of the maximum of seats is neither refused nor closed', async () => {
  const maxHolds = 90;
  const limits = { messagesPerSecond: 50, commandsInFlightPerClient: 32 };
  const { connect } = await startEdge({ limits, maxHolds });
  const client = await connect();
  for (let n = 0; n < maxHolds; n++) {
    const seat_id = `${String.fromCharCode(65 + Math.floor(n / 10))}${(n % 10) + 1}`;
    client.send({ type: 'SELECT_SEAT', request_id: n, data: { seat_id, user_id: 'alice' } });
  }
  for (let n = 0; n < 10; n++) client.send({ type: 'PING', request_id: `ping-${n}` });
  const replies = () => [...client.ofType('ACK'), ...client.ofType('ERROR')];
  await until(() => replies().length === maxHolds + 10, 'every reply');
  expect(client.ofType('ERROR').filter(({ data }) => data.code === 'RATE_LIMITED')).toEqual([]);
  for (let n = 0; n < 1_000; n++) client.ws.send('{"type":"PING"}');
  expect(await client.closed, 'a flood is a flood').toBe(4008);
});

test('[R285] [G10] even a large MAX_HOLDS_PER_USER does not let a client fill the edge', async () => {
  const { booking, connect } = await startEdge({ limits: { messagesPerSecond: 2_000 }, maxHolds: 10_000 });
  const client = await connect();
  booking.hangs = true;
  for (let n = 0; n < 1_000; n++) client.ws.send(select('A1', { user_id: 'u' }));
  await client.received('ERROR', 1_000 - 256);
  expect(client.ofType('ERROR').every(({ data }) => data.code === 'RATE_LIMITED')).toBe(true);
});

test('[R286] [G10] a client that requests the venue repeatedly is refused, and keeps its connection and its updates', async () => {
  const { booking, bus, connect } = await startEdge({ limits: { states: { perSecond: 0.001, burst: 3 } } });
  const client = await connect();
  for (const type of ['subscribe', 'CONNECT', 'subscribe', 'CONNECT', 'subscribe'] as const) {
    client.send({ type, request_id: `${type}-${client.ws.bufferedAmount}` });
  }
  const error = await client.received('ERROR', 2);
  expect(error.data).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  expect(error.request_id).toMatch(/^subscribe/);
  expect(client.ofType('VENUE_STATE'), 'the first one was not asked for').toHaveLength(4);
  bus.emit(booking.hold('A1', 'alice'));
  await until(() => client.seqs.length === 1, 'the update');
  const position = { epoch: 'e1', seq: 0 };
  client.send({ type: 'CONNECT', request_id: 'resumed', data: { position } });
  await until(() => client.ofType('ACK').at(-1)?.request_id === 'resumed', 'what was missed costs nothing');
});

test('the reply to a command is ACK or ERROR, with the current seat', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  client.send({ type: 'CONNECT', request_id: 1, data: { user_id: 'alice' } });
  client.send({ type: 'SELECT_SEAT', request_id: 2, data: { seat_id: 'C3' } });
  const ack = await client.received('ACK', 2);
  expect(ack).toMatchObject({
    request_id: 2,
    data: { success: true, seat: { id: 'C3', status: 1, held_by: 'alice' } },
  });
  client.send({ type: 'BOOK_SEAT', request_id: 3, data: { seat_id: 'C3', user_id: 'bob' } });
  const error = await client.received('ERROR');
  expect(error).toMatchObject({ request_id: 3, data: { code: 'SEAT_HELD', seat: { id: 'C3', held_by: 'alice' } } });
});

test('commands are refused as retryable while no booking process is reachable', async () => {
  const { booking, connect } = await startEdge();
  const client = await connect();
  booking.stop();
  client.ws.send(select('A1', { user_id: 'u' }));
  const error = await client.received('ERROR');
  expect(error.data).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
});

test('both forms of subscribe return the venue', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  client.send({ type: 'subscribe', venue: 'main', request_id: 'a' });
  client.send({ type: 'subscribe', data: { venue: 'main' }, request_id: 'b' });
  const ids = () => client.messages.map((message: ServerMessage) => 'request_id' in message && message.request_id);
  await until(() => ids().length === 3, 'three states');
  expect(ids()).toEqual([false, 'a', 'b']);
});

test('[R1088] [G9] the body of a command has the fields of the protocol only, whatever else the client sends', async () => {
  const { booking, connect } = await startEdge();
  const client = await connect();
  const extra = '"constructor":{"prototype":1},"__proto__":{"a":1},"x":[1e20,1e20]';
  const send = (type: string, data: string) => client.ws.send(`{"type":"${type}","data":{${data},${extra}}}`);
  send('SELECT_SEAT', '"seat_id":"A1","user_id":"eve"');
  send('HOLD_SEATS', '"seats":["A2"],"user_id":"eve"');
  send('HOLD_BEST', '"count":2,"user_id":"eve"');
  await until(() => booking.batches.flat().length === 3, 'three commands');
  const bodies = booking.batches.flat().map(({ body }) => JSON.stringify(body));
  expect(bodies.sort()).toEqual([
    '{"best":{"count":2},"user_id":"eve"}',
    '{"seat_id":"A1","user_id":"eve"}',
    '{"seats":["A2"],"user_id":"eve"}',
  ]);
});

const named = { seat_id: 'A1', seats: ['A1'], count: 2, category: 'c', section: 's', accessible: true, user_id: 'u' };
const commands = ClientMessage.anyOf.flatMap(({ properties: { type, ...rest } }) =>
  /_(SEATS?|BEST|HOLD)$/.test(type.const) && 'data' in rest ? [{ type: type.const, data: rest.data }] : [],
);
test.each(commands)('[R1088] the body of $type has all fields of the protocol', ({ type, data: schema }) => {
  const fields = Object.keys((schema as { properties: object }).properties);
  const data = Object.fromEntries(Object.entries(named).filter(([field]) => fields.includes(field)));
  const { body } = commandRequest({ type, data } as Parameters<typeof commandRequest>[0], 'main');
  const { best, ...others } = body as { best?: object };
  expect({ ...best, ...others }).toEqual(data);
  expect(Object.keys(data).sort()).toEqual(fields.sort());
});

test('[R1095] a CONNECT that is refused changes neither the user nor the session of the connection', async () => {
  const { booking, connect } = await startEdge({ limits: { states: { perSecond: 0.001, burst: 1 } } });
  const client = await connect([compactSubprotocol]);
  client.send({ type: 'CONNECT', request_id: 1, data: { user_id: 'alice' } });
  await client.received('ACK');
  client.send({ type: 'CONNECT', request_id: 2, data: { user_id: 'bob', token: 'of-bob' } });
  expect(await client.received('ERROR')).toMatchObject({ request_id: 2, data: { code: 'RATE_LIMITED' } });
  client.send({ type: 'SELECT_SEAT', request_id: 3, data: { seat_id: 'A1' } });
  expect(await client.received('ACK', 2)).toMatchObject({ data: { seat: { held_by: 'alice' } } });
  expect(booking.headers.at(-1)).not.toHaveProperty('authorization');
});
