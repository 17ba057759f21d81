import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { CommandAction } from '../../bench/audit/seat-rules.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { audit, firstOf, type Verdict } from './audit.ts';
import type { Booker, Reply } from './booker.ts';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { type FaultVenue, sharedFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { Load, type Operation } from './load.ts';
import { proofLine } from './proof-line.ts';
import { recordIn } from './record-in.ts';
import { chosenSeed } from './seeded-random.ts';
import { nowMs, pause } from './time.ts';
import type { VenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const aofFolder = 'appendonlydir';
/** The time whose writes may not be on disk yet with `everysec`. */
const unsyncedMs = 1_000;
const layout = { rows: 20, cols: 20 };
const freshVenue = sharedFaultVenue({ ...layout, edges: 0 });

/** The length of the log that the operating system had when a reply arrived. */
interface Witness {
  atMs: number;
  aofBytes: number;
}

/** Reads the length of the log file after every reply, before any other action. */
class WitnessedBooker implements Booker {
  readonly userId: string;
  readonly #booker: HttpBooker;
  readonly #aofFile: string;
  readonly #witnesses: Witness[];

  constructor(booker: HttpBooker, aofFile: string, witnesses: Witness[]) {
    this.userId = booker.userId;
    this.#booker = booker;
    this.#aofFile = aofFile;
    this.#witnesses = witnesses;
  }

  ask(action: UserAction, seatId: string): Promise<Reply> {
    return this.#witness(this.#booker.ask(action, seatId));
  }

  askGroup(action: CommandAction, seatIds: readonly string[]): Promise<Reply> {
    return this.#witness(this.#booker.askGroup(action, seatIds));
  }

  async #witness(asked: Promise<Reply>): Promise<Reply> {
    const reply = await asked;
    const aofBytes = statSync(this.#aofFile).size;
    this.#witnesses.push({ atMs: nowMs(), aofBytes });
    return reply;
  }
}

interface Recorded {
  venue: FaultVenue;
  aofName: string;
  operations: Operation[];
  witnesses: Witness[];
  seed: number;
}

/** Bookings under load, with a witness of each reply; then Redis is killed. */
async function recordUntilTheCut(appendfsync: 'always' | 'everysec'): Promise<Recorded> {
  const venue = await freshVenue();
  await venue.admin.config('SET', 'appendfsync', appendfsync);
  expect(await venue.admin.config('GET', 'appendfsync')).toEqual(['appendfsync', appendfsync]);
  const aofName = readdirSync(join(venue.redisDir, aofFolder)).find((name) => name.endsWith('.incr.aof')) as string;
  const aofFile = join(venue.redisDir, aofFolder, aofName);
  const urls = venue.bookings.map(({ url }) => url);
  const bookers = Array.from({ length: 12 }, (_, i) => new HttpBooker({ userId: `user-${i}`, urls, startAt: i }));
  onTestFinished(async () => {
    await Promise.all(bookers.map((booker) => booker.close()));
  });
  const witnesses: Witness[] = [];
  const seed = chosenSeed();
  const seatIds = [...emptySeats(gridPlan(layout))].map(({ id }) => id);
  const witnessed = bookers.map((booker) => new WitnessedBooker(booker, aofFile, witnesses));
  const load = new Load({ bookers: witnessed, seatIds, seed, thinkMs: 15, bookedShare: 0.2 });
  load.start();
  await Promise.all([load.decides(500), pause(2 * unsyncedMs)]);
  await venue.redis.kill('SIGKILL');
  await load.stop();
  return { venue, aofName, operations: load.operations, witnesses, seed };
}

/** The data of a Redis that starts with a copy of the log truncated there. */
async function afterCutAt({ venue, aofName }: Recorded, aofBytes: number): Promise<VenueRecord> {
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-cut-'));
  cpSync(join(venue.redisDir, aofFolder), join(dir, aofFolder), { recursive: true });
  truncateSync(join(dir, aofFolder, aofName), aofBytes);
  try {
    return await recordIn(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Everything confirmed by then must exist; unconfirmed changes may exist or not. */
function judge({ operations, venue }: Recorded, answeredBeforeMs: number, { seats, events }: VenueRecord): Verdict {
  const told = operations
    .filter(({ invokedAtMs }) => invokedAtMs < answeredBeforeMs)
    .map((operation): Operation => {
      const isAnswered = (operation.returnedAtMs ?? Number.POSITIVE_INFINITY) < answeredBeforeMs;
      return isAnswered ? operation : { ...operation, outcome: 'unknown' };
    });
  const initial = new Map(
    [...emptySeats(gridPlan(layout))].map((seat) => [seat.id, { ...seat, status: SeatStatus.available }]),
  );
  return audit({ operations: told, eras: [{ initial, events }], seats, holdMs: venue.holdMs });
}

test('[G2] a power cut of the Redis host loses nothing that was confirmed by then', async () => {
  const recorded = await recordUntilTheCut('always');
  const { witnesses, seed } = recorded;
  const cuts = [0.1, 0.3, 0.5, 0.7, 0.9, 1].map((share) => Math.ceil(share * (witnesses.length - 1)) - 1);
  for (const [index, cut] of cuts.entries()) {
    const { aofBytes } = witnesses[cut] as Witness;
    const record = await afterCutAt(recorded, aofBytes);
    // Its reply was recorded right after its witness, before the next one.
    const verdict = judge(recorded, (witnesses[cut + 1] as Witness).atMs, record);
    const { violations, ...counts } = verdict;
    proofLine({
      fault: 'power cut',
      appendfsync: 'always',
      cut: index + 1,
      seed,
      ...counts,
      violations: violations.length,
    });
    expect(firstOf(violations)).toEqual([]);
    expect(verdict.confirmed + verdict.transitions).toBeGreaterThan(0);
  }
});

test('[G2] the control: with everysec, which leaves up to a second off the disk, the same auditor finds the losses', async () => {
  const recorded = await recordUntilTheCut('everysec');
  const { witnesses, seed } = recorded;
  const last = witnesses[witnesses.length - 2] as Witness;
  const synced = witnesses.findLast(({ atMs }) => atMs <= last.atMs - unsyncedMs) as Witness;
  const record = await afterCutAt(recorded, synced.aofBytes);
  const verdict = judge(recorded, (witnesses[witnesses.length - 1] as Witness).atMs, record);
  const { violations, ...counts } = verdict;
  proofLine({ control: 'power cut', appendfsync: 'everysec', seed, ...counts, violations: violations.length });
  expect(verdict.lost).toBeGreaterThan(0);
});
