import { ok as assert } from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat, SeatState } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { endWith, tracing } from '../tracing/tracing.ts';
import { seatWith } from '../venue/seat-with.ts';
import { eventAsDecided, eventOfLog, eventsOfLog } from './event-log.ts';
import type { RedisConnection, RedisServers } from './redis-connection.ts';
import { RedisVenue } from './redis-venue.ts';
import { seatEvent } from './seat-event.ts';
import type { HoldRules } from './seat-rules.ts';
import {
  type Answer,
  answerKeptMs,
  closedOrderKeptMs,
  type Decision,
  type History,
  isOrderCommand,
  type KnownPosition,
  maxCommandsPerCall,
  maxSeatsPerCall,
  type ProvenBookings,
  type SeatCommand,
  type SeatLog,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import { VenueKeys } from './venue-keys.ts';

export interface RedisSeatStoreOptions extends HoldRules {
  servers: RedisServers;
  /** Prefix of the show's keys: see `keyPrefixOf`. */
  keyPrefix: string;
  plan: SeatingPlan;
  /** When this process read the plan, in Unix ms: it replaces an older plan, but never a newer one. */
  planReadAtMs?: number;
  /** Id of the show. Redis remembers it: another name under the same prefix is refused. */
  name?: string;
  /** Absent: only Redis shows which seats are booked. */
  provenBookings?: ProvenBookings | undefined;
  logger: Logger;
  /** True: the log is trimmed behind the ledger too. */
  hasLedger?: boolean;
  /** How many published events the log keeps for subscribers that catch up. */
  keepEvents?: number;
  /** Maximum length of the log, published or not; approximate. */
  maxEvents?: number;
}

/** The reply of `lua/decide.lua`. Numbers in transitions and answers are indexes: of a seat, or into the states of that seat. */
type DecideReply = [
  nowMs: number,
  states: SeatState[][],
  transitions: [seat: number, state: number, userId: string, reason: SeatEvent['reason'] | ''][],
  answers: [refusal: Refusal | '', states: number[], refused: number[]][],
];

/** A show in Redis: the client of the scripts (`lua/`) that decide there. */
export class RedisSeatStore implements SeatStore, SeatLog {
  readonly #options: RedisSeatStoreOptions;
  readonly #plan: SeatingPlan;
  readonly #keys: VenueKeys;
  readonly #rules: readonly number[];
  readonly #planReadAtMs: number;

  constructor(options: RedisSeatStoreOptions) {
    const { holdTtlMs, maxHoldsPerUser, maxExtensions = 0, reholdCooldownMs = 0 } = options;
    this.#options = options;
    this.#plan = options.plan;
    this.#keys = new VenueKeys(options.keyPrefix);
    this.#rules = [holdTtlMs, maxHoldsPerUser, maxExtensions, answerKeptMs, reholdCooldownMs];
    this.#planReadAtMs = options.planReadAtMs ?? Date.now();
  }

  /** The connection to the server that has the show now. Throws a `StoreUnavailableError`. */
  get #connection(): RedisConnection {
    return this.#options.servers.of(this.#options.keyPrefix);
  }

  /** Of the server that has the show now, and only of its present run. */
  get #venue(): RedisVenue {
    const { name = 'main', plan, provenBookings = async () => [], logger } = this.#options;
    const connection = this.#connection;
    const planReadAtMs = this.#planReadAtMs;
    return new RedisVenue({ connection, keys: this.#keys, name, plan, planReadAtMs, provenBookings, logger });
  }

  async open(knownSystem?: string): Promise<VenueSnapshot> {
    return this.#venue.open(knownSystem);
  }

  /** True if the show was last opened with another plan. Rejects as `open` does. */
  async hasOtherPlan(): Promise<boolean> {
    return this.#venue.hasOtherPlan();
  }

  async decide(commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision> {
    const seatIds = [...new Set(commands.flatMap((command) => command.seatIds))];
    assert(commands.length <= maxCommandsPerCall && seatIds.length <= maxSeatsPerCall, 'a call must be bounded');
    const { keys, args } = this.#keysAndArgs(commands, seatIds, known);
    const connection = this.#connection;
    const { redis } = connection;
    // No client gets the end of a hold as a reply, so it need not wait for replicas.
    const call = commands.every(({ action }) => action === 'expire') ? 'call' : 'callReplicated';
    const span = tracing?.sharedSpan(
      'EVALSHA decide',
      commands.map(({ trace }) => trace),
      {
        kind: SpanKind.CLIENT,
        attributes: {
          'db.system.name': 'redis',
          'db.operation.name': 'EVALSHA',
          'db.stored_procedure.name': 'decide',
          'booking.commands': commands.length,
        },
      },
    );
    const deciding = connection[call](() => {
      if (!connection.isOfThisRun(known.epoch)) throw new VenueLostError('Redis was restarted');
      return redis.decide(keys.length, ...keys, ...args).catch((error: Error) => {
        if (!/\bOOM\b/.test(error.message)) throw error;
        // Redis is out of memory and has changed nothing. Commands that end a hold still work.
        return redis.decideAtMemoryLimit(keys.length, ...keys, ...args, 'full');
      });
    });
    const json = await (span ? endWith(span, deciding) : deciding);
    return this.#decision(commands, seatIds, JSON.parse(json), known.epoch);
  }

  eventsAfter(position: Position, limit: number): Promise<History> {
    return this.#eventsAfter(position, limit, eventOfLog);
  }

  eventsAsDecided(position: Position, limit: number): Promise<History> {
    return this.#eventsAfter(position, limit, eventAsDecided);
  }

  async #eventsAfter(position: Position, limit: number, eventOf: typeof eventOfLog): Promise<History> {
    const connection = this.#connection;
    const { decided } = this.#keys;
    const [nowMs, epoch, seq, entries] = await connection.call(() =>
      connection.redis.readEvents(...decided, position.epoch, position.seq, limit, this.#plan.size),
    );
    if (!connection.isOfThisRun(epoch)) throw new VenueLostError('Redis was restarted');
    return {
      nowMs,
      epoch,
      seq,
      ...(entries && { events: eventsOfLog(entries, { epoch, seq: position.seq }, eventOf) }),
    };
  }

  async position(): Promise<Position | undefined> {
    const connection = this.#connection;
    const [epoch, seq] = await connection.getTogether([this.#keys.epoch, this.#keys.seq]);
    if (!epoch || !seq || !connection.isOfThisRun(epoch)) return undefined;
    return { epoch, seq: Number(seq) };
  }

  relayedPosition(): Promise<Position | undefined> {
    return this.#markedPosition(this.#keys.relayed);
  }

  ledgerPosition(): Promise<Position | undefined> {
    return this.#markedPosition(this.#keys.ledger);
  }

  markRelayed(position: Position): Promise<void> {
    const { relayed, ledger } = this.#keys;
    return this.#mark(position, relayed, this.#options.hasLedger ? [ledger] : []);
  }

  markLedger(position: Position): Promise<void> {
    const { relayed, ledger } = this.#keys;
    return this.#mark(position, ledger, [relayed]);
  }

  async #markedPosition(key: string): Promise<Position | undefined> {
    const connection = this.#connection;
    const text = await connection.call(() => connection.redis.get(key));
    if (text === null) return undefined;
    const colon = text.lastIndexOf(':');
    return { epoch: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
  }

  async #mark({ epoch, seq }: Position, key: string, others: readonly string[]): Promise<void> {
    const keep = this.#options.keepEvents ?? 100_000;
    const keys = [key, this.#keys.epoch, this.#keys.events, ...others];
    const connection = this.#connection;
    await connection.call(() => connection.redis.markPosition(keys.length, ...keys, epoch, seq, keep));
  }

  async audit(seats: readonly Seat[], { epoch }: Position): Promise<void> {
    const keys = [this.#keys.seats, this.#keys.epoch, ...seats.map(({ id }) => this.#keys.lock(id))];
    const args = seats.flatMap(({ id, seq }) => [id, seq]);
    const connection = this.#connection;
    await connection.call(() => connection.redis.auditSeats(keys.length, ...keys, epoch, ...args));
  }

  async checkWritable(): Promise<void> {
    await this.#connection.checkWritable(this.#options.keyPrefix);
  }

  /** KEYS and ARGV of `lua/decide.lua`. */
  #keysAndArgs(
    commands: readonly SeatCommand[],
    seatIds: readonly string[],
    { epoch, seq, seatSeq = () => 0 }: KnownPosition,
  ): { keys: string[]; args: (string | number)[] } {
    const { reholdCooldownMs = 0, maxEvents = 500_000 } = this.#options;
    const keys = [...this.#keys.decided, this.#keys.holds, ...seatIds.map((id) => this.#keys.lock(id))];
    if (reholdCooldownMs > 0) keys.push(...seatIds.map((id) => this.#keys.cooldown(id)));
    for (const command of commands) {
      if (command.action === 'expire') continue;
      if (isOrderCommand(command)) keys.push(this.#keys.closedOrder(command.orderId));
      else if (command.request) keys.push(this.#keys.answer(command, command.request.key));
    }
    const indexOf = new Map(seatIds.map((id, index) => [id, index]));
    const seats = JSON.stringify(seatIds.map((id) => [id, seatSeq(id)]));
    const encoded = JSON.stringify(
      commands.map((command) => {
        const indexes = command.seatIds.map((id) => indexOf.get(id));
        if (command.action === 'expire') return [command.action, indexes];
        if (isOrderCommand(command)) {
          const ms = 'ttlMs' in command ? command.ttlMs : closedOrderKeptMs;
          const at = 'ifBookedAt' in command ? command.ifBookedAt : undefined;
          return [command.action, indexes, command.userId, 'order', ms, ...(at ? [at.epoch, at.seq] : [])];
        }
        const { action, userId, request } = command;
        return request ? [action, indexes, userId, request.isRepeat ? 'repeat' : 'key'] : [action, indexes, userId];
      }),
    );
    return { keys, args: [epoch, seq, ...this.#rules, seats, encoded, maxEvents] };
  }

  #decision(
    commands: readonly SeatCommand[],
    seatIds: readonly string[],
    [nowMs, states, transitions, answers]: DecideReply,
    epoch: string,
  ): Decision {
    assert(answers.length === commands.length, 'decide.lua must answer each command');
    const seats = states.map((ofSeat, i) => {
      const planned = this.#plan.seat(seatIds[i] ?? '');
      assert(planned, 'decide.lua must decide planned seats');
      return ofSeat.map((state) => seatWith(planned, state));
    });
    const seatAt = (index: number, state: number | undefined): Seat => {
      const seat = seats[index]?.[state ?? -1];
      assert(seat, 'decide.lua must name a state that it returns');
      return seat;
    };
    const events = transitions.map(([index, state, user_id, reason]) => {
      const { id: seat_id, status, seq, expires_at } = seatAt(index, state);
      const type = typeOf[status];
      return seatEvent({ type, seat_id, user_id, epoch, seq, atMs: nowMs, expires_at, reason: reason || undefined });
    });
    const firstSeq = events[0]?.seq ?? 0;
    assert(
      events.every(({ seq }, i) => seq === firstSeq + i),
      'the transitions of one call must have consecutive seqs',
    );
    const indexOf = new Map(seatIds.map((id, index) => [id, index]));
    return {
      nowMs,
      events,
      answers: answers.map(([refusal, newest, refused], i): Answer => {
        const ids = commands[i]?.seatIds ?? [];
        const after = ids.map((id, place) => seatAt(indexOf.get(id) ?? -1, newest[place]));
        if (refusal === '') return { seats: after };
        return { seats: after, refusal, refused: refused.map((index) => seatAt(index, 0).id) };
      }),
    };
  }
}

const typeOf = {
  [SeatStatus.available]: 'released',
  [SeatStatus.held]: 'held',
  [SeatStatus.booked]: 'booked',
} as const;
