import { Cluster, type Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { redisPlace } from '../../src/store/redis-place.ts';
import { connectRedis } from '../../src/store/redis-servers.ts';
import {
  type ClusterTopology,
  masterName,
  type SentinelTopology,
  startClusterTopology,
  startSentinelTopology,
} from '../support/redis-topologies.ts';
import type { TestServer } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import type { FaultRun } from './fault-run.ts';
import { type FaultVenue, type FaultVenueOptions, startFaultVenue } from './fault-venue.ts';
import type { Operation } from './load.ts';
import { until } from './time.ts';
import { readVenueRecord, type VenueRecord } from './venue-log.ts';

/** Rounds of each kind of fault. The suite has one; more: FAILOVER_ROUNDS=20. */
export const failoverRounds = Array.from({ length: Number(process.env.FAILOVER_ROUNDS ?? 1) }, (_, i) => i + 1);

/** Enough that some bookings are confirmed before the fault. */
export const failoverLoad = { decidedBefore: 200, decidedAfter: 100, bookedShare: 0.2 };

/** A venue on these servers. `settingsOf`: further settings of a booking process, by its index. */
export function sentinelVenue(
  topology: SentinelTopology,
  settingsOf: (booking: number) => NodeJS.ProcessEnv = () => ({}),
  ledger?: FaultVenueOptions['ledger'],
): Promise<FaultVenue> {
  const [first] = topology.redises as [TestServer];
  const sentinels = { REDIS_SENTINELS: topology.addresses, REDIS_SENTINEL_MASTER: masterName };
  const { options, ...place } = redisPlace(sentinels);
  // Tests send commands before the first connection and between two of them.
  const queueing = { ...place, options: { ...options, enableOfflineQueue: true } };
  const servers = connectRedis({ place: queueing, logger: silent });
  onTestFinished(() => servers.close());
  const admin = servers.of('').redis;
  const settings = (booking: number) => ({ ...sentinels, ...settingsOf(booking) });
  return startFaultVenue({ holdSeconds: 3, redises: { first, admin, settingsOf: settings }, ledger });
}

/** A venue on servers of its own, which are stopped when the test has finished. */
export async function newSentinelVenue(
  ledger?: FaultVenueOptions['ledger'],
): Promise<{ topology: SentinelTopology; venue: FaultVenue }> {
  const topology = await startSentinelTopology();
  onTestFinished(() => topology.stop(), 30_000);
  return { topology, venue: await sentinelVenue(topology, undefined, ledger) };
}

/** As `newSentinelVenue`, with a further show. */
export async function newClusterVenue(show: string): Promise<{ topology: ClusterTopology; venue: FaultVenue }> {
  const topology = await startClusterTopology();
  onTestFinished(() => topology.stop(), 30_000);
  const cluster = new Cluster(
    topology.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    {
      redisOptions: { maxRetriesPerRequest: 0, commandTimeout: 1_000, connectTimeout: 1_000 },
      slotsRefreshInterval: 500,
      clusterRetryStrategy: () => 100,
    },
  );
  const admin = cluster as unknown as Redis; // the tests read keys of one slot with it
  const [first] = topology.nodes as [TestServer];
  const settingsOf = () => ({ REDIS_CLUSTER: topology.addresses });
  const venue = await startFaultVenue({ holdSeconds: 3, shows: [show], redises: { first, admin, settingsOf } });
  return { topology, venue };
}

/** Resolves when another epoch is open. */
export async function nextEpoch({ venue, keyPrefix }: FaultRun, epoch: string): Promise<void> {
  await until('a new epoch', async () => {
    const found = await venue.admin.get(`${keyPrefix}venue:epoch`).catch(() => '');
    return Boolean(found) && found !== epoch;
  });
}

export const epochOf = async ({ venue, keyPrefix }: FaultRun): Promise<string> =>
  (await readVenueRecord(venue.admin, { prefix: keyPrefix })).epoch;

/** The bookings that a reply has confirmed, and the store does not have. */
export function lostBookings(operations: readonly Operation[], { seats }: VenueRecord): string[] {
  return operations.flatMap(({ action, seatIds, userId, outcome }) => {
    if (action !== 'book' || outcome === 'unknown' || outcome.refusal) return [];
    return seatIds.filter((id) => seats.get(id)?.held_by !== userId).map((id) => `${userId} has booked ${id}`);
  });
}
