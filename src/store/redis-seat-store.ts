import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { endOfTurn } from '../end-of-turn.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import { decideCall, decodeDecisions, type Question } from './decide-call.ts';
import createVenueLua from './lua/create-venue.lua';
import decideLua from './lua/decide.lua';
import markRelayedLua from './lua/mark-relayed.lua';
import readEventsLua from './lua/read-events.lua';
import readVenueLua from './lua/read-venue.lua';
import {
  type Decision,
  type History,
  type SeatCommand,
  type SeatStore,
  StoreTimeoutError,
  StoreUnavailableError,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import { emptySeats, inRowMajorOrder, type VenueLayout } from './venue-layout.ts';

export interface RedisSeatStoreOptions extends VenueLayout {
  /** redis:// or rediss:// with credentials, if there are any. */
  url: string;
  keyPrefix: string;
  holdTtlMs: number;
  maxHoldsPerUser: number;
  reholdCooldownMs?: number;
  logger: Logger;
  /** How many published events the log keeps for those who have to catch up. */
  keepEvents?: number;
  /** A call that takes longer is given up as a `StoreTimeoutError`. */
  callTimeoutMs?: number;
}

type EventFields = string[];
type Scripts = {
  decide(...keysAndArgs: (string | number)[]): Promise<string>;
  readVenue(...keys: string[]): Promise<[number, string, number, string[]]>;
  readEvents(...keysAndArgs: (string | number)[]): Promise<[number, string, number, EventFields[] | null]>;
  createVenue(...keysAndArgs: (string | number)[]): Promise<'OK'>;
  markRelayed(...keysAndArgs: (string | number)[]): Promise<0 | 1>;
};

/** Seats beyond this many go to Redis in several calls: each stays well below any limit of a command's size. */
const createdPerCall = 5_000;

/** A call stays well below what would keep others from Redis for long. */
const seatsPerCall = 256;

interface Waiting extends Question {
  known: Position;
  resolve: (decision: Decision) => void;
  reject: (error: unknown) => void;
}

/** The venue in Redis, decided by scripts there (`lua/`); this is their client and nothing else. */
export class RedisSeatStore implements SeatStore {
  readonly #options: RedisSeatStoreOptions;
  readonly #redis: Redis & Scripts;
  readonly #venueKeys: readonly [string, string, string, string];
  readonly #relayedKey: string;
  readonly #holdsKey: string;
  /** Which run of Redis answers: every epoch belongs to one, for a Redis that was started anew may have other data. */
  #run: string | undefined;
  #waiting: Waiting[] = [];

  constructor(options: RedisSeatStoreOptions) {
    const { url, keyPrefix, callTimeoutMs = 1_000, logger } = options;
    this.#options = options;
    this.#venueKeys = [
      `${keyPrefix}venue:seats`,
      `${keyPrefix}venue:epoch`,
      `${keyPrefix}venue:seq`,
      `${keyPrefix}venue:events`,
    ];
    this.#relayedKey = `${keyPrefix}venue:relayed`;
    this.#holdsKey = `${keyPrefix}venue:holds`;
    const redis = new Redis(url, {
      // A command is never repeated or kept for later by the client: whoever asked decides that.
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      commandTimeout: callTimeoutMs,
      connectTimeout: callTimeoutMs,
      disableClientInfo: true, // it needs a right that nothing else needs
      retryStrategy: (attempt) => Math.min(50 * attempt, 500),
      scripts: {
        decide: { lua: decideLua },
        readVenue: { lua: readVenueLua, numberOfKeys: 4 },
        readEvents: { lua: readEventsLua, numberOfKeys: 4 },
        createVenue: { lua: createVenueLua, numberOfKeys: 5 },
        markRelayed: { lua: markRelayedLua, numberOfKeys: 3 },
      },
    });
    this.#redis = redis as Redis & Scripts;
    redis.on('ready', () => void this.#learnRun());
    redis.on('close', () => {
      this.#run = undefined;
    });
    redis.on('error', (error) => logger.warn({ error: error.message || String(error) }, 'Redis is out of reach'));
  }

  async open(): Promise<VenueSnapshot> {
    const found = await this.#readVenue();
    const isOfThisRun = this.#isOfThisRun(found.epoch);
    const present = new Set(found.seats.map((seat) => seat.id));
    const missing = [...emptySeats(this.#options)].filter((seat) => !present.has(seat.id));
    if (isOfThisRun && missing.length === 0) return found;

    const leastSeq = found.seats.reduce((seq, seat) => Math.max(seq, seat.seq), 0);
    for (let i = 0; i === 0 || i < missing.length; i += createdPerCall) {
      const seats = missing.slice(i, i + createdPerCall).flatMap((seat) => [seat.id, JSON.stringify(seat)]);
      const endedEpoch = isOfThisRun || i > 0 ? '' : found.epoch;
      const newEpoch = `${this.#run}-${randomUUID()}`;
      await this.#ask(() =>
        this.#redis.createVenue(...this.#venueKeys, this.#relayedKey, newEpoch, endedEpoch, leastSeq, ...seats),
      );
    }
    return this.#readVenue();
  }

  decide(seatId: string, commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) endOfTurn(() => this.#decideWaiting());
      this.#waiting.push({ seatId, commands, known, resolve, reject });
    });
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const [nowMs, epoch, seq, events] = await this.#ask(() =>
      this.#redis.readEvents(...this.#venueKeys, position.epoch, position.seq, limit),
    );
    if (!this.#isOfThisRun(epoch)) throw new VenueLostError('Redis was started anew');
    return { nowMs, epoch, seq, ...(events && { events: events.map((fields) => decodeEvent(epoch, fields)) }) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    const text = await this.#ask(() => this.#redis.get(this.#relayedKey));
    if (text === null) return undefined;
    const colon = text.lastIndexOf(':');
    return { epoch: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
  }

  async markRelayed({ epoch, seq }: Position): Promise<void> {
    const [, epochKey, , eventsKey] = this.#venueKeys;
    const keep = this.#options.keepEvents ?? 100_000;
    await this.#ask(() => this.#redis.markRelayed(this.#relayedKey, epochKey, eventsKey, epoch, seq, keep));
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  /** What is asked in one turn of the event loop is asked in one call: its cost for each is a small part of a call's. */
  #decideWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const epoch = waiting[0]?.known.epoch;
      const others = waiting.findIndex(({ known }) => known.epoch !== epoch);
      void this.#decideTogether(waiting.splice(0, Math.min(seatsPerCall, others < 0 ? waiting.length : others)));
    }
  }

  async #decideTogether(questions: Waiting[]): Promise<void> {
    try {
      const known = newestOf(questions);
      const json = await this.#ask(() => {
        if (!this.#isOfThisRun(known.epoch)) throw new VenueLostError('Redis was started anew');
        const { keys, args } = decideCall(questions, known, this.#options);
        return this.#redis.decide(
          this.#venueKeys.length + 1 + keys.length,
          ...this.#venueKeys,
          this.#holdsKey,
          ...keys,
          ...args,
        );
      });
      const decisions = decodeDecisions(json, known.epoch);
      questions.forEach(({ resolve }, i) => {
        resolve(decisions[i] as Decision);
      });
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }

  async #readVenue(): Promise<VenueSnapshot> {
    const [nowMs, epoch, seq, fields] = await this.#ask(() => this.#redis.readVenue(...this.#venueKeys));
    const seats: Seat[] = [];
    for (let i = 1; i < fields.length; i += 2) seats.push(JSON.parse(fields[i] as string) as Seat);
    return { nowMs, epoch, seq, seats: inRowMajorOrder(seats) };
  }

  async #learnRun(): Promise<void> {
    try {
      const info = await this.#redis.info('server');
      this.#run = /^run_id:(\w{16})/m.exec(info)?.[1];
      if (!this.#run) throw new Error('INFO tells no run_id');
      this.#options.logger.info({ run: this.#run }, 'Redis answers');
    } catch (error) {
      if (this.#redis.status !== 'ready') return;
      this.#options.logger.warn({ error: (error as Error).message }, 'Redis does not tell which run of it this is');
      this.#redis.disconnect(true);
    }
  }

  #isOfThisRun(epoch: string): boolean {
    return this.#run !== undefined && epoch.startsWith(`${this.#run}-`);
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      if (this.#run === undefined) throw new Error('there is no connection');
      return await call();
    } catch (cause) {
      if (cause instanceof VenueLostError) throw cause;
      const { message } = cause as Error;
      if (message.startsWith('VENUELOST')) throw new VenueLostError(message, { cause });
      if (message === 'Command timed out') throw new StoreTimeoutError('Redis did not answer in time', { cause });
      throw new StoreUnavailableError(`Redis cannot be asked: ${message}`, { cause });
    }
  }
}

/** They know the same epoch, and one a little more of it than another. */
function newestOf(questions: readonly Waiting[]): Position {
  return questions.reduce((newest, { known }) => (known.seq > newest.seq ? known : newest), { epoch: '', seq: -1 });
}

/** From the flat list of names and values that `lua/decide.lua` puts into the log. */
function decodeEvent(epoch: string, fields: EventFields): SeatEvent {
  const field: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) field[fields[i] as string] = fields[i + 1] as string;
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
