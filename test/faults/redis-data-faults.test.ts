import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { expectProven, faultTestTimeoutMs } from './expect-proven.ts';
import { type FaultRun, runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { recordIn } from './record-in.ts';
import { nowMs } from './time.ts';
import { readVenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue();

const aofFolder = 'appendonlydir';

/** Redis is killed, its data replaced, and started; returns what it had. */
async function replaceData({ venue }: FaultRun, replaceIn: (dir: string) => void) {
  const { redis, redisDir } = venue;
  const fromMs = nowMs();
  await redis.kill('SIGKILL');
  const lostDir = `${redisDir}-lost`;
  cpSync(join(redisDir, aofFolder), join(lostDir, aofFolder), { recursive: true });
  rmSync(join(redisDir, aofFolder), { recursive: true });
  replaceIn(redisDir);
  await redis.restart();
  const endedAtMs = nowMs();
  const record = await recordIn(lostDir);
  rmSync(lostDir, { recursive: true });
  return { beganAtMs: fromMs, endedAtMs, lost: { record, boundary: { fromMs, toMs: endedAtMs } } };
}

test('[G5] FLUSHALL under load: all users continue in a new epoch', async () => {
  const result = await runFault('FLUSHALL', { venue: await freshVenue() }, async ({ venue }) => {
    const fromMs = nowMs();
    const record = await readVenueRecord(venue.admin, { flush: true });
    const toMs = nowMs();
    return { beganAtMs: fromMs, endedAtMs: toMs, lost: { record, boundary: { fromMs, toMs } } };
  });
  expectProven(result);
  expect(result.record.epoch).not.toBe(result.lost?.record.epoch);
});

test('[G5] Redis restarted with an empty data folder: all users continue in a new epoch', async () => {
  const result = await runFault('Redis data deleted', { venue: await freshVenue() }, (run) =>
    replaceData(run, () => {}),
  );
  expectProven(result);
  expect(result.record.epoch).not.toBe(result.lost?.record.epoch);
});

test('[G1] [G12] [R261] the seats and the locks of bookings are deleted under load: all are restored, in a new epoch', async () => {
  const result = await runFault(
    'Redis seats deleted',
    { venue: await freshVenue(), bookedShare: 0.7 },
    async ({ venue: { admin } }) => {
      const beganAtMs = nowMs();
      const { epoch, seats } = await readVenueRecord(admin);
      const booked = [...seats.values()].filter(({ status }) => status === SeatStatus.booked);
      await admin.del('venue:seats', ...booked.map(({ id }) => `seat:${id}:lock`));
      return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch], figures: { booked: booked.length } };
    },
  );
  expectProven(result);
  expect(Number(result.figures?.booked)).toBeGreaterThan(0);
  expect(result.record.epoch).not.toBe(result.endedEpochs?.[0]);
});

test('[G5] an older backup of Redis is restored: a new epoch, with the bookings of the backup', async () => {
  const result = await runFault('older backup restored', { venue: await freshVenue() }, async (run) => {
    const backup = `${run.venue.redisDir}-backup`;
    cpSync(join(run.venue.redisDir, aofFolder), backup, { recursive: true });
    try {
      await run.load.decides(200);
      return await replaceData(run, (dir) => cpSync(backup, join(dir, aofFolder), { recursive: true }));
    } finally {
      rmSync(backup, { recursive: true });
    }
  });
  expectProven(result);
  expect(result.record.epoch).not.toBe(result.lost?.record.epoch);
  const kept = result.record.events.filter(({ epoch }) => epoch === result.lost?.record.epoch);
  expect(kept.length, 'the backup has a history').toBeGreaterThan(0);
  expect(kept.length, 'and not all of it').toBeLessThan(result.lost?.record.events.length ?? 0);
  expect(readdirSync(result.venue.redisDir)).toContain(aofFolder);
});
