import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import type { TestPostgres, TestServer } from '../support/servers.ts';
import { unpackLastRelease } from './last-release.ts';
import { RollingRun } from './rolling-run.ts';
import { startRollingVenue } from './rolling-venue.ts';

vi.setConfig({ testTimeout: 600_000 });

const lastRelease = unpackLastRelease();
const thisBuild = undefined;
const sockets = 1_000;

async function ownerOf({ ownerUrl }: TestPostgres): Promise<pg.Client> {
  const owner = new pg.Client(ownerUrl);
  await owner.connect();
  onTestFinished(() => owner.end());
  return owner;
}

/** As a migration of the release after this build: processes of both versions go on, those of this build start. */
async function addLaterMigration(ledger: pg.Client): Promise<void> {
  await ledger.query(`ALTER TABLE seat_events ADD COLUMN later text; ALTER TABLE bookings ADD COLUMN later text;
    INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', now()::text)`);
}

test('[R1032] [R1034] a rolling update of booking processes, then of edges, each started before the old one ends', async () => {
  const { bookings, edges, ...venue } = await startRollingVenue(lastRelease);
  const run = new RollingRun({ bookings, edges, ...venue }, { sockets });
  await run.start();
  const ledger = await ownerOf(venue.postgres);
  for (const fleet of [bookings, edges]) {
    for (const [index, old] of fleet.running.entries()) {
      await run.settle();
      await fleet.replaceBesides(old, thisBuild);
      if (fleet === bookings && index === 0) await addLaterMigration(ledger);
    }
  }
  await run.settle();
  const { problems, record } = await run.finish('booking processes, then edges');
  expect(problems).toEqual([]);
  const inRedis = record.events.map(({ seq, type, seat_id }) => ({ seq: String(seq), type, seat_id }));
  const inLedger = async () =>
    (await ledger.query("SELECT seq, type, seat_id FROM seat_events WHERE show = 'main' ORDER BY seq")).rows;
  await expect.poll(async () => (await inLedger()).length, patience).toBe(inRedis.length);
  expect(await inLedger()).toEqual(inRedis);
});

test('[R1033] a rolling update of edges, then of booking processes, each in the place of the old one', async () => {
  const venue = await startRollingVenue(lastRelease);
  const run = new RollingRun(venue, { sockets });
  await run.start();
  for (const fleet of [venue.edges, venue.bookings]) {
    for (const old of fleet.running) {
      await run.settle();
      await fleet.replaceInPlace(old, thisBuild);
    }
  }
  await run.settle();
  expect((await run.finish('edges, then booking processes')).problems).toEqual([]);
});

test('[R1032] the control: the checks find an edge that ends without closing its connections', async () => {
  const venue = await startRollingVenue(thisBuild);
  const run = new RollingRun(venue, { sockets: 100 });
  await run.start();
  const [first, second] = venue.edges.running as [TestServer, TestServer];
  await Promise.all([first.kill('SIGKILL'), second.kill('SIGKILL')]);
  await expect.poll(() => run.watchers.areLive, patience).toBe(false);
  await Promise.all([first.restart(), second.restart()]);
  const { problems } = await run.finish('the control: edges end by SIGKILL');
  expect(problems).toContainEqual('100 sockets were closed with 1006');
});
