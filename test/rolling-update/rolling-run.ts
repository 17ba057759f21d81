import { onTestFinished } from 'vitest';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { audit } from '../faults/audit.ts';
import { HttpBooker } from '../faults/http-booker.ts';
import { Load, type Operation } from '../faults/load.ts';
import { proofLine } from '../faults/proof-line.ts';
import { chosenSeed } from '../faults/seeded-random.ts';
import { nowMs, until } from '../faults/time.ts';
import { readVenueRecord, type VenueRecord } from '../faults/venue-log.ts';
import { AwakeClock } from './awake-clock.ts';
import { holdTtlMs, layout, type RollingVenue } from './rolling-venue.ts';
import { notCarriedOut } from './watcher.ts';
import { Watchers } from './watchers.ts';

/** 50 users with half a second between two commands: 100 commands per second. */
const users = 25;
const thinkMs = 450;
/** Enough that they are refused seldom. */
const hotSeats = 200;
export const maxOutageMs = 2_000;

export interface RollingVerdict {
  /** Each is a promise that was broken. */
  problems: string[];
  record: VenueRecord;
}

/** Sockets and commands while processes are replaced. */
export class RollingRun {
  readonly watchers: Watchers;
  readonly #venue: RollingVenue;
  readonly #clock = new AwakeClock();
  readonly #load: Load;
  readonly #seed = chosenSeed();
  readonly #beganAtMs = nowMs();

  /** Half of the commands are sent over the sockets, half over HTTP. */
  constructor(venue: RollingVenue, { sockets }: { sockets: number }) {
    this.#venue = venue;
    const { url } = venue.nginx;
    this.watchers = new Watchers({ url, count: sockets, clock: this.#clock });
    const ofSockets = Array.from({ length: users }, (_, i) => this.watchers.userOf(`ws-user-${i}`));
    const ofHttp = Array.from({ length: users }, (_, i) => new HttpBooker({ userId: `http-user-${i}`, urls: [url] }));
    const seatIds = [...emptySeats(gridPlan(layout))].map(({ id }) => id);
    const bookers = [...ofSockets, ...ofHttp];
    this.#load = new Load({ bookers, seatIds, seed: this.#seed, hotSeats, thinkMs });
    onTestFinished(async () => {
      await this.#load.stop();
      this.watchers.close();
      this.#clock.stop();
      await Promise.all(ofHttp.map((booker) => booker.close()));
    });
  }

  async start(): Promise<void> {
    await this.#watchersAreLive();
    this.#load.start();
    await this.#load.decides(100);
  }

  /** Until the crowd is at rest again, and commands were decided by the processes that are there now. */
  async settle(): Promise<void> {
    await this.#watchersAreLive();
    await this.#load.decides(100);
  }

  async finish(update: string): Promise<RollingVerdict> {
    await this.#watchersAreLive();
    await this.#load.stop();
    const { operations } = this.#load;
    const record = await readVenueRecord(this.#venue.redis);
    const seats = new Map([...emptySeats(gridPlan(layout))].map((seat) => [seat.id, seat]));
    const { violations, ...counts } = audit({
      operations,
      eras: [{ initial: seats, events: record.events }],
      seats: record.seats,
      holdMs: holdTtlMs,
    });
    const { closes, longestOutageMs } = this.watchers;
    const slowestReplyMs = Math.max(
      ...operations.map(({ invokedAtMs, returnedAtMs = 0 }) => returnedAtMs - invokedAtMs),
    );
    proofLine({
      ...{ update, seed: this.#seed, sockets: this.watchers.all.length, ...counts, violations: violations.length },
      operationsPerSecond: operations.length / ((nowMs() - this.#beganAtMs) / 1000),
      ...{ closed: JSON.stringify(closes), sentAgain: failuresOf(operations)[notCarriedOut] ?? 0 },
      ...{ slowestReplyMs, longestOutageMs, stalledMs: this.#clock.stalledMs },
    });
    return { problems: [...violations, ...socketProblems(this.watchers), ...commandProblems(operations)], record };
  }

  async #watchersAreLive(): Promise<void> {
    const dbg = setInterval(() => console.log('DBG', this.watchers.all.filter((w) => w.isLive).length, JSON.stringify(this.watchers.closes), this.watchers.all.filter((w) => !w.isLive).slice(0, 1).map((w) => (w as unknown as {dbg: string[]}).dbg.slice(-6).join(' | '))), 3000);
    await until('every socket is live', () => this.watchers.areLive, 40_000).finally(() => clearInterval(dbg));
  }
}

function socketProblems({ closes, longestOutageMs }: Watchers): string[] {
  return [
    ...Object.entries(closes).flatMap(([code, times]) =>
      Number(code) === closeCodes.serviceRestart.code ? [] : [`${times} sockets were closed with ${code}`],
    ),
    ...(longestOutageMs <= maxOutageMs
      ? []
      : [`a socket was without a live state for ${Math.round(longestOutageMs)} ms`]),
  ];
}

/** A command on a connection that is closed with 1012 is sent again. Any other one must have a reply. */
function commandProblems(operations: readonly Operation[]): string[] {
  const { [notCarriedOut]: _, ...others } = failuresOf(operations);
  return Object.entries(others).map(([code, times]) => `${times} commands failed: ${code}`);
}

function failuresOf(operations: readonly Operation[]): Record<string, number> {
  const failures: Record<string, number> = {};
  for (const { failure } of operations) if (failure) failures[failure] = (failures[failure] ?? 0) + 1;
  return failures;
}
