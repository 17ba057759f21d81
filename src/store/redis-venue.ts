import { ok as assert } from 'node:assert/strict';
import type { Logger } from 'pino';
import type { SeatEvent } from '../protocol/events.ts';
import type { PlannedSeat, Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { planConflict } from '../shows/plan-conflict.ts';
import { planHash } from '../shows/plan-hash.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { seatWith } from '../venue/seat-with.ts';
import { eventOfLog, pairsOf } from './event-log.ts';
import { type FoundVenue, missingParts, type PlanMark, readSeat } from './found-venue.ts';
import type { RedisConnection } from './redis-connection.ts';
import { chunksOf, itemsPerCall, RedisOpening } from './redis-opening.ts';
import { isWithheld, restoredSeat, type VenueRemains, withProof } from './restore-venue.ts';
import type { Lock } from './seat-rules.ts';
import {
  newSystemId,
  type ProvenBooking,
  type ProvenBookings,
  ShowRefusedError,
  StoreUnavailableError,
  type VenueSnapshot,
} from './seat-store.ts';
import { planText, storedPlan } from './stored-plan.ts';
import type { VenueKeys } from './venue-keys.ts';

/** Attempts to open a venue while other processes open it too, or while it loses further parts. */
const openAttempts = 5;

/** At most this many seat ids are named in one log line. */
const namedSeats = 20;

interface RedisVenueOptions {
  connection: RedisConnection;
  keys: VenueKeys;
  /** Id of the show. */
  name: string;
  plan: SeatingPlan;
  planReadAtMs: number;
  provenBookings: ProvenBookings;
  logger: Logger;
}

/**
 * Opens a show in Redis: reads all of it, and creates or restores missing parts, or changes its plan, in a new epoch. Belongs to one run
 * of one server: what was read from one is never written to another.
 */
export class RedisVenue {
  readonly #connection: RedisConnection;
  readonly #run: string | undefined;
  readonly #keys: VenueKeys;
  readonly #name: string;
  readonly #plan: SeatingPlan;
  readonly #planReadAtMs: number;
  readonly #provenBookings: ProvenBookings;
  readonly #logger: Logger;

  constructor({ connection, keys, name, plan, planReadAtMs, provenBookings, logger }: RedisVenueOptions) {
    this.#connection = connection;
    this.#run = connection.run;
    this.#keys = keys;
    this.#name = name;
    this.#plan = plan;
    this.#planReadAtMs = planReadAtMs;
    this.#provenBookings = provenBookings;
    this.#logger = logger;
  }

  async open(knownSystem?: string): Promise<VenueSnapshot> {
    // A process with an older plan retries again and again: this does not read every seat.
    this.#requireNewestPlan(await this.#readPlanMark());
    for (let attempt = 0; attempt < openAttempts; attempt++) {
      const found = await this.#readVenue();
      // Another process may know it by now as a newer run, e.g. since its promotion.
      if (found.epoch !== '' && !this.#connection.isOfThisRun(found.epoch)) await this.#connection.learnRun();
      const isOwnPlan = found.planHash === this.#planHash;
      const missing = missingParts(found, this.#planOf(found));
      if (missing.length === 0 && (await this.#isBehindLog(found))) missing.push('transitions of seats');
      if (!isOwnPlan) this.#requireReplaceable(found, missing);
      if (this.#connection.isOfThisRun(found.epoch) && missing.length === 0 && isOwnPlan) {
        const { system, epoch, seq, nowMs } = found;
        return { system, epoch, seq, nowMs, seats: this.#plan.ids.flatMap((id) => found.seats.get(id) ?? []) };
      }
      await this.#endEpoch(found.epoch, missing);
      await this.#restore(knownSystem, missing.length > 0 || found.epoch === '');
    }
    throw new StoreUnavailableError('Redis loses parts of the venue faster than they can be restored');
  }

  async #readPlanMark(): Promise<PlanMark> {
    const { redis } = this.#connection;
    const [hash, readAtMs] = await this.#call(() => redis.hmget(this.#keys.about, 'plan', 'plan_read_at_ms'));
    return { planHash: hash ?? undefined, planReadAtMs: Number(readAtMs ?? 0) };
  }

  get #planHash(): string {
    return planHash(this.#plan);
  }

  /** True if the show was last opened with another plan. Rejects as `open` does. */
  async hasOtherPlan(): Promise<boolean> {
    const { planHash: hash } = await this.#readPlanMark();
    return hash !== undefined && hash !== this.#planHash;
  }

  /** `epoch`: '' if there is none; `seq`: -1 if there is none. */
  async #readVenue(): Promise<FoundVenue> {
    const { redis } = this.#connection;
    const [nowMs, epoch, seq, fields, oldestSeq, newestSeq, hasLog, aboutFields, keyCount, hasPlan] = await this.#call(
      () => redis.readVenue(...this.#keys.all),
    );
    const seats = new Map<string, Seat>();
    for (const [id, json] of pairsOf(fields)) {
      const seat = readSeat(json);
      if (seat) seats.set(id, seat);
    }
    const about: Record<string, string | undefined> = Object.fromEntries(pairsOf(aboutFields));
    if (about.venue !== undefined && about.venue !== this.#name) {
      throw this.#refused(
        `Redis holds the show "${about.venue}" where "${this.#name}" should be. Set another REDIS_KEY_PREFIX`,
      );
    }
    const { system = '', plan: hash, plan_read_at_ms: planReadAtMs } = about;
    // It wrote no plan. A lost plan leaves a trace, unless all three of its parts are lost.
    const isOfOlderRelease = hash === undefined && planReadAtMs === undefined && hasPlan === 0;
    const plan = hasPlan === 1 ? await this.#readPlan(hash) : undefined;
    return {
      nowMs,
      epoch,
      seq,
      seats,
      system,
      isCreating: about.creating !== undefined,
      isAboutWhole: system !== '' && (hash !== undefined || isOfOlderRelease),
      planHash: hash ?? (plan && planHash(plan)),
      planReadAtMs: Number(planReadAtMs ?? 0),
      plan,
      oldestSeq,
      newestSeq,
      hasLog: hasLog === 1,
      keyCount,
    };
  }

  async #readPlan(hash: string | undefined): Promise<SeatingPlan | undefined> {
    if (hash === this.#planHash) return this.#plan;
    return storedPlan(await this.#call(() => this.#connection.redis.get(this.#keys.plan)), hash);
  }

  /** The plan with which the show was last opened, as far as it is known. */
  #planOf({ plan, planHash: hash }: FoundVenue): SeatingPlan | undefined {
    return plan ?? (hash === undefined || hash === this.#planHash ? this.#plan : undefined);
  }

  /** As `RedisConnection.call`; data of another kind under the keys of the show is a refusal. */
  async #call<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await this.#connection.call(() => {
        if (this.#connection.run !== this.#run)
          throw new StoreUnavailableError('Redis was replaced while the show was opened');
        return command();
      });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError && error.message.includes('WRONGTYPE'))) throw error;
      const keys = `${this.#keys.seats}, ${this.#keys.about} …`;
      throw this.#refused(`Redis holds data of another kind under its keys (${keys}). Set another REDIS_KEY_PREFIX`);
    }
  }

  #refused(reason: string): ShowRefusedError {
    return new ShowRefusedError(this.#name, reason);
  }

  /**
   * Two processes with different plans must not replace each other's for ever: the plan that was read last stays. Of two
   * that were read in the same millisecond, the one with the greater hash stays.
   */
  #requireNewestPlan({ planHash: hash, planReadAtMs }: PlanMark): void {
    if (hash === undefined || hash === this.#planHash) return;
    const later = planReadAtMs - this.#planReadAtMs || (hash > this.#planHash ? 1 : -1);
    if (later > 0) throw this.#refused('it has a newer plan by now. Restart this process with the new file');
  }

  #requireReplaceable(found: FoundVenue, missing: readonly string[]): void {
    const { planHash: hash, plan, seats, nowMs } = found;
    this.#requireNewestPlan(found);
    // Nothing shows whether a lost seat was sold, and the new plan may not have it.
    if (hash !== undefined && missing.length > 0) {
      throw this.#refused(
        `its file has changed, and Redis has lost ${missing.join(' and ')}. Start once with its previous file, which restores them`,
      );
    }
    const isTaken = ({ status, expires_at = 0 }: Seat) =>
      status === SeatStatus.booked || (status === SeatStatus.held && expires_at * 1000 > nowMs);
    const conflict = planConflict(plan, this.#plan, [...seats.values()].filter(isTaken));
    if (conflict) throw this.#refused(`its file has changed, and ${conflict}. Undo that change`);
  }

  async #endEpoch(epoch: string, missing: readonly string[]): Promise<void> {
    if (epoch === '') return;
    const isOfThisRun = this.#connection.isOfThisRun(epoch);
    this.#logger.info({ epoch, missing, isOfThisRun }, 'The epoch of the venue ends');
    await this.#call(() => this.#connection.redis.endEpoch(this.#keys.epoch, epoch));
  }

  /** Writes the state that the remaining data and the ledger prove, and opens a new epoch. Nothing is decided meanwhile. */
  async #restore(knownSystem: string | undefined, isDamaged: boolean): Promise<void> {
    const opening = await RedisOpening.begin(this.#connection, this.#keys, (command) => this.#call(command));
    const proven = await this.#proven();
    const found = await this.#readVenue();
    if (found.epoch !== '') return; // another process has opened it
    const before = found.seats;
    const known = found.plan ?? this.#plan;
    const locks = await this.#readLocks();
    const isFresh = (found.keyCount === 0 || found.isCreating) && !hasUnprovenLock(locks, proven);
    const missing = isFresh ? [] : missingParts(found, this.#planOf(found));
    if (found.planHash !== this.#planHash) this.#requireReplaceable(found, missing);
    const lastEvents = isDamaged && !isFresh ? await this.#readLastEvents(found) : new Map<string, SeatEvent>();
    const isLogWhole =
      isFresh || (found.oldestSeq === 1 && found.newestSeq >= found.seq) || (found.seq === 0 && found.newestSeq === 0);
    const remains: VenueRemains = {
      seats: before,
      locks,
      lastEvents,
      isUntouched: ({ id }) => isLogWhole || known.indexOf(id) === undefined,
    };
    const remaining = [...this.#plan.seats()].map((planned) => inPlace(planned, restoredSeat(planned, remains)));
    const seats = remaining.map((seat) => withProof(seat, proven.get(seat.id)));
    const changed = seats.filter((seat) => before.get(seat.id) !== seat);
    await opening.writeLocks(locksOfBooked(seats, locks));
    if (missing.length > 0) {
      const lost = lostLocksOfHeld(seats, locks, found.nowMs);
      await opening.writeLocks(lost);
      for (const [id, lock] of lost) locks.set(id, lock);
    }
    const seq = Math.max(0, found.seq, found.newestSeq, ...chunksOf(seats).map(newestSeqOf));
    const removed = [...before.keys()].filter((id) => this.#plan.indexOf(id) === undefined);
    const system = found.system || knownSystem || newSystemId();
    const about = { system, venue: this.#name, plan: this.#planHash, plan_read_at_ms: String(this.#planReadAtMs) };
    const plan = planText(this.#plan);
    const isOpen = await opening.finish(changed, { isFresh, seq, about, plan, removed, holds: holdsOf(seats, locks) });
    if (!isOpen) return; // another process has opened it
    if (found.planHash !== undefined && found.planHash !== this.#planHash) {
      this.#logger.warn({ from: found.planHash, to: this.#planHash, removed }, 'The plan of the show has changed');
    }
    const restored = new Set(seats.filter((seat, i) => seat !== remaining[i]));
    if (restored.size > 0) {
      this.#logger.error(named([...restored]), 'Redis had lost bookings; they have been restored from the ledger');
    }
    const isDamage = (seat: Seat) => !isFresh && !restored.has(seat);
    this.#report(missing, changed.filter(isDamage), seats);
  }

  /** By seat. */
  async #proven(): Promise<Map<string, ProvenBooking>> {
    const proven = new Map((await this.#provenBookings()).map((booking) => [booking.seatId, booking]));
    const unplanned = [...proven.keys()].filter((id) => this.#plan.indexOf(id) === undefined);
    if (unplanned.length === 0) return proven;
    const ids = unplanned.slice(0, namedSeats).join(', ');
    throw this.#refused(`its file has changed, and does not have seats that are booked: ${ids}. Undo that change`);
  }

  async #readLocks(): Promise<Map<string, Lock>> {
    const locks = new Map<string, Lock>();
    for (const ids of chunksOf(this.#plan.ids)) {
      const keys = ids.map((id) => this.#keys.lock(id));
      const found = await this.#call(() => this.#connection.redis.readLocks(keys.length, ...keys));
      assert(found.length === 2 * keys.length, 'read-locks.lua must read each lock');
      for (const [i, id] of ids.entries()) {
        const [userId, endMs] = [found[2 * i], Number(found[2 * i + 1])];
        if (typeof userId === 'string') locks.set(id, { userId, ...(endMs >= 0 && { expiresAtMs: endMs }) });
      }
    }
    return locks;
  }

  /** True if the newest part of the log has a later transition of a seat. */
  async #isBehindLog({ seats, oldestSeq, newestSeq }: FoundVenue): Promise<boolean> {
    const lastEvents = await this.#readLastEvents({
      oldestSeq: Math.max(oldestSeq, newestSeq - itemsPerCall + 1),
      newestSeq,
    });
    return [...seats.values()].some(({ id, seq }) => (lastEvents.get(id)?.seq ?? 0) > seq);
  }

  async #readLastEvents({
    oldestSeq,
    newestSeq,
  }: Pick<FoundVenue, 'oldestSeq' | 'newestSeq'>): Promise<Map<string, SeatEvent>> {
    const events = new Map<string, SeatEvent>();
    for (let from = oldestSeq; from > 0 && from <= newestSeq; from += itemsPerCall) {
      // Not beyond `newestSeq`: later events are newer than the seats that were read with it.
      const range = [`${from}-0`, `${Math.min(from + itemsPerCall - 1, newestSeq)}-0`] as const;
      const entries = await this.#call(() => this.#connection.redis.xrange(this.#keys.events, ...range));
      for (const [, fields] of entries) {
        const event = eventOfLog('', fields);
        events.set(event.seat_id, event);
      }
    }
    return events;
  }

  #report(missing: readonly string[], changed: readonly Seat[], seats: readonly Seat[]): void {
    const logger = this.#logger;
    if (missing.length > 0 || changed.some(({ seq }) => seq > 0)) {
      const details = { missing, ...named(changed) };
      logger.error(details, 'Redis had lost a part of the venue; it has been restored in a new epoch');
    }
    const withheld = seats.filter(isWithheld);
    if (withheld.length === 0) return;
    logger.error(named(withheld), 'Seats are not for sale: Redis lost them, and nothing proves that they are free');
  }
}

/** A changed plan may count rows and seats differently. */
function inPlace(planned: PlannedSeat, seat: Seat): Seat {
  return seat.row === planned.row && seat.col === planned.col ? seat : seatWith(planned, seat);
}

/** Locks of proven bookings are no trace of a damaged show: an opening writes them before anything else. */
function hasUnprovenLock(locks: ReadonlyMap<string, Lock>, proven: ReadonlyMap<string, ProvenBooking>): boolean {
  const isProven = ([id, { userId, expiresAtMs }]: [string, Lock]) =>
    expiresAtMs === undefined && proven.get(id)?.userId === userId;
  return ![...locks].every(isProven);
}

/** The locks without an end that booked seats lack. */
function locksOfBooked(seats: readonly Seat[], locks: ReadonlyMap<string, Lock>): [seatId: string, lock: Lock][] {
  const isLocked = ({ id, held_by }: Seat) => {
    const lock = locks.get(id);
    return lock?.userId === held_by && lock?.expiresAtMs === undefined;
  };
  const unlocked = seats.filter((seat) => seat.status === SeatStatus.booked && !isWithheld(seat) && !isLocked(seat));
  return unlocked.map(({ id, held_by: userId = '' }) => [id, { userId }]);
}

/** The locks of holds, which last until their end although the locks were lost. */
function lostLocksOfHeld(
  seats: readonly Seat[],
  locks: ReadonlyMap<string, Lock>,
  nowMs: number,
): [seatId: string, lock: Lock][] {
  return seats.flatMap(({ id, status, held_by: userId, expires_at = 0 }): [string, Lock][] => {
    const expiresAtMs = Math.round(expires_at * 1000);
    const isLost = status === SeatStatus.held && userId !== undefined && !locks.has(id) && expiresAtMs > nowMs;
    return isLost ? [[id, { userId, expiresAtMs }]] : [];
  });
}

/** For a log line. */
const named = (seats: readonly Seat[]) => ({
  seats: seats.length,
  first: seats.slice(0, namedSeats).map(({ id }) => id),
});

const newestSeqOf = (seats: readonly Seat[]) => seats.reduce((newest, { seq }) => Math.max(newest, seq), 0);

/** The content of `venue:holds`: by user, `<seat id>=<end in ms> …`. */
function holdsOf(seats: readonly Seat[], locks: ReadonlyMap<string, Lock>): Record<string, string> {
  const holds: Record<string, string> = {};
  for (const { id, status, held_by } of seats) {
    const endMs = locks.get(id)?.expiresAtMs;
    if (status !== SeatStatus.held || held_by === undefined || endMs === undefined) continue;
    holds[held_by] = [holds[held_by], `${id}=${endMs}`].filter(Boolean).join(' ');
  }
  return holds;
}
