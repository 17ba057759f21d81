import { ok as assert } from 'node:assert/strict';
import { endOfTurn } from '../process/end-of-turn.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat, SeatState } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { SeatingPlan, seatWith } from '../venue/seating-plan.ts';
import { eventsOfLog } from './event-log.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { writableKeys } from './redis-fitness.ts';
import { RedisVenue } from './redis-venue.ts';
import { seatEvent } from './seat-event.ts';
import type { HoldRules } from './seat-rules.ts';
import {
  type Answer,
  answerKeptMs,
  type Decision,
  type History,
  type KnownPosition,
  type SeatCommand,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import { VenueKeys } from './venue-keys.ts';
import type { VenueLayout } from './venue-layout.ts';

export interface RedisSeatStoreOptions extends RedisConnectionOptions, VenueLayout, HoldRules {
  /** Of the venue. A Redis remembers it: another name under the same prefix is refused. */
  name?: string;
  /** How many published events the log keeps for subscribers that catch up. */
  keepEvents?: number;
  /** Maximum length of the log, published or not; approximate. */
  maxEvents?: number;
}

/** Limits of one script call, so that it does not keep others from Redis for long. */
const seatsPerCall = 256;
const commandsPerCall = 1_000;

/** Commands on one seat that wait for the next call. */
interface Waiting {
  seatId: string;
  commands: readonly SeatCommand[];
  known: KnownPosition;
  resolve: (decision: Decision) => void;
  reject: (error: unknown) => void;
}

/** The reply of `lua/decide.lua` about one seat. */
type DecidedSeat = [
  states: SeatState[],
  transitions: [index: number, userId: string, reason: SeatEvent['reason'] | ''][],
  answers: [refusal: Refusal | '', index: number][],
];

/** The venue in Redis, decided by scripts there (`lua/`): this is their client. */
export class RedisSeatStore implements SeatStore {
  readonly #options: RedisSeatStoreOptions;
  readonly #connection: RedisConnection;
  readonly #plan: SeatingPlan;
  readonly #keys: VenueKeys;
  readonly #venue: RedisVenue;
  readonly #rules: readonly number[];
  #waiting: Waiting[] = [];

  constructor(options: RedisSeatStoreOptions) {
    const { holdTtlMs, maxHoldsPerUser, reholdCooldownMs = 0 } = options;
    this.#options = options;
    this.#connection = new RedisConnection(options);
    this.#plan = SeatingPlan.rectangular(options);
    this.#keys = new VenueKeys(options.keyPrefix);
    this.#rules = [holdTtlMs, maxHoldsPerUser, answerKeptMs, reholdCooldownMs];
    this.#venue = new RedisVenue({
      connection: this.#connection,
      keys: this.#keys,
      layout: options,
      plan: this.#plan,
      logger: options.logger,
    });
  }

  open(knownSystem?: string): Promise<VenueSnapshot> {
    return this.#venue.open(knownSystem);
  }

  decide(seatId: string, commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) endOfTurn(() => this.#decideWaiting());
      this.#waiting.push({ seatId, commands, known, resolve, reject });
    });
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const { redis } = this.#connection;
    const { decided } = this.#keys;
    const [nowMs, epoch, seq, entries] = await this.#connection.call(() =>
      redis.readEvents(...decided, position.epoch, position.seq, limit, this.#plan.size),
    );
    if (!this.#connection.isOfThisRun(epoch)) throw new VenueLostError('Redis was restarted');
    return { nowMs, epoch, seq, ...(entries && { events: eventsOfLog(entries, { epoch, seq: position.seq }) }) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    const text = await this.#connection.call(() => this.#connection.redis.get(this.#keys.relayed));
    if (text === null) return undefined;
    const colon = text.lastIndexOf(':');
    return { epoch: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
  }

  async markRelayed({ epoch, seq }: Position): Promise<void> {
    const keep = this.#options.keepEvents ?? 100_000;
    const { relayed, epoch: epochKey, events } = this.#keys;
    await this.#connection.call(() => this.#connection.redis.markRelayed(relayed, epochKey, events, epoch, seq, keep));
  }

  async audit(seats: readonly Seat[], { epoch }: Position): Promise<void> {
    const keys = [this.#keys.seats, this.#keys.epoch, ...seats.map(({ id }) => this.#keys.lock(id))];
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

  /** Commands of one turn of the event loop share a call: the round trip costs far more than one more seat in it. */
  #decideWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const epoch = waiting[0]?.known.epoch;
      let commands = 0;
      const end = waiting.findIndex((each, index) => {
        commands += each.commands.length;
        return each.known.epoch !== epoch || index >= seatsPerCall || (index > 0 && commands > commandsPerCall);
      });
      void this.#decideTogether(waiting.splice(0, end < 0 ? waiting.length : end));
    }
  }

  async #decideTogether(waiting: readonly Waiting[]): Promise<void> {
    try {
      const known = newestOf(waiting);
      const json = await this.#connection.call(() => {
        if (!this.#connection.isOfThisRun(known.epoch)) throw new VenueLostError('Redis was restarted');
        const { keys, args } = this.#keysAndArgs(waiting, known);
        const { redis } = this.#connection;
        return redis.decide(keys.length, ...keys, ...args).catch((error: Error) => {
          if (!/\bOOM\b/.test(error.message)) throw error;
          // Redis is out of memory and has changed nothing. Commands that end a hold still work.
          return redis.decideAtMemoryLimit(keys.length, ...keys, ...args, 'full');
        });
      });
      const [nowMs, ...decided]: [number, ...DecidedSeat[]] = JSON.parse(json);
      assert(decided.length === waiting.length, 'decide.lua must decide each seat');
      for (const [i, seat] of decided.entries()) {
        const { seatId, commands, resolve } = waiting[i] as Waiting; // the lengths are equal, as asserted
        resolve(this.#decision(seatId, commands, seat, { nowMs, epoch: known.epoch }));
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error); // no effect on those that are resolved
    }
  }

  /** KEYS and ARGV of `lua/decide.lua`. */
  #keysAndArgs(waiting: readonly Waiting[], known: Position): { keys: string[]; args: (string | number)[] } {
    const { keyPrefix, reholdCooldownMs = 0, maxEvents = 500_000 } = this.#options;
    const keys: string[] = [...this.#keys.decided, this.#keys.holds];
    for (const { seatId } of waiting) keys.push(this.#keys.lock(seatId));
    if (reholdCooldownMs > 0) for (const { seatId } of waiting) keys.push(`${keyPrefix}seat:${seatId}:cooldown`);
    const asked = waiting.map(({ seatId, known: { seatSeq = 0 }, commands }) => [
      seatId,
      seatSeq,
      ...commands.map((command) => {
        if (command.action === 'expire') return [command.action];
        const { action, userId, request } = command;
        if (!request) return [action, userId];
        keys.push(`${keyPrefix}seat:${seatId}:answer:${request.key}:${action}:${userId}`);
        return [action, userId, request.isRepeat ? 'repeat' : 'key'];
      }),
    ]);
    return { keys, args: [known.epoch, known.seq, ...this.#rules, JSON.stringify(asked), maxEvents] };
  }

  #decision(
    seatId: string,
    commands: readonly SeatCommand[],
    [states, transitions, answers]: DecidedSeat,
    { nowMs, epoch }: { nowMs: number; epoch: string },
  ): Decision {
    assert(answers.length === commands.length, 'decide.lua must answer each command');
    const planned = this.#plan.seat(seatId);
    assert(planned, 'decide.lua must decide planned seats');
    const seats = states.map((state) => seatWith(planned, state));
    const seatAt = (index: number): Seat => {
      const seat = seats[index];
      assert(seat, 'decide.lua must name a state that it returns');
      return seat;
    };
    const events = transitions.map(([index, user_id, reason]) => {
      const { status, seq, expires_at } = seatAt(index);
      return seatEvent({
        type: typeOf[status],
        seat_id: seatId,
        user_id,
        epoch,
        seq,
        atMs: nowMs,
        expires_at,
        reason: reason || undefined,
      });
    });
    const firstSeq = events[0]?.seq ?? 0;
    assert(
      events.every(({ seq }, i) => seq === firstSeq + i),
      'the transitions of one decision must have consecutive seqs',
    );
    return {
      nowMs,
      events,
      answers: answers.map(
        ([refusal, index]): Answer => (refusal === '' ? { seat: seatAt(index) } : { seat: seatAt(index), refusal }),
      ),
    };
  }
}

const typeOf = {
  [SeatStatus.available]: 'released',
  [SeatStatus.held]: 'held',
  [SeatStatus.booked]: 'booked',
} as const;

/** The highest position. All callers know the same epoch. */
function newestOf(waiting: readonly Waiting[]): Position {
  return waiting.reduce((newest, { known }) => (known.seq > newest.seq ? known : newest), { epoch: '', seq: -1 });
}
