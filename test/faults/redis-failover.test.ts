import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { TestServer } from '../support/servers.ts';
import { firstOf } from './audit.ts';
import { expectProven } from './expect-proven.ts';
import {
  epochOf,
  failoverLoad as load,
  failoverRounds as rounds,
  lostBookings,
  newClusterVenue,
  newSentinelVenue,
  nextEpoch,
} from './failover-venue.ts';
import { type FaultResult, runFault } from './fault-run.ts';
import { recordIn } from './record-in.ts';
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
  '[R947] [G2] Sentinel: kill -9 of the primary under load; a replica goes on with all that was confirmed (%i)',
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
  '[R947] [G2] Sentinel: the primary stands still (SIGSTOP), wakes up after the failover, and sells nothing (%i)',
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
  '[R947] [G2] Cluster: kill -9 of the master of a show under load, which comes back as a replica (%i)',
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
  '[R947] [G2] Cluster: the master of a show stands still (SIGSTOP) until after the failover (%i)',
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

/** Without a ledger this is the control: what only Redis has is lost. */
test('[R950] Sentinel: an emptied replica is promoted; every reply belongs to an epoch, and the loss is found', async () => {
  const { topology, venue } = await newSentinelVenue();
  const [primary, heir, other] = topology.redises as [TestServer, TestServer, TestServer];
  const emptied = new Redis(heir.url);
  const second = new Redis(other.url, { retryStrategy: () => 50 });
  second.on('error', () => {});
  onTestFinished(() => {
    emptied.disconnect();
    second.disconnect();
  });
  const result = await runFault('Sentinel, emptied replica promoted', { venue, ...load }, async (run) => {
    const epoch = await epochOf(run);
    const beganAtMs = nowMs();
    await Promise.all([primary.kill('SIGKILL'), other.kill('SIGKILL')]);
    await emptied.config('SET', 'replica-read-only', 'no');
    await emptied.flushall();
    await until('it is the primary', async () => (await emptied.info('replication')).includes('role:master'));
    await other.restart();
    await until('the operator has given it a replica', async () => {
      await second.replicaof('127.0.0.1', heir.port).catch(() => {});
      return (await emptied.info('replication')).includes('min_slaves_good_slaves:1');
    });
    await nextEpoch(run, epoch);
    const endedAtMs = nowMs();
    const record = await recordIn(dirname(primary.logFile));
    return { beganAtMs, endedAtMs, lost: { record, boundary: { fromMs: beganAtMs, toMs: endedAtMs } } };
  });
  expect(firstOf(result.verdict.violations)).toEqual([]);
  expect([result.verdict.doubleSold, result.verdict.notLinearizable]).toEqual([0, 0]);
  expect(lostBookings(result.load.operations, result.record).length, 'bookings are lost').toBeGreaterThan(0);
});
