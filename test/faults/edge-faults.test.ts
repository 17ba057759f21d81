import { expect, test, vi } from 'vitest';
import type { TestServer } from '../support/servers.ts';
import { expectProven, faultTestTimeoutMs, limitMs } from './expect-proven.ts';
import { runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { nowMs, pause, until } from './time.ts';
import type { VenueClient } from './venue-client.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue({ withNginx: true });

/** All clients come from one address, so nginx has them all at one edge. */
async function busiest(edges: readonly TestServer[]): Promise<TestServer> {
  const counts = await Promise.all(
    edges.map(async ({ url }) => /^edge_connections (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]),
  );
  const most = Math.max(...counts.map(Number));
  return edges[counts.findIndex((count) => Number(count) === most)] as TestServer;
}

test('[G5] [G7] kill -9 of an edge: its browsers are live at the other within 2 s, and get only the missed updates', async () => {
  const result = await runFault(
    'edge kill -9',
    { venue: await freshVenue(), throughNginx: true },
    async ({ venue, clients }) => {
      const edge = await busiest(venue.edges);
      const before = clients.map(({ counts }) => ({ ...counts }));
      const beganAtMs = nowMs();
      await edge.kill('SIGKILL');
      const isBack = (client: VenueClient, i: number) =>
        client.counts.connects > (before[i]?.connects ?? 0) && client.isLive;
      await until('all are at the other edge', () => clients.every(isBack));
      // Every client checks on every connection that these are exactly the missed updates.
      const mostResent = Math.max(...clients.map(({ resync }) => resync.updatesBeforeAck));
      for (const [i, { counts }] of clients.entries()) {
        expect(counts.states, 'the whole venue is not sent again').toBe(before[i]?.states);
        expect(counts.resumes).toBe((before[i]?.resumes ?? 0) + 1);
      }
      const longestOutageMs = Math.max(...clients.map((client) => client.longestOutageMs));
      return { beganAtMs, endedAtMs: beganAtMs, figures: { mostResent, longestOutageMs } };
    },
  );
  expectProven(result);
  expect(result.figures?.longestOutageMs).toBeLessThan(limitMs);
  expect(result.interruptedMs).toBeLessThan(limitMs);
});

test('[G5] a suspended edge (SIGSTOP) that resumes: its browsers are up to date within 2 s', async () => {
  const result = await runFault('edge SIGSTOP', { venue: await freshVenue(), thinkMs: 60 }, async ({ venue }) => {
    const beganAtMs = nowMs();
    await venue.edges[0]?.kill('SIGSTOP');
    await pause(3_000);
    await venue.edges[0]?.kill('SIGCONT');
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});

test('[G5] [G6] an edge cut off from NATS, then from one booking process: its browsers still get every update', async () => {
  const result = await runFault('edge links cut', { venue: await freshVenue() }, async ({ venue, load }) => {
    const { edgeToNats, edgeToBooking } = venue.links;
    const beganAtMs = nowMs();
    edgeToNats[0]?.drop();
    await load.decides(100);
    edgeToNats[0]?.heal();
    edgeToBooking[0]?.drop();
    await load.decides(100);
    edgeToBooking[0]?.heal();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});

test('[G5] [G6] a link from NATS to an edge that silently carries nothing for 4 s: repaired within 2 s', async () => {
  const result = await runFault('edge to NATS hangs', { venue: await freshVenue(), thinkMs: 60 }, async ({ venue }) => {
    const beganAtMs = nowMs();
    venue.links.edgeToNats[0]?.hang();
    await pause(4_000);
    venue.links.edgeToNats[0]?.heal();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});
