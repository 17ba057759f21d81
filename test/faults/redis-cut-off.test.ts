import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startSentinelTopology } from '../support/redis-topologies.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Reply } from './booker.ts';
import { expectProven } from './expect-proven.ts';
import { epochOf, failoverLoad, failoverRounds, lostBookings, nextEpoch, sentinelVenue } from './failover-venue.ts';
import { type FaultResult, runFault } from './fault-run.ts';
import { HttpBooker } from './http-booker.ts';
import { nowMs, until } from './time.ts';
import { readVenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Redis and the Sentinels connect from this address, booking processes from 127.0.0.1: a link can be cut for either. */
const serverAddress = '127.0.0.3';

/** The primary is cut off from its replicas and the Sentinels together with the first booking process, whose user continues to send requests. */
async function cutOff(settings: NodeJS.ProcessEnv): Promise<{ result: FaultResult; replies: Reply[] }> {
  const toPrimary = await startTcpProxy(0);
  const topology = await startSentinelTopology({
    primaryPort: toPrimary.port,
    onPrimary: (port) => toPrimary.retarget(port),
    args: ['--bind-source-addr', serverAddress],
    // Otherwise each Sentinel would announce the address that it connects from.
    sentinelSettings: [`bind-source-addr ${serverAddress}`, 'sentinel announce-ip 127.0.0.1'],
  });
  const toSentinels: TcpProxy[] = await Promise.all(topology.sentinels.map(({ port }) => startTcpProxy(port)));
  onTestFinished(async () => {
    await topology.stop();
    await Promise.all([toPrimary, ...toSentinels].map((proxy) => proxy.close()));
  }, 30_000);
  const behindCut = { REDIS_SENTINELS: toSentinels.map(({ port }) => `127.0.0.1:${port}`).join(',') };
  const venue = await sentinelVenue(topology, (booking) => ({ ...settings, ...(booking === 0 && behindCut) }));
  const isolatedUrl = venue.bookings[0]?.url ?? '';
  const isolated = new HttpBooker({ userId: 'isolated', urls: [isolatedUrl] });
  const direct = new Redis(topology.redises[0]?.url ?? '', { maxRetriesPerRequest: 0 });
  direct.on('error', () => {});
  onTestFinished(async () => {
    direct.disconnect();
    await isolated.close();
  });

  const replies: Reply[] = [];
  const fault = 'Sentinel, primary cut off with a booking process';
  const result = await runFault(fault, { venue, ...failoverLoad }, async (run) => {
    const epoch = await epochOf(run);
    const beganAtMs = nowMs();
    toPrimary.cutOff(serverAddress);
    for (const proxy of toSentinels) proxy.drop();
    for (const seat of ['T1', 'T2', 'T3']) {
      replies.push(await run.load.ask(isolated, 'select', seat));
      replies.push(await run.load.ask(isolated, 'book', seat));
    }
    await nextEpoch(run, epoch);
    expect(await direct.get('venue:epoch'), 'the old primary does not know').toBe(epoch);
    const record = await readVenueRecord(direct);
    toPrimary.heal();
    for (const proxy of toSentinels) proxy.heal();
    await until('the old primary is a replica', async () =>
      (await direct.info('replication').catch(() => '')).includes('role:slave'),
    );
    const isReady = async () => (await fetch(`${isolatedUrl}/ready`)).status === 200;
    await until('the process behind the cut is back', isReady);
    const endedAtMs = nowMs();
    return { beganAtMs, endedAtMs, lost: { record, boundary: { fromMs: beganAtMs, toMs: endedAtMs } } };
  });
  return { result, replies };
}

test.each(failoverRounds)(
  '[R948] [G1] [G2] a primary that is cut off with a booking process confirms nothing (%i)',
  async () => {
    const { result, replies } = await cutOff({});
    expect(replies.map(({ kind }) => kind)).toEqual(replies.map(() => 'unknown'));
    expectProven(result);
    expect(lostBookings(result.load.operations, result.record)).toEqual([]);
  },
);

test('[R948] the control: with REDIS_WAIT_REPLICAS=0 it confirms bookings that are lost', async () => {
  const { result, replies } = await cutOff({ REDIS_WAIT_REPLICAS: '0' });
  expect(replies.map(({ kind }) => kind)).toContain('decided');
  expect(lostBookings(result.load.operations, result.record).join()).toContain('isolated has booked T1');
});
