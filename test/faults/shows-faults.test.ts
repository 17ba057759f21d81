import { expect, onTestFinished, test, vi } from 'vitest';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import type { TestServer } from '../support/servers.ts';
import { expectProven, faultTestTimeoutMs, limitMs } from './expect-proven.ts';
import { type FaultOutcome, type FaultResult, type FaultRun, runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { startLeakyEdge } from './leaky-edge.ts';
import { nowMs, pause } from './time.ts';
import { readVenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: 2 * faultTestTimeoutMs });

const freshVenue = sharedFaultVenue({ holdSeconds: 3, shows: ['other'] });
/** Half of the users of other fault runs for each show. */
const users = { wsBookers: 4, httpBookers: 4 };

/** The same fault under a load that is spread over two shows with the same seats, and an audit of each show. */
async function faultOfBoth(fault: string, inflict: (run: FaultRun) => Promise<FaultOutcome>): Promise<FaultResult[]> {
  const venue = await freshVenue();
  const shows = [undefined, 'other'];
  let waiting = shows.length;
  let begin!: (run: FaultRun) => void;
  const outcome = new Promise<FaultRun>((resolve) => {
    begin = resolve;
  }).then(inflict);
  // Struck once, when both loads are under way.
  const together = (run: FaultRun): Promise<FaultOutcome> => {
    if (--waiting === 0) begin(run);
    return outcome;
  };
  return Promise.all(
    shows.map((show) => runFault(`${fault}, ${show ?? 'main'}`, { venue, ...users, ...(show && { show }) }, together)),
  );
}

function expectBothProven(results: readonly FaultResult[]): void {
  for (const result of results) expectProven(result);
  const [main, other] = results as [FaultResult, FaultResult];
  expect(main.record.epoch).not.toBe(other.record.epoch);
  expect(Math.min(main.verdict.transitions, other.verdict.transitions), 'both shows were in use').toBeGreaterThan(50);
}

test('[R621] [G2] [G7] kill -9 of a booking process that sells two shows: neither loses anything', async () => {
  const results = await faultOfBoth('two shows, booking kill -9', async ({ venue }) => {
    const beganAtMs = nowMs();
    await venue.bookings[0]?.kill('SIGKILL');
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectBothProven(results);
  for (const { interruptedMs } of results) expect(interruptedMs).toBeLessThan(limitMs);
});

test('[R621] [G5] [G7] kill -9 of an edge that shows two shows: every view of both is correct again', async () => {
  const results = await faultOfBoth('two shows, edge kill -9', async ({ venue }) => {
    const beganAtMs = nowMs();
    await venue.edges[0]?.kill('SIGKILL');
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectBothProven(results);
});

test('[R621] [G2] [G5] Redis is killed and restarted: both shows continue in epochs of their own', async () => {
  const results = await faultOfBoth('two shows, Redis kill -9', async ({ venue }) => {
    const beganAtMs = nowMs();
    const endedEpochs = await Promise.all(
      ['', keyPrefixOf('', 'other')].map(async (prefix) => (await readVenueRecord(venue.admin, { prefix })).epoch),
    );
    await venue.redis.kill('SIGKILL');
    await venue.redis.restart();
    return { beganAtMs, endedAtMs: nowMs(), endedEpochs };
  });
  expectBothProven(results);
});

test('[R621] the control: views that also get the updates of the other show are caught', async () => {
  const venue = await freshVenue();
  const edge = await startLeakyEdge(venue.edges[0]?.url ?? '', 'other');
  const booker = new HttpBooker({ userId: 'bob', urls: [venue.bookings[0]?.url ?? ''], show: 'other' });
  onTestFinished(async () => {
    edge.close();
    await booker.close();
  });
  let isOver = false;
  const ofOther = (async () => {
    while (!isOver) {
      await booker.ask('select', 'A1');
      await booker.ask('release', 'A1');
      await pause(20);
    }
  })();
  const leaky = { ...venue, edges: [{ ...venue.edges[0], url: edge.url } as TestServer] };
  const options = { venue: leaky, wsBookers: 2, httpBookers: 2, decidedBefore: 30, decidedAfter: 30 };
  const found = await runFault('control: a leaky edge', options, async () => {
    return { beganAtMs: nowMs(), endedAtMs: nowMs() };
  }).then(
    ({ verdict }) => verdict.violations,
    (error: Error) => [error.message],
  );
  isOver = true;
  await ofOther;
  expect(found.join('\n')).toMatch(/was followed by|The views differ|Not converged/);
});
