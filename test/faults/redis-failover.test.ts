import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import type { TestServer } from '../support/servers.ts';
import { expectProven } from './expect-proven.ts';
import {
  epochOf,
  failoverLoad as load,
  lostBookings,
  newClusterVenue,
  newSentinelVenue,
  nextEpoch,
  failoverRounds as rounds,
} from './failover-venue.ts';
import { type FaultResult, runFault } from './fault-run.ts';
import { nowMs, until } from './time.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** The guarantee is 10 s; the rest is for a machine that other tests share. */
const sellingAgainWithinMs = 10_000 + 2_000;

function expectFailover(result: FaultResult): void {
  expectProven(result);
  expect(lostBookings(result.load.operations, result.record)).toEqual([]);
  expect(result.verdict.confirmed, 'bookings were confirmed').toBeGreaterThan(0);
  expect(result.interruptedMs, 'selling again').toBeLessThan(sellingAgainWithinMs);
}

test.each(rounds)(
  '[R947] [G2] Sentinel: kill -9 of the primary under load; a replica continues with every confirmed transition (%i)',
  async () => {
    const { topology, venue } = await newSentinelVenue();
    const result = await runFault('Sentinel, primary kill -9', { venue, ...load }, async (run) => {
      const epoch = await epochOf(run);
      const beganAtMs = nowMs();
      await topology.redises[0]?.kill('SIGKILL');
      await nextEpoch(run, epoch);
      return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch] };
    });
    expectFailover(result);
    expect(await topology.primaryPort()).not.toBe(topology.redises[0]?.port);
  },
);

test.each(rounds)(
  '[R947] [G2] Sentinel: the primary is suspended (SIGSTOP), resumes after the failover, and sells nothing (%i)',
  async () => {
    const { topology, venue } = await newSentinelVenue();
    const result = await runFault('Sentinel, primary SIGSTOP', { venue, ...load }, async (run) => {
      const epoch = await epochOf(run);
      const beganAtMs = nowMs();
      await topology.redises[0]?.kill('SIGSTOP');
      await nextEpoch(run, epoch);
      const endedAtMs = nowMs();
      await topology.redises[0]?.kill('SIGCONT');
      return { beganAtMs, endedAtMs, endedEpochs: [epoch] };
    });
    expectFailover(result);
  },
);

test.each(rounds)(
  '[R947] [G2] Cluster: kill -9 of the master of a show under load, which returns as a replica (%i)',
  async () => {
    const show = 'other';
    const { topology, venue } = await newClusterVenue(show);
    const result = await runFault('Cluster, master kill -9', { venue, show, ...load }, async (run) => {
      const master = await masterOf(topology.nodes, show);
      const epoch = await epochOf(run);
      const beganAtMs = nowMs();
      await master.kill('SIGKILL');
      await until('its replica is the master', async () => {
        const heir = topology.nodes[topology.nodes.indexOf(master) + 3] as TestServer;
        return (await infoOf(heir)).includes('role:master');
      });
      await master.restart(); // with one replica each, nothing is sold until there is one
      await nextEpoch(run, epoch);
      return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch] };
    });
    expectFailover(result);
  },
);

test.each(rounds)(
  '[R947] [G2] Cluster: the master of a show is suspended (SIGSTOP) until after the failover (%i)',
  async () => {
    const show = 'other';
    const { topology, venue } = await newClusterVenue(show);
    const result = await runFault('Cluster, master SIGSTOP', { venue, show, ...load }, async (run) => {
      const master = await masterOf(topology.nodes, show);
      const epoch = await epochOf(run);
      const beganAtMs = nowMs();
      await master.kill('SIGSTOP');
      await until('its replica is the master', async () => {
        const heir = topology.nodes[topology.nodes.indexOf(master) + 3] as TestServer;
        return (await infoOf(heir)).includes('role:master');
      });
      await master.kill('SIGCONT');
      await nextEpoch(run, epoch);
      return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch] };
    });
    expectFailover(result);
  },
);

async function infoOf({ url }: TestServer): Promise<string> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => {});
  try {
    return await client.info('replication');
  } finally {
    client.disconnect();
  }
}

async function masterOf(nodes: readonly TestServer[], show: string): Promise<TestServer> {
  const found = await Promise.all(
    nodes.slice(0, 3).map(async ({ url }) => {
      const client = new Redis(url);
      const keys = await client.keys(`*${show}*venue:epoch`);
      client.disconnect();
      return keys.length > 0;
    }),
  );
  return nodes[found.indexOf(true)] as TestServer;
}
