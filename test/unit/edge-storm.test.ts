import { expect, test } from 'vitest';
import { stateIntervalMs } from '../../src/edge/state-pace.ts';
import { compactSubprotocol } from '../../src/protocol/close-codes.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import { startEdge, type TestClient, until } from './edge-fixture.ts';

const count = 300;
/** One check after the other would take 30 s. */
const sessionsTakeMs = 100;
const inAnHour = () => Date.now() / 1_000 + 3_600;

type Seats = Extract<ServerMessage, { type: 'SEATS' }>;
const isWhole = ({ data }: Seats): boolean => 'statuses' in data;
const wholeStates = (client: TestClient) => client.ofType('SEATS').filter(isWhole);
const isAcknowledged = (client: TestClient) => client.ofType('ACK').length > 0;

/** All clients of another edge connect at once, each with a session. They have missed three events. */
async function storm() {
  const started = await startEdge();
  const { booking, bus, connect } = started;
  booking.sessionsTakeMs = sessionsTakeMs;
  for (let n = 0; n < count; n++) booking.sessions.set(`token-${n}`, { user_id: `u_${n}`, expires_at: inAnHour() });
  const position = booking.position;
  for (const seat of ['A1', 'A2', 'A3']) bus.emit(booking.hold(seat, 'u_7'));
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const client = await connect([compactSubprotocol], { cookie: `session=token-${n}` });
      client.send({ type: 'CONNECT', request_id: n, data: { user_id: `u_${n}`, position } });
      return client;
    }),
  );
  await until(() => clients.every(isAcknowledged), 'all are live');
  return { ...started, clients };
}

test('[R815] of a storm of clients each gets only its missed updates, and their sessions are checked in few requests', async () => {
  const beganAtMs = performance.now();
  const { booking, clients } = await storm();
  await until(() => booking.sessionBatches.flat().length >= count, 'all sessions are checked');
  expect(booking.sessionBatches.flat().sort()).toEqual(Array.from({ length: count }, (_, n) => `token-${n}`).sort());
  // One request at a time: sessions that arrive meanwhile share the next one.
  expect(booking.sessionBatches.length).toBeLessThanOrEqual((performance.now() - beganAtMs) / (sessionsTakeMs - 1) + 1);
  for (const [n, client] of clients.entries()) {
    expect(wholeStates(client)).toEqual([]);
    expect(client.ofType('SEATS').at(-1)?.data).toMatchObject({ seq: 3, held: [0, 1, 2] });
    expect(client.ofType('SEATS').filter(({ data }) => 'own' in data).length, `u_${n}`).toBe(n === 7 ? 1 : 0);
  }
});

test('[R815] a show that starts over under a storm costs one whole state per client and second, and stale one small message', async () => {
  const { booking, bus, clients } = await storm();
  for (const n of [1, 2, 3]) {
    booking.startOver(`e${n + 1}`);
    bus.heartbeat(booking.position);
    await until(
      () => clients.some((client) => wholeStates(client).at(-1)?.data.epoch === `e${n + 1}`) || n > 1,
      'a new epoch',
    );
  }
  const isAtEnd = (client: TestClient) => wholeStates(client).at(-1)?.data.epoch === 'e4';
  const beganAtMs = performance.now();
  await until(() => clients.every(isAtEnd), 'all are in the last epoch', 10_000);
  expect(performance.now() - beganAtMs).toBeGreaterThan(stateIntervalMs / 2);
  for (const client of clients) expect(wholeStates(client).length).toBeLessThanOrEqual(3);

  const before = clients.map(({ messages }) => messages.length);
  booking.isCutOff = true;
  await until(() => clients.every((client) => client.ofType('STALE').length > 0), 'all are stale', 10_000);
  for (const [n, { messages }] of clients.entries()) {
    const after = messages.slice(before[n]);
    expect(JSON.stringify(after).length).toBeLessThan(100);
    expect(after.map(({ type }) => type)).toEqual(['STALE']);
  }
});
