import { randomUUID } from 'node:crypto';
import { endOfTurn } from '../end-of-turn.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { decideCall, decodeDecisions, type Question } from './decide-call.ts';
import { type EventFields, RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { writableKeys } from './redis-fitness.ts';
import { isWithheld, restoredSeat, type VenueRemains } from './restore-venue.ts';
import type { HoldRules, Lock } from './seat-rules.ts';
import {
  type Decision,
  type History,
  type KnownPosition,
  newSystemId,
  type SeatCommand,
  type SeatStore,
  StoreUnavailableError,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import {
  emptySeats,
  inRowMajorOrder,
  knownLayout,
  type NamedLayout,
  seatCount,
  type VenueLayout,
  venueMismatch,
} from './venue-layout.ts';

export interface RedisSeatStoreOptions extends RedisConnectionOptions, VenueLayout, HoldRules {
  /** Of the venue. A Redis remembers it: another name under the same prefix is refused. */
  name?: string;
  /** How many published events the log keeps for subscribers that catch up. */
  keepEvents?: number;
  /** Maximum length of the log, published or not; approximate. */
  maxEvents?: number;
}

/** Beyond this many seats or events, Redis gets several calls: each stays well below any limit of a command's size. */
const itemsPerCall = 5_000;

/** Limits of one script call, so that it does not keep others from Redis for long. */
const seatsPerCall = 256;
const commandsPerCall = 1_000;

/** Of opening a venue that other processes open, or that loses more of itself, at the same time. */
const openAttempts = 5;

/** At most this many seat ids are named in one log line. */
const namedSeats = 20;

interface Waiting extends Question {
  known: Position;
  resolve: (decision: Decision) => void;
  reject: (error: unknown) => void;
}

/** The venue in Redis, decided by scripts there (`lua/`); this is their client and nothing else. */
export class RedisSeatStore implements SeatStore {
  readonly #options: RedisSeatStoreOptions & { maxEvents: number };
  readonly #connection: RedisConnection;
  readonly #venueKeys: readonly [seats: string, epoch: string, seq: string, events: string];
  readonly #holdsKey: string;
  readonly #relayedKey: string;
  readonly #aboutKey: string;
  #waiting: Waiting[] = [];

  constructor(options: RedisSeatStoreOptions) {
    this.#options = { maxEvents: 500_000, ...options };
    this.#connection = new RedisConnection(options);
    const venueKey = (name: string) => `${options.keyPrefix}venue:${name}`;
    this.#venueKeys = [venueKey('seats'), venueKey('epoch'), venueKey('seq'), venueKey('events')];
    this.#holdsKey = venueKey('holds');
    this.#relayedKey = venueKey('relayed');
    this.#aboutKey = venueKey('about');
  }

  async open(knownSystem?: string): Promise<VenueSnapshot> {
    for (let attempt = 0; attempt < openAttempts; attempt++) {
      const found = await this.#readVenue();
      const missing = missingParts(found, this.#options);
      if (missing.length === 0 && (await this.#isBehindLog(found))) missing.push('transitions of seats');
      if (this.#connection.isOfThisRun(found.epoch) && missing.length === 0) {
        const { system, epoch, seq, nowMs, seats } = found;
        return { system, epoch, seq, nowMs, seats };
      }
      await this.#endEpoch(found.epoch);
      await this.#restore(knownSystem, missing.length > 0 || found.epoch === '');
    }
    throw new StoreUnavailableError('Redis loses parts of the venue faster than they are restored');
  }

  decide(seatId: string, commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) endOfTurn(() => this.#decideWaiting());
      this.#waiting.push({ seatId, seatSeq: known.seatSeq ?? 0, commands, known, resolve, reject });
    });
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const [nowMs, epoch, seq, events] = await this.#connection.call(() =>
      this.#connection.redis.readEvents(
        ...this.#venueKeys,
        position.epoch,
        position.seq,
        limit,
        seatCount(this.#options),
      ),
    );
    if (!this.#connection.isOfThisRun(epoch)) throw new VenueLostError('Redis was restarted');
    return { nowMs, epoch, seq, ...(events && { events: events.map((fields) => decodeEvent(epoch, fields)) }) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    const text = await this.#connection.call(() => this.#connection.redis.get(this.#relayedKey));
    if (text === null) return undefined;
    const colon = text.lastIndexOf(':');
    return { epoch: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
  }

  async markRelayed({ epoch, seq }: Position): Promise<void> {
    const [, epochKey, , eventsKey] = this.#venueKeys;
    const keep = this.#options.keepEvents ?? 100_000;
    await this.#connection.call(() =>
      this.#connection.redis.markRelayed(this.#relayedKey, epochKey, eventsKey, epoch, seq, keep),
    );
  }

  async audit(seats: readonly Seat[], { epoch }: Position): Promise<void> {
    const [seatsKey, epochKey] = this.#venueKeys;
    const keys = [seatsKey, epochKey, ...seats.map(({ id }) => this.#lockKey(id))];
    const args = seats.flatMap(({ id, seq }) => [id, seq]);
    await this.#connection.call(() => this.#connection.redis.auditSeats(keys.length, ...keys, epoch, ...args));
  }

  async checkWritable(): Promise<void> {
    await this.#connection.judge();
    await this.#connection.call(() => this.#connection.redis.checkWritable(...writableKeys(this.#options.keyPrefix)));
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  /** What is asked in one turn of the event loop is asked in one call: its cost for each is a small part of a call's. */
  #decideWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const epoch = waiting[0]?.known.epoch;
      let commands = 0;
      const end = waiting.findIndex((question, index) => {
        commands += question.commands.length;
        return question.known.epoch !== epoch || index >= seatsPerCall || (index > 0 && commands > commandsPerCall);
      });
      void this.#decideTogether(waiting.splice(0, end < 0 ? waiting.length : end));
    }
  }

  async #decideTogether(questions: Waiting[]): Promise<void> {
    try {
      const known = newestOf(questions);
      const json = await this.#connection.call(() => {
        if (!this.#connection.isOfThisRun(known.epoch)) throw new VenueLostError('Redis was restarted');
        const { keys, args } = decideCall(questions, known, this.#options);
        const allKeys = [...this.#venueKeys, this.#holdsKey, ...keys];
        const { redis } = this.#connection;
        return redis.decide(allKeys.length, ...allKeys, ...args).catch((error: Error) => {
          if (!/\bOOM\b/.test(error.message)) throw error;
          // Nothing was decided. What ends a hold still works.
          return redis.decideAtMemoryLimit(allKeys.length, ...allKeys, ...args, 'full');
        });
      });
      const decisions = decodeDecisions(json, known.epoch);
      questions.forEach(({ resolve }, i) => {
        resolve(decisions[i] as Decision);
      });
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }

  /** `epoch`: '' if there is none; `seq`: -1 if there is none. */
  async #readVenue(): Promise<FoundVenue> {
    const { redis } = this.#connection;
    const [nowMs, epoch, seq, fields, oldestSeq, newestSeq, hasLog, aboutFields, keyCount] =
      await this.#connection.call(() => redis.readVenue(...this.#allVenueKeys));
    const seats = [...pairsOf(fields)].map(([, json]) => JSON.parse(json) as Seat);
    const about = Object.fromEntries(pairsOf(aboutFields));
    const { system = '' } = about;
    const layout = knownLayout(about);
    const mismatch = venueMismatch(layout ?? layoutOf(seats), this.#options);
    if (mismatch) throw new StoreUnavailableError(`This Redis cannot be used. ${mismatch}`);
    return {
      nowMs,
      epoch,
      seq,
      seats: inRowMajorOrder(seats),
      system,
      layout,
      oldestSeq,
      newestSeq,
      hasLog: hasLog === 1,
      keyCount,
    };
  }

  async #endEpoch(epoch: string): Promise<void> {
    if (epoch === '') return;
    const [, epochKey] = this.#venueKeys;
    await this.#connection.call(() => this.#connection.redis.endEpoch(epochKey, epoch));
  }

  /** Writes the venue as far as what is left of it proves, and opens a new epoch. Nothing is decided meanwhile. */
  async #restore(knownSystem: string | undefined, isDamaged: boolean): Promise<void> {
    const found = await this.#readVenue();
    if (found.epoch !== '') return; // another process has opened it
    const before = new Map(found.seats.map((seat) => [seat.id, seat]));
    const locks = await this.#readLocks();
    const isFresh = found.keyCount === 0 && locks.size === 0;
    const missing = isFresh ? [] : missingParts(found, found.layout ?? this.#options);
    const lastEvents = isDamaged && !isFresh ? await this.#readLastEvents(found) : new Map<string, SeatEvent>();
    const isLogWhole =
      isFresh || (found.oldestSeq === 1 && found.newestSeq >= found.seq) || (found.seq === 0 && found.newestSeq === 0);
    const { rows, cols } = found.layout ?? this.#options;
    const remains: VenueRemains = {
      seats: before,
      locks,
      lastEvents,
      isUntouched: (seat) => isLogWhole || seat.row >= rows || seat.col >= cols,
    };
    const seats = [...emptySeats(this.#options)].map((empty) => restoredSeat(empty, remains));
    const changed = seats.filter((seat) => before.get(seat.id) !== seat);
    await this.#lockBooked(seats, locks);
    if (missing.length > 0) await this.#lockHeld(seats, locks, found.nowMs);
    const seq = Math.max(0, found.seq, found.newestSeq, ...chunksOf(seats).map(newestSeqOf));
    await this.#write(changed, seq, holdsOf(seats, locks), found.system || knownSystem || newSystemId());
    this.#report(missing, isFresh ? [] : changed, seats);
  }

  async #write(seats: readonly Seat[], seq: number, holds: Record<string, string>, system: string): Promise<void> {
    const { name: venue = 'main', rows, cols } = this.#options;
    const rest = JSON.stringify({ about: { system, venue, rows, cols }, holds });
    const chunks = seats.length === 0 ? [[]] : chunksOf(seats);
    for (const [index, chunk] of chunks.entries()) {
      const isLast = index === chunks.length - 1;
      const epoch = isLast ? `${this.#connection.run}-${randomUUID()}` : '';
      const pairs = chunk.flatMap((seat) => [seat.id, JSON.stringify(seat)]);
      await this.#connection.call(() =>
        this.#connection.redis.writeVenue(...this.#allVenueKeys, epoch, seq, rest, ...pairs),
      );
    }
  }

  async #readLocks(): Promise<Map<string, Lock>> {
    const locks = new Map<string, Lock>();
    for (const seats of chunksOf([...emptySeats(this.#options)])) {
      const keys = seats.map(({ id }) => this.#lockKey(id));
      const found = await this.#connection.call(() => this.#connection.redis.readLocks(keys.length, ...keys));
      for (const [i, { id }] of seats.entries()) {
        const [userId, endMs] = [found[2 * i] as string | null, found[2 * i + 1] as number];
        if (userId !== null) locks.set(id, { userId, ...(endMs >= 0 && { expiresAtMs: endMs }) });
      }
    }
    return locks;
  }

  /** Whether a seat is older than the newest part of the log says. */
  async #isBehindLog({ seats, oldestSeq, newestSeq }: FoundVenue): Promise<boolean> {
    const lastEvents = await this.#readLastEvents({
      oldestSeq: Math.max(oldestSeq, newestSeq - itemsPerCall + 1),
      newestSeq,
    });
    return seats.some(({ id, seq }) => (lastEvents.get(id)?.seq ?? 0) > seq);
  }

  async #readLastEvents({
    oldestSeq,
    newestSeq,
  }: Pick<FoundVenue, 'oldestSeq' | 'newestSeq'>): Promise<Map<string, SeatEvent>> {
    const events = new Map<string, SeatEvent>();
    for (let from = oldestSeq; from > 0 && from <= newestSeq; from += itemsPerCall) {
      const range = [`${from}-0`, `${from + itemsPerCall - 1}-0`] as const;
      const entries = await this.#connection.call(() => this.#connection.redis.xrange(this.#venueKeys[3], ...range));
      for (const [, fields] of entries) {
        const event = decodeEvent('', fields);
        events.set(event.seat_id, event);
      }
    }
    return events;
  }

  /** A booked seat has a lock without an end. */
  async #lockBooked(seats: readonly Seat[], locks: ReadonlyMap<string, Lock>): Promise<void> {
    const isLocked = ({ id, held_by }: Seat) => {
      const lock = locks.get(id);
      return lock?.userId === held_by && lock?.expiresAtMs === undefined;
    };
    const unlocked = seats.filter((seat) => seat.status === SeatStatus.booked && !isWithheld(seat) && !isLocked(seat));
    for (const chunk of chunksOf(unlocked)) {
      const writes = chunk.map(
        ({ id, held_by = '' }) =>
          () =>
            this.#connection.redis.set(this.#lockKey(id), held_by),
      );
      await Promise.all(writes.map((write) => this.#connection.call(write)));
    }
  }

  /** A hold goes on to its end, though its lock was lost with other parts. */
  async #lockHeld(seats: readonly Seat[], locks: Map<string, Lock>, nowMs: number): Promise<void> {
    for (const { id, status, held_by, expires_at = 0 } of seats) {
      const expiresAtMs = Math.round(expires_at * 1000);
      if (status !== SeatStatus.held || held_by === undefined || locks.has(id) || expiresAtMs <= nowMs) continue;
      await this.#connection.call(() =>
        this.#connection.redis.set(this.#lockKey(id), held_by, 'PXAT', expiresAtMs, 'NX'),
      );
      locks.set(id, { userId: held_by, expiresAtMs });
    }
  }

  get #allVenueKeys(): string[] {
    return [...this.#venueKeys, this.#holdsKey, this.#relayedKey, this.#aboutKey];
  }

  #lockKey(seatId: string): string {
    return `${this.#options.keyPrefix}seat:${seatId}:lock`;
  }

  #report(missing: readonly string[], changed: readonly Seat[], seats: readonly Seat[]): void {
    const { logger } = this.#options;
    const ids = (some: readonly Seat[]) => some.slice(0, namedSeats).map(({ id }) => id);
    if (missing.length > 0 || changed.some(({ seq }) => seq > 0)) {
      const details = { missing, seats: changed.length, first: ids(changed) };
      logger.error(details, 'Redis had lost a part of the venue; it is restored, in a new epoch');
    }
    const withheld = seats.filter(isWithheld);
    if (withheld.length === 0) return;
    const details = { seats: withheld.length, first: ids(withheld) };
    logger.error(details, 'Seats are not for sale: Redis lost them, and nothing proves that they are free');
  }
}

