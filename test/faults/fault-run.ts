import { onTestFinished } from 'vitest';
import { isSameSeat } from '../../bench/audit/seat-rules.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { seatId } from '../../src/protocol/seat-id.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import type { TestServer } from '../support/servers.ts';
import { audit, type Boundary, type Era, type Verdict } from './audit.ts';
import { type FaultVenue, startFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { Load, type LoadOptions, longestInterruptionMs } from './load.ts';
import { proofLine } from './proof-line.ts';
import { replay } from './replay.ts';
import { chosenSeed } from './seeded-random.ts';
import { nowMs, pause, until } from './time.ts';
import { VenueClient } from './venue-client.ts';
import { readVenueRecord, type VenueRecord } from './venue-log.ts';

export interface FaultRunOptions extends Partial<Omit<LoadOptions, 'bookers' | 'seatIds'>> {
  /** A venue without a sale; without it one is started. */
  venue?: FaultVenue;
  holdSeconds?: number;
  /** Id of the show that the users want seats of, with the seats of the default show; without it, the default show. */
  show?: string;
  /** The users come through nginx, not to the edges and booking processes themselves. */
  throughNginx?: boolean;
  wsBookers?: number;
  httpBookers?: number;
  /** Operations that are decided before the fault, and after it. */
  decidedBefore?: number;
  decidedAfter?: number;
}

/** The facts about a fault. Times are those of `nowMs`. */
export interface FaultOutcome {
  beganAtMs: number;
  endedAtMs: number;
  /** The epoch that the fault ended, if any, and the time of its end. `isRestored`: the next one began with bookings from the ledger, and without a log. */
  lost?: { record: VenueRecord; boundary: Boundary; isRestored?: boolean };
  /** Epochs, one of each show under load, that the fault ends without a loss. */
  endedEpochs?: readonly string[];
  /** Figures of its own. */
  figures?: Record<string, number | string>;
}

export interface FaultRun {
  venue: FaultVenue;
  /** Prefix of the show's keys. */
  keyPrefix: string;
  load: Load;
  /** Each of them is a user as well. */
  clients: VenueClient[];
}

export interface FaultResult extends FaultRun, FaultOutcome {
  verdict: Verdict;
  record: VenueRecord;
  /** After the fault's end: every view is as far as Redis was then. */
  convergedAfterMs: number;
  /** From the start of the fault: the longest time of any user without a decision. */
  interruptedMs: number;
  /** After the end of the load: every view shows the state in Redis. */
  settledAfterMs: number;
  /** Ends users and venue; done at the end of the test, if not before. */
  stop(): Promise<void>;
}

/** Enough that every user has requested several seats. */
const decisions = Number(process.env.FAULT_DECISIONS ?? 100);

/** A venue under load, a fault during the load, and the audit of both. Prints one line of figures. */
export async function runFault(
  fault: string,
  options: FaultRunOptions,
  inflict: (run: FaultRun) => Promise<FaultOutcome>,
): Promise<FaultResult> {
  const { decidedBefore = decisions, decidedAfter = decisions, seed = chosenSeed() } = options;
  const venue =
    options.venue ?? (await startFaultVenue({ ...(options.holdSeconds && { holdSeconds: options.holdSeconds }) }));
  const { rows, cols } = venue;
  const { clients, httpBookers, leave } = await startUsers(venue, options);
  const stop = async () => {
    await leave();
    await venue.stop();
  };
  const seatIds = Array.from({ length: rows * cols }, (_, i) => seatId(Math.floor(i / cols), i % cols));
  const load = new Load({ ...options, bookers: [...clients, ...httpBookers], seatIds, seed });
  const run = { venue, keyPrefix: keyPrefixOf('', options.show), load, clients };
  load.start();
  try {
    await load.decides(decidedBefore);
    const outcome = await inflict(run);
    const convergedAfterMs = await converged(run, outcome);
    await load.decides(decidedAfter);
    const loadEndedAtMs = nowMs();
    await load.stop();
    const { record, settledAfterMs } = await settled(run);
    const verdict = audit({
      operations: load.operations,
      ...erasOf(record, outcome.lost),
      seats: record.seats,
      holdMs: venue.holdMs,
    });
    verdict.violations.unshift(
      ...clients.flatMap(({ userId, violations }) => violations.map((v) => `${userId}: ${v}`)),
      ...needlessEpochs(record, outcome),
    );
    const interruptedMs = longestInterruptionMs(load.operations, outcome.beganAtMs, loadEndedAtMs);
    const { violations, ...counts } = verdict;
    const faultMs = outcome.endedAtMs - outcome.beganAtMs;
    const times = { faultMs, convergedAfterMs, interruptedMs, settledAfterMs, slowestAnswerMs: slowestAnswerMs(load) };
    proofLine({ fault, seed, ...counts, violations: violations.length, ...times, ...outcome.figures });
    return { ...run, ...outcome, verdict, record, convergedAfterMs, interruptedMs, settledAfterMs, stop };
  } finally {
    await load.stop();
  }
}

async function startUsers(venue: FaultVenue, options: FaultRunOptions) {
  const { wsBookers = 8, httpBookers = 8, throughNginx = false, show } = options;
  const doors = throughNginx ? [venue.nginx as TestServer] : undefined;
  const edgeUrls = (doors ?? venue.edges).map(({ url }) => url);
  const bookingUrls = (doors ?? venue.bookings).map(({ url }) => url);
  const clients = Array.from({ length: wsBookers }, (_, i) => {
    return new VenueClient({ userId: `ws-user-${i}`, urls: edgeUrls, startAt: i, show });
  });
  const bookers = Array.from({ length: httpBookers }, (_, i) => {
    return new HttpBooker({ userId: `http-user-${i}`, urls: bookingUrls, startAt: i, show });
  });
  const leave = async () => {
    for (const client of clients) client.close();
    await Promise.all(bookers.splice(0).map((booker) => booker.close()));
  };
  onTestFinished(leave);
  await until('every client is live', async () => {
    // A show other than the default one is opened by its first client.
    const epoch = await venue.admin.get(`${keyPrefixOf('', show)}venue:epoch`);
    return clients.every((client) => client.isLive && client.epoch === epoch);
  });
  return { clients, httpBookers: [...bookers], leave };
}

/** Until every view is as far as Redis was at the fault's end, and knows that it is. */
async function converged({ venue, keyPrefix, clients }: FaultRun, outcome: FaultOutcome): Promise<number> {
  const { endedAtMs, lost, endedEpochs = lost ? [lost.record.epoch] : [] } = outcome;
  let goal: [epoch: string, seq: number] | undefined;
  await until('Redis has a venue again', async () => {
    const [epoch, seq] = await venue.admin.mget(`${keyPrefix}venue:epoch`, `${keyPrefix}venue:seq`).catch(() => []);
    if (epoch && !endedEpochs.includes(epoch)) goal = [epoch, Number(seq)];
    return goal !== undefined;
  });
  const [epoch, seq] = goal as [string, number];
  const isThere = (client: VenueClient) =>
    client.isLive && !client.isStale && client.epoch === epoch && client.seq >= seq;
  try {
    await until(`every view is at ${epoch}:${seq}`, () => clients.every(isThere));
  } catch (cause) {
    const views = clients.map((c) => `${c.userId} live ${c.isLive} stale ${c.isStale} at ${c.epoch}:${c.seq}`);
    throw new Error(`Not converged on ${epoch}:${seq}:\n${views.join('\n')}`, { cause });
  }
  return nowMs() - endedAtMs;
}

/** Without load: every view shows, seat by seat, the state in Redis. Holds that end meanwhile move both. */
async function settled({
  venue,
  keyPrefix,
  clients,
}: FaultRun): Promise<{ record: VenueRecord; settledAfterMs: number }> {
  const startedAtMs = nowMs();
  for (;;) {
    const record = await readVenueRecord(venue.admin, { prefix: keyPrefix });
    const isEqual = (client: VenueClient) =>
      client.epoch === record.epoch &&
      client.seq === record.seq &&
      [...record.seats].every(([id, seat]) => isSameSeat(seat, client.seats.get(id)));
    if (clients.every(isEqual)) return { record, settledAfterMs: nowMs() - startedAtMs };
    if (nowMs() - startedAtMs > 20_000) {
      const views = clients.map((client) => `${client.userId} at ${client.epoch}:${client.seq}`);
      throw new Error(`The views differ from Redis at ${record.epoch}:${record.seq}:\n${views.join('\n')}`);
    }
    await pause(10);
  }
}

/** The log of the last epoch begins with the seats that the one before it, where Redis still has it, has left. */
function erasOf(record: VenueRecord, lost: FaultOutcome['lost']): { eras: Era[]; boundaries: Boundary[] } {
  const empty = emptyVenue(record);
  const kept = record.events.filter(({ epoch }) => epoch !== record.epoch);
  const current: Era = {
    initial: lost?.isRestored ? asRestored(record, empty) : replay(kept, empty, 0).seats,
    events: record.events.filter(({ epoch }) => epoch === record.epoch),
  };
  if (!lost) return { eras: [{ initial: empty, events: record.events }], boundaries: [] };
  return { eras: [{ initial: empty, events: lost.record.events }, current], boundaries: [lost.boundary] };
}

/** A run of Redis that loses nothing has one epoch, whose name begins with the run. */
function needlessEpochs({ events, epoch }: VenueRecord, { lost, endedEpochs }: FaultOutcome): string[] {
  if (lost || endedEpochs) return [];
  const epochs = [...new Set([...events.map((event) => event.epoch), epoch])];
  const runs = epochs.map((each) => each.split('-')[0]);
  return epochs
    .filter((_, i) => runs.indexOf(runs[i]) < i)
    .map((each) => `The epoch ${each} began, though nothing was lost`);
}

/** A seat without a transition is as the epoch began; any other was available, because a booked one never changes. */
function asRestored({ seats, events }: VenueRecord, empty: ReadonlyMap<string, Seat>): Map<string, Seat> {
  const changed = new Set(events.map(({ seat_id }) => seat_id));
  return new Map([...empty].map(([id, seat]) => [id, changed.has(id) ? seat : (seats.get(id) ?? seat)] as const));
}

function emptyVenue({ seats }: VenueRecord): Map<string, Seat> {
  return new Map(
    [...seats].map(([id, { row, col }]) => [id, { id, row, col, status: SeatStatus.available, seq: 0 }] as const),
  );
}

/** Of those for which a process was available. */
function slowestAnswerMs({ operations }: Load): number {
  return Math.max(0, ...operations.map(({ invokedAtMs, returnedAtMs = invokedAtMs }) => returnedAtMs - invokedAtMs));
}
