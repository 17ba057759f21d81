import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { closeCodes, subprotocol } from '../../src/protocol/close-codes.ts';
import { startEdge, type TestClient } from './edge-fixture.ts';

const closeOf = async ({ ws }: TestClient) => {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
};
const expected = ({ code, reason }: { code: number; reason: string }) => ({ code, reason });

/** Masked with zeros. */
const frame = (firstByte: number, payload: number[]) =>
  Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
const socketOf = ({ ws }: TestClient) => (ws as unknown as { _socket: Duplex })._socket;

describe('[R457] a close frame carries its reason', () => {
  test('every code has one that fits into the frame', () => {
    for (const { reason } of Object.values(closeCodes)) {
      expect(reason.length).toBeGreaterThan(5);
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    }
  });

  test('no CONNECT in time', async () => {
    const { connect } = await startEdge({ limits: { connectTimeoutMs: 50 } });
    expect(await closeOf(await connect([subprotocol]))).toEqual(expected(closeCodes.tryAgainLater));
  });

  test.each([
    ['a message that is too large', closeCodes.tooLarge, (client: TestClient) => client.ws.send('x'.repeat(5_000))],
    [
      'text that is not UTF-8',
      closeCodes.invalidText,
      (client: TestClient) => socketOf(client).write(frame(0x81, [0xff])),
    ],
    [
      'a frame of no known type',
      closeCodes.protocolError,
      (client: TestClient) => socketOf(client).write(frame(0x83, [])),
    ],
  ])('%s, which `ws` refuses by itself', async (_, code, send) => {
    const { connect } = await startEdge();
    const client = await connect();
    const closed = closeOf(client);
    send(client);
    expect(await closed).toEqual(expected(code));
  });

  test('too many messages', async () => {
    const { connect } = await startEdge({ limits: { messagesPerSecond: 2 } });
    const client = await connect();
    const closed = closeOf(client);
    for (let n = 0; n < 60; n++) client.ws.send('{"type":"PING"}');
    expect(await closed).toEqual(expected(closeCodes.tooManyMessages));
  });

  test('an edge that stops', async () => {
    const { connect, edge } = await startEdge();
    const closed = closeOf(await connect());
    await edge.drain();
    expect(await closed).toEqual(expected(closeCodes.serviceRestart));
  });
});

test('[R458] each CONNECT that is executed is acknowledged, after its state or updates', async () => {
  const { connect } = await startEdge();
  const speaksFirst = await connect([subprotocol]);
  speaksFirst.send({ type: 'CONNECT' });
  expect((await speaksFirst.received('ACK')).data).toMatchObject({ success: true, hold_seconds: 30, max_holds: 6 });
  expect(speaksFirst.messages.map(({ type }) => type)).toEqual(['VENUE_STATE', 'ACK']);
  const byHand = await connect();
  byHand.send({ type: 'CONNECT', data: { user_id: 'alice' } });
  await byHand.received('ACK');
});

test('[R458] a CONNECT that is refused gets ERROR alone', async () => {
  const { connect } = await startEdge({ limits: { states: { perSecond: 0.001, burst: 1 } } });
  const client = await connect([subprotocol]);
  for (const request_id of [1, 2]) client.send({ type: 'CONNECT', request_id });
  expect(await client.received('ERROR')).toMatchObject({ request_id: 2, data: { code: 'RATE_LIMITED' } });
  expect(client.ofType('ACK').map(({ request_id }) => request_id)).toEqual([1]);
});
