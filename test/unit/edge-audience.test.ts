import { Compile } from 'typebox/compile';
import { expect, test } from 'vitest';
import { Audience } from '../../src/edge/audience.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import type { Origin } from '../../src/protocol/origin.ts';
import { EdgePresence } from '../../src/protocol/presence.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { serverTime, startEdge } from './edge-fixture.ts';

/** Edges on one bus and one clock; the test sets their numbers of browsers. */
function startEdges(...counts: number[]) {
  return startEdgesOf(counts, () => ({}));
}

/** `originOf` returns the installation and venue as the edge with this index knows them. */
function startEdgesOf(counts: number[], originOf: (index: number) => Origin) {
  const clock = new VirtualClock();
  const line = new MemoryBusLine();
  const edges = counts.map((count, index) => {
    const edge = { clients: count, told: [] as number[] };
    const bus = new MemoryEventBus(line);
    let hasCrashed = false;
    const publishPresence = (presence: EdgePresence) => {
      if (!hasCrashed) bus.publishPresence(presence);
    };
    const audience = new Audience({
      bus: { publishPresence, subscribePresence: (listener) => bus.subscribePresence(listener) },
      edgeId: `edge-${index}`,
      origin: () => originOf(index),
      clientCount: () => edge.clients,
      onChange: (watching) => edge.told.push(watching),
      clock,
    });
    audience.start();
    return Object.assign(edge, {
      audience,
      crash: () => {
        hasCrashed = true;
      },
    });
  });
  return { clock, edges };
}

type Edge = ReturnType<typeof startEdges>['edges'][number];

test('[R110] every edge knows the number of browsers on all edges, and reports it only when it changes', () => {
  const { clock, edges } = startEdges(2, 3);
  clock.increment(2_000);
  expect(edges.map(({ audience }) => audience.watching)).toEqual([5, 5]);
  const told = edges.map((edge) => edge.told.length);
  clock.increment(10_000);
  expect(edges.map((edge) => edge.told.length)).toEqual(told);
  (edges[0] as { clients: number }).clients = 7;
  clock.increment(2_000);
  expect(edges.map((edge) => edge.told.at(-1))).toEqual([10, 10]);
});

test('[R110] the browsers of a crashed edge expire, those of a closing edge are dropped immediately', () => {
  const { clock, edges } = startEdges(2, 3, 4);
  const [here, crashed, left] = edges as [Edge, Edge, Edge];
  clock.increment(1_500);
  expect(here.audience.watching).toBe(9);
  left.audience.close();
  expect(here.audience.watching).toBe(5);
  crashed.crash();
  clock.increment(2_000);
  expect(here.audience.watching, 'two words of it may have been lost').toBe(5);
  clock.increment(2_500);
  expect(here.audience.watching).toBe(2);
  expect(here.told.at(-1)).toBe(2);
});

test('[R110] [R272] browsers of another system or venue on the same NATS are not counted', () => {
  const origins = [
    { system: 'a', venue: 'main' },
    { system: 'a', venue: 'main' },
    { system: 'b', venue: 'main' },
    { system: 'a', venue: 'friday' },
    {}, // an edge of an older version
  ];
  const { clock, edges } = startEdgesOf([1, 2, 4, 8, 16], (index) => origins[index] as Origin);
  clock.increment(2_000);
  expect(edges.map(({ audience }) => audience.watching)).toEqual([19, 19, 20, 24, 31]);
});

test('[R110] [R272] browsers of another system are dropped once this edge knows its own', () => {
  let own: Origin = {};
  const { clock, edges } = startEdgesOf([1, 2], (index) => (index === 0 ? own : { system: 'b' }));
  clock.increment(2_000);
  expect(edges[0]?.audience.watching).toBe(3);
  own = { system: 'a' };
  expect(edges[0]?.audience.watching).toBe(1);
  clock.increment(2_000);
  expect(edges[0]?.told.at(-1)).toBe(1);
});

test.each([
  [{ edge: '0c9b1c5e-9d0e-4a7b-8f0e-1f2d3c4b5a69', clients: 20_000 }, true],
  [{ edge: 'a', clients: 1e300 }, false],
  [{ edge: 'a', clients: 1_000_001 }, false],
  [{ edge: 'a', clients: -1 }, false],
  [{ edge: 'a', clients: 1.5 }, false],
  [{ edge: 'a\n', clients: 1 }, false],
  [{ edge: '', clients: 1 }, false],
  [{ edge: 'x'.repeat(65), clients: 1 }, false],
])('[R335] [G9] presence messages on NATS have a bounded form: %j %j', (presence, isValid) => {
  expect(Compile(EdgePresence).Check(presence)).toBe(isValid);
});

test('[R335] [G10] a sender that invents edges affects neither the memory nor the number on a page', () => {
  const clock = new VirtualClock();
  const line = new MemoryBusLine();
  const told: number[] = [];
  const audience = new Audience({
    bus: new MemoryEventBus(line),
    edgeId: 'own',
    origin: () => ({}),
    clientCount: () => 1,
    onChange: (watching) => told.push(watching),
    clock,
  });
  audience.start();
  const sender = new MemoryEventBus(line);
  for (let n = 0; n < 3_000; n++) sender.publishPresence({ edge: `edge-${n}`, clients: 1 });
  sender.publishPresence({ edge: 'edge-0', clients: 2 });
  expect(audience.watching).toBe(1_002);
  clock.increment(5_000);
  expect(audience.watching).toBe(1);
  sender.publishPresence({ edge: 'real', clients: 5 });
  expect(audience.watching, 'there is room again').toBe(6);
  audience.close();
});

test('[R110] a subscribed browser gets the number immediately and on every change; others get nothing', async () => {
  const { bus, connect, edge } = await startEdge();
  const [asks, asksNot] = [await connect(['seat-booking.v1']), await connect()];
  asks.send({ type: 'CONNECT', data: { presence: true } });
  expect((await asks.received('PRESENCE')).data).toEqual({ watching: 2 });
  await expect.poll(() => bus.presence.at(-1)?.clients).toBe(2);
  bus.tellPresence({ edge: 'another', clients: 40 });
  await expect.poll(() => asks.ofType('PRESENCE').at(-1)?.data.watching).toBe(42);
  asksNot.ws.close();
  await expect.poll(() => edge.clientCount).toBe(1);
  await edge.drain();
  expect(bus.presence.at(-1)?.clients).toBe(0);
  expect(asksNot.ofType('PRESENCE')).toEqual([]);
});

test('[R111] [R284] PING is acknowledged immediately, with its id, the time and the hold settings', async () => {
  const { connect } = await startEdge();
  const client = await connect();
  client.send({ type: 'PING', request_id: 'ping-1' });
  expect(await client.received('ACK')).toEqual({
    type: 'ACK',
    request_id: 'ping-1',
    data: {
      success: true,
      server_time: expect.closeTo(serverTime, -2),
      hold_seconds: 30,
      max_holds: 6,
      hold_extensions: 10,
    },
  });
});