interface FoundVenue extends VenueSnapshot {
  /** As the venue was opened last; undefined if Redis does not know. */
  layout: NamedLayout | undefined;
  /** Of the log; 0 if it is empty. */
  oldestSeq: number;
  newestSeq: number;
  hasLog: boolean;
  /** How many of the venue's own keys exist; 0: it was never opened. */
  keyCount: number;
}

/** The parts that an open epoch must have, and has not. */
function missingParts({ seats, seq, newestSeq, hasLog, system, layout }: FoundVenue, expected: VenueLayout): string[] {
  const missing: string[] = [];
  if (seats.length !== seatCount(expected)) missing.push('venue:seats');
  if (seq < 0) missing.push('venue:seq');
  if (newestSeq > seq || (seq > 0 && !hasLog)) missing.push('venue:events');
  if (system === '' || !layout) missing.push('venue:about');
  return missing;
}

function* pairsOf(flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
}

function chunksOf<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < items.length; i += itemsPerCall) chunks.push(items.slice(i, i + itemsPerCall));
  return chunks;
}

const newestSeqOf = (seats: readonly Seat[]) => seats.reduce((newest, { seq }) => Math.max(newest, seq), 0);

/** The least layout that has all these seats. */
function layoutOf(seats: readonly Seat[]): VenueLayout {
  return seats.reduce(
    ({ rows, cols }, seat) => ({ rows: Math.max(rows, seat.row + 1), cols: Math.max(cols, seat.col + 1) }),
    { rows: 0, cols: 0 },
  );
}

