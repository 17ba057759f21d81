import { expect, test } from 'vitest';
import { startEdge, type TestClient, until } from './edge-fixture.ts';

/** An edge that drains while its booking process decides a command of `busy`. `idle` is closed at once. */
async function drainDuringCommand({ drainTimeoutMs }: { drainTimeoutMs: number }) {
  const { booking, edge, connect } = await startEdge({ limits: { drainTimeoutMs } });
  let reply = () => {};
  booking.repliesAfter = new Promise<void>((resolve) => {
    reply = resolve;
  });
  const [busy, idle] = [await connect(), await connect()];
  select(busy, 'A1');
  await until(() => booking.requests.some((request) => request.endsWith('/select')), 'the command is being decided');
  const drained = edge.drain();
  expect(await idle.closed).toBe(1012);
  return { booking, busy, drained, reply };
}

const select = (client: TestClient, seat_id: string) =>
  client.send({ type: 'SELECT_SEAT', data: { seat_id, user_id: 'ann' } });

test('[R1030] a draining edge sends the replies to commands before close code 1012, and carries out no later command', async () => {
  const { booking, busy, drained, reply } = await drainDuringCommand({ drainTimeoutMs: 30_000 });
  expect(busy.ofType('ACK')).toEqual([]);
  select(busy, 'B1');
  reply();
  expect(await busy.closed).toBe(1012);
  expect(busy.ofType('ACK').map(({ data }) => data)).toMatchObject([{ seat: { id: 'A1', held_by: 'ann' } }]);
  await drained;
  expect(booking.events.map(({ seat_id }) => seat_id)).toEqual(['A1']);
});

test('[R1031] a draining edge that cannot wait for a reply ends the connection without a close code', async () => {
  const { busy, drained } = await drainDuringCommand({ drainTimeoutMs: 200 });
  expect(await busy.closed).toBe(1006);
  expect(busy.ofType('ACK')).toEqual([]);
  await drained;
});
