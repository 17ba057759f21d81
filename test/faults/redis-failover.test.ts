import { dirname } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  masterName,
  type SentinelTopology,
  startClusterTopology,
  startSentinelTopology,
} from '../support/redis-topologies.ts';
import type { TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { firstOf } from './audit.ts';
import { expectProven } from './expect-proven.ts';
import { type FaultResult, type FaultRun, runFault } from './fault-run.ts';
import { startFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import type { Operation } from './load.ts';
import { recordIn } from './record-in.ts';
import { nowMs, until } from './time.ts';
import { readVenueRecord, type VenueRecord } from './venue-log.ts';

/** Of each kind of fault: how often. The suite has one; more: FAILOVER_ROUNDS=20. */
const rounds = Array.from({ length: Number(process.env.FAILOVER_ROUNDS ?? 1) }, (_, i) => i + 1);
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** The guarantee is 10 s; the rest is for a machine that other tests share. */
const sellingAgainWithinMs = 10_000 + 2_000;

const admining = { maxRetriesPerRequest: 0, commandTimeout: 1_000, connectTimeout: 1_000 };

async function sentinelVenue(topology: SentinelTopology, sentinelsOf: (booking: number) => string) {
  const [first] = topology.redises as [TestServer];
  const admin = new Redis({
    sentinels: topology.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    name: masterName,
    ...admining,
    retryStrategy: () => 100,
    sentinelRetryStrategy: () => 100,
    failoverDetector: true,
  });
  const settingsOf = (booking: number) => ({
    REDIS_SENTINELS: sentinelsOf(booking),
    REDIS_SENTINEL_MASTER: masterName,
  });
  return startFaultVenue({ holdSeconds: 3, redises: { first, admin, settingsOf } });
}

async function plainSentinelVenue() {
  const topology = await startSentinelTopology();
  onTestFinished(() => topology.stop(), 30_000);
  return { topology, venue: await sentinelVenue(topology, () => topology.addresses) };
}

async function clusterVenue(show: string) {
  const topology = await startClusterTopology();
  onTestFinished(() => topology.stop(), 30_000);
  const cluster = new Cluster(
    topology.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    { redisOptions: admining, slotsRefreshInterval: 500, clusterRetryStrategy: () => 100 },
  );
  const admin = cluster as unknown as Redis; // the tests read keys of one slot with it
  const [first] = topology.nodes as [TestServer];
  const settingsOf = () => ({ REDIS_CLUSTER: topology.addresses });
  const venue = await startFaultVenue({ holdSeconds: 3, shows: [show], redises: { first, admin, settingsOf } });
  return { topology, venue };
}

/** Resolves when another epoch is open. */
async function nextEpoch({ venue, keyPrefix }: FaultRun, epoch: string): Promise<void> {
  await until('a new epoch', async () => {
    const found = await venue.admin.get(`${keyPrefix}venue:epoch`).catch(() => '');
    return Boolean(found) && found !== epoch;
  });
}

const epochOf = async ({ venue, keyPrefix }: FaultRun): Promise<string> =>
  (await readVenueRecord(venue.admin, { prefix: keyPrefix })).epoch;

/** The bookings that a reply has confirmed, and the store does not have. */
function lostBookings(operations: readonly Operation[], { seats }: VenueRecord): string[] {
  return operations.flatMap(({ action, seatIds, userId, outcome }) => {
    if (action !== 'book' || outcome === 'unknown' || outcome.refusal) return [];
    return seatIds.filter((id) => seats.get(id)?.held_by !== userId).map((id) => `${userId} has booked ${id}`);
  });
}

function expectFailover(result: FaultResult): void {
  expectProven(result);
  expect(lostBookings(result.load.operations, result.record)).toEqual([]);
  expect(result.verdict.confirmed, 'bookings were confirmed').toBeGreaterThan(0);
  expect(result.interruptedMs, 'selling again').toBeLessThan(sellingAgainWithinMs);
}

const load = { decidedBefore: 200, decidedAfter: 100, bookedShare: 0.2 };

test.each(rounds)(
  '[R947] [G2] Sentinel: kill -9 of the primary under load; a replica goes on with all that was confirmed (%i)',
  async () => {
    const { topology, venue } = await plainSentinelVenue();
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
    const { topology, venue } = await plainSentinelVenue();
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

/** Redis and Sentinels come from this address, booking processes from 127.0.0.1: a link can be cut for either. */
const serverAddress = '127.0.0.3';

test.each(rounds)(
  '[R948] [G1] [G2] Sentinel: a primary that is cut off with a booking process confirms nothing that is lost (%i)',
  async () => {
    const toPrimary = await startTcpProxy(0);
    const topology = await startSentinelTopology({
      primaryPort: toPrimary.port,
      onPrimary: (port) => toPrimary.retarget(port),
      args: ['--bind-source-addr', serverAddress],
      sentinelSettings: [`bind-source-addr ${serverAddress}`],
    });
    onTestFinished(async () => {
      await topology.stop();
      await toPrimary.close();
    }, 30_000);
    const toSentinels: TcpProxy[] = await Promise.all(topology.sentinels.map(({ port }) => startTcpProxy(port)));
    onTestFinished(async () => void (await Promise.all(toSentinels.map((proxy) => proxy.close()))));
    const behindCut = toSentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const venue = await sentinelVenue(topology, (booking) => (booking === 0 ? behindCut : topology.addresses));
    const direct = new Redis(topology.redises[0]?.url ?? '', { maxRetriesPerRequest: 0 });
    direct.on('error', () => {});
    onTestFinished(() => direct.disconnect());
    const isolated = new HttpBooker({ userId: 'isolated', urls: [venue.bookings[0]?.url ?? ''] });
    onTestFinished(() => isolated.close());

    const result = await runFault(
      'Sentinel, primary cut off with a booking process',
      { venue, ...load },
      async (run) => {
        const epoch = await epochOf(run);
        const beganAtMs = nowMs();
        toPrimary.dropFrom(serverAddress);
        for (const proxy of toSentinels) proxy.drop();
        // The process behind the cut still has its primary. Nothing that it is asked is confirmed.
        const replies = [];
        for (let i = 1; i <= 5; i++) replies.push(await run.load.ask(isolated, 'select', `T${i}`));
        expect(replies.map(({ kind }) => kind)).toEqual(replies.map(() => 'unknown'));
        await nextEpoch(run, epoch);
        expect(await direct.get('venue:epoch'), 'the old primary does not know').toBe(epoch);
        const record = await readVenueRecord(direct);
        const toMs = nowMs();
        toPrimary.heal();
        for (const proxy of toSentinels) proxy.heal();
        await until('the old primary is a replica', async () =>
          (await direct.info('replication')).includes('role:slave'),
        );
        const isReady = async () => (await fetch(`${venue.bookings[0]?.url}/ready`)).status === 200;
        await until('the process behind the cut is back', isReady);
        const lost = { record, boundary: { fromMs: beganAtMs, toMs: Math.max(toMs, nowMs()) } };
        return { beganAtMs, endedAtMs: nowMs(), lost };
      },
    );
    expectProven(result);
    expect(lostBookings(result.load.operations, result.record)).toEqual([]);
  },
);

test.each(rounds)(
  '[R947] [G2] Cluster: kill -9 of the master of a show under load, which comes back as a replica (%i)',
  async () => {
    const show = 'other';
    const { topology, venue } = await clusterVenue(show);
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
    const { topology, venue } = await clusterVenue(show);
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
  const { topology, venue } = await plainSentinelVenue();
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