/** As `venue:holds` has them: by user, `<seat id>=<end in ms> …`. */
function holdsOf(seats: readonly Seat[], locks: ReadonlyMap<string, Lock>): Record<string, string> {
  const holds: Record<string, string> = {};
  for (const { id, status, held_by } of seats) {
    const endMs = locks.get(id)?.expiresAtMs;
    if (status !== SeatStatus.held || held_by === undefined || endMs === undefined) continue;
    holds[held_by] = [holds[held_by], `${id}=${endMs}`].filter(Boolean).join(' ');
  }
  return holds;
}

/** They know the same epoch, and one a little more of it than another. */
function newestOf(questions: readonly Waiting[]): Position {
  return questions.reduce((newest, { known }) => (known.seq > newest.seq ? known : newest), { epoch: '', seq: -1 });
}

/** From the flat list of names and values that `lua/decide.lua` puts into the log. */
function decodeEvent(epoch: string, fields: EventFields): SeatEvent {
  const field: Record<string, string> = Object.fromEntries(pairsOf(fields));
  return {
    type: field.type as SeatEvent['type'],
    seat_id: field.seat_id as string,
    user_id: field.user_id as string,
    status: Number(field.status) as SeatEvent['status'],
    timestamp: new Date(Number(field.at_ms)).toISOString(),
    ...(field.expires_ms !== undefined && { expires_at: Number(field.expires_ms) / 1000 }),
    ...(field.reason !== undefined && { reason: field.reason as 'user' | 'expired' }),
    epoch,
    seq: Number(field.seq),
  };
}
