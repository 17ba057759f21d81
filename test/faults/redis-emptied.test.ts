import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPostgres, type TestServer } from '../support/servers.ts';
import { firstOf } from './audit.ts';
import { epochOf, failoverLoad, lostBookings, newSentinelVenue, nextEpoch } from './failover-venue.ts';
import { type FaultResult, runFault } from './fault-run.ts';
import type { FaultVenueOptions } from './fault-venue.ts';
import { recordIn } from './record-in.ts';
import { nowMs, pause, until } from './time.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** A transition is in the ledger within a second. */
const ledgerLagMs = 2_000;

/** The primary and a replica die, and the other replica, which was emptied, is promoted. */
async function promoteEmptied(ledger?: FaultVenueOptions['ledger']): Promise<FaultResult> {
  const { topology, venue } = await newSentinelVenue(ledger);
  const [primary, heir, other] = topology.redises as [TestServer, TestServer, TestServer];
  const emptied = new Redis(heir.url);
  const second = new Redis(other.url, { retryStrategy: () => 50 });
  second.on('error', () => {});
  onTestFinished(() => {
    emptied.disconnect();
    second.disconnect();
  });
  const fault = `Sentinel, emptied replica promoted, ${ledger ? 'with' : 'without'} a ledger`;
  const result = await runFault(fault, { venue, ...failoverLoad }, async (run) => {
    await pause(ledgerLagMs); // from now on there are bookings that a ledger has
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
    const boundary = { fromMs: beganAtMs, toMs: endedAtMs };
    return { beganAtMs, endedAtMs, lost: { record, boundary, isRestored: ledger !== undefined } };
  });
  expect(firstOf(result.verdict.violations)).toEqual([]);
  expect([result.verdict.doubleSold, result.verdict.notLinearizable]).toEqual([0, 0]);
  return result;
}

/** Of the bookings that were confirmed long enough before the fault to be in a ledger. */
const lostOf = ({ load, beganAtMs, record }: FaultResult): string[] =>
  lostBookings(
    load.operations.filter(({ returnedAtMs = 0 }) => returnedAtMs < beganAtMs - ledgerLagMs),
    record,
  );

test('[R950] [G12] an emptied replica is promoted: the ledger has its bookings restored before a seat is offered', async () => {
  const ledger = await startPostgres();
  onTestFinished(() => ledger.stop());
  const result = await promoteEmptied(ledger);
  expect(lostOf(result)).toEqual([]);
  const restored = [...result.record.seats.values()].filter(({ status }) => status === 2);
  expect(restored.length).toBeGreaterThan(0);
});

test('[R950] the control: without a ledger they are lost, and sold again', async () => {
  expect(lostOf(await promoteEmptied()).length).toBeGreaterThan(0);
});
