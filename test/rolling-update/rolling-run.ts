import { onTestFinished } from 'vitest';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { audit } from '../faults/audit.ts';
import { HttpBooker } from '../faults/http-booker.ts';
import { Load, type Operation } from '../faults/load.ts';
import { proofLine } from '../faults/proof-line.ts';
import { chosenSeed } from '../faults/seeded-random.ts';
import { until } from '../faults/time.ts';
import { readVenueRecord, type VenueRecord } from '../faults/venue-log.ts';
import { childrenOf, MachineShare } from './machine-share.ts';
import { holdTtlMs, layout, type RollingVenue } from './rolling-venue.ts';
import { notCarriedOut } from './watcher.ts';
import { Watchers } from './watchers.ts';

/** 50 users with half a second between two commands: 100 commands per second. */
const users = 25;
const thinkMs = 450;
/** Enough that they are refused seldom. */
const hotSeats = 200;
/** The time that a reply may take with all of the CPU. */
const maxReplyMs = 2_000;
const allLiveTimeoutMs = 120_000;

export interface RollingVerdict {
  /** Each is a promise that was broken. */
  problems: string[];
  record: VenueRecord;
}

/** Sockets and commands while processes are replaced. */
export class RollingRun {
  readonly watchers: Watchers;
  readonly #venue: RollingVenue;
  readonly #share: MachineShare;
  readonly #began: ReturnType<MachineShare['mark']>;
  readonly #load: Load;
  readonly #seed = chosenSeed();

  /** Half of the commands are sent over the sockets, half over HTTP. */
  constructor(venue: RollingVenue, { sockets }: { sockets: number }) {
    this.#venue = venue;
    const { url, pid } = venue.nginx;
    const always = [process.pid, ...childrenOf(pid)];
    this.#share = new MachineShare(() => [
      ...always,
      ...[venue.edges, venue.bookings].flatMap((fleet) => fleet.running.map((each) => each.pid)),
    ]);
    this.#began = this.#share.mark();
    this.watchers = new Watchers({ url, count: sockets, share: this.#share });
    const ofSockets = Array.from({ length: users }, (_, i) => this.watchers.userOf(`ws-user-${i}`));
    const ofHttp = Array.from({ length: users }, (_, i) => new HttpBooker({ userId: `http-user-${i}`, urls: [url] }));
    const seatIds = [...emptySeats(gridPlan(layout))].map(({ id }) => id);
    const bookers = [...ofSockets, ...ofHttp];
    this.#load = new Load({ bookers, seatIds, seed: this.#seed, hotSeats, thinkMs });
    onTestFinished(async () => {
      await this.#load.stop();
      this.watchers.close();
      this.#share.stop();
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
    const record = await this.#recordAfterHolds();
    const seats = new Map([...emptySeats(gridPlan(layout))].map((seat) => [seat.id, seat]));
    const { violations, ...counts } = audit({
      operations,
      eras: [{ initial: seats, events: record.events }],
      seats: record.seats,
      holdMs: holdTtlMs,
    });
    const { closes, longestOutageMs, longestOutageWallMs } = this.watchers;
    const machineShare = this.#share.since(this.#began);
    const failures = failuresOf(operations, machineShare);
    const slowestReplyMs = Math.max(
      ...operations.map(({ invokedAtMs, returnedAtMs = 0 }) => returnedAtMs - invokedAtMs),
    );
    proofLine({
      ...{ update, seed: this.#seed, sockets: this.watchers.all.length, ...counts, violations: violations.length },
      operationsPerSecond: operations.length / ((performance.now() - this.#began.wallMs) / 1000),
      ...{ closed: JSON.stringify(closes), failures: JSON.stringify(failures) },
      ...{ slowestReplyMs, longestOutageMs, longestOutageWallMs, machineShare: machineShare.toFixed(2) },
    });
    return { problems: [...violations, ...socketProblems(this.watchers), ...commandProblems(failures)], record };
  }

  /** The last hold has ended: nothing changes any more. */
  async #recordAfterHolds(): Promise<VenueRecord> {
    let record = await readVenueRecord(this.#venue.redis);
    await until('no seat is held', async () => {
      record = await readVenueRecord(this.#venue.redis);
      return [...record.seats.values()].every(({ status }) => status !== SeatStatus.held);
    });
    return record;
  }

  async #watchersAreLive(): Promise<void> {
    await until('every socket is live', () => this.watchers.areLive, allLiveTimeoutMs);
  }
}

function socketProblems({ closes }: Watchers): string[] {
  return Object.entries(closes).flatMap(([code, times]) =>
    Number(code) === closeCodes.serviceRestart.code ? [] : [`${times} sockets were closed with ${code}`],
  );
}

/** A command on a connection that is closed with 1012 is sent again. Any other one must have a decision. */
function commandProblems({ [notCarriedOut]: _, [slowMachine]: __, ...others }: Record<string, number>): string[] {
  return Object.entries(others).map(([code, times]) => `${times} commands failed: ${code}`);
}

/** TIMEOUT of a machine that had no CPU for the command in that time. */
const slowMachine = 'TIMEOUT of the machine';

function failuresOf(operations: readonly Operation[], machineShare: number): Record<string, number> {
  const failures: Record<string, number> = {};
  for (const { failure, invokedAtMs, returnedAtMs = 0 } of operations) {
    if (!failure) continue;
    const isOfMachine = failure === 'TIMEOUT' && (returnedAtMs - invokedAtMs) * machineShare <= maxReplyMs;
    const name = isOfMachine ? slowMachine : failure;
    failures[name] = (failures[name] ?? 0) + 1;
  }
  return failures;
}
