import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { messageOf } from '../process/error-facts.ts';
import { StateLog } from '../process/state-log.ts';
import type { EntryFields } from './event-log.ts';
import auditSeatsLua from './lua/audit-seats.lua';
import beginOpeningLua from './lua/begin-opening.lua';
import checkWritableLua from './lua/check-writable.lua';
import decideLua from './lua/decide.lua';
import endEpochLua from './lua/end-epoch.lua';
import markPositionLua from './lua/mark-position.lua';
import readEventsLua from './lua/read-events.lua';
import readLocksLua from './lua/read-locks.lua';
import readVenueLua from './lua/read-venue.lua';
import writeLocksLua from './lua/write-locks.lua';
import writeVenueLua from './lua/write-venue.lua';
import { fitnessOf, unwritableReason, writableKeys } from './redis-fitness.ts';
import { StoreTimeoutError, StoreUnavailableError, VenueLostError } from './seat-store.ts';

type KeysAndArgs = (string | number)[];

/** A client that has a method for each script of `lua/`. */
export type RedisWithScripts = Redis & {
  decide(...keysAndArgs: KeysAndArgs): Promise<string>;
  decideAtMemoryLimit(...keysAndArgs: KeysAndArgs): Promise<string>;
  readVenue(
    ...keys: string[]
  ): Promise<[number, string, number, string[], number, number, 0 | 1, string[], number, 0 | 1]>;
  readLocks(...keysAndArgs: KeysAndArgs): Promise<(string | number | null)[]>;
  readEvents(...keysAndArgs: KeysAndArgs): Promise<[number, string, number, EntryFields[] | null]>;
  endEpoch(...keysAndArgs: string[]): Promise<0 | 1>;
  beginOpening(...keysAndArgs: string[]): Promise<0 | 1>;
  writeLocks(numberOfKeys: number, ...keysAndArgs: KeysAndArgs): Promise<0 | 1>;
  writeVenue(...keysAndArgs: KeysAndArgs): Promise<0 | 1>;
  markPosition(numberOfKeys: number, ...keysAndArgs: KeysAndArgs): Promise<0 | 1>;
  checkWritable(...keys: string[]): Promise<'OK'>;
  auditSeats(...keysAndArgs: KeysAndArgs): Promise<1>;
};

export interface RedisConnectionOptions {
  /** redis:// or rediss://, with optional credentials. */
  url: string;
  keyPrefix: string;
  logger: Logger;
  /** A call that takes longer rejects with a `StoreTimeoutError`. */
  callTimeoutMs?: number;
}

/** Pause before reconnecting to an unfit Redis: its address may lead to another server by then. */
const unfitRetryMs = 500;
const fitnessIntervalMs = 10_000;
const writableForMs = 250;

/**
 * The connection of a process to Redis, which all its shows share. Reconnects whenever it is lost or silent, or leads to a server that takes no writes. Every
 * failure becomes one of the errors of a `SeatStore`; each change of state is logged once.
 */
export class RedisConnection {
  readonly redis: RedisWithScripts;
  readonly #options: RedisConnectionOptions;
  /** Identifies the connected Redis process. Each run of Redis has its own epochs, because its data may be older after a restart. */
  #run: string | undefined;
  readonly #log: StateLog;
  /** Why Redis cannot be used. */
  #problem: string | undefined;
  #judgedAtMs = 0;
  #writableAtMs = Number.NEGATIVE_INFINITY;
  /** The keys of the next call of `getTogether`. */
  #together: { keys: string[]; values: Promise<(string | null)[]> } | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: RedisConnectionOptions) {
    const { url, callTimeoutMs = 1_000 } = options;
    this.#options = options;
    this.#log = new StateLog(options.logger);
    const redis = new Redis(url, {
      // The client never retries or queues a command: the caller decides that.
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      commandTimeout: callTimeoutMs,
      connectTimeout: callTimeoutMs,
      // A command that timed out stays queued, so a silent connection must be replaced as a whole.
      socketTimeout: 3.5 * callTimeoutMs,
      disableClientInfo: true, // needs a right that no other command needs
      retryStrategy: (attempt) => Math.min(50 * attempt, 500),
      // The same address may lead to another primary by now.
      reconnectOnError: ({ message }) => /\b(READONLY|LOADING|MASTERDOWN|MOVED|CLUSTERDOWN)\b/.test(message),
      scripts: {
        decide: { lua: decideLua },
        decideAtMemoryLimit: { lua: `#!lua flags=allow-oom\n${decideLua}` },
        readVenue: { lua: readVenueLua, numberOfKeys: 8 },
        readLocks: { lua: readLocksLua },
        readEvents: { lua: readEventsLua, numberOfKeys: 4 },
        endEpoch: { lua: endEpochLua, numberOfKeys: 1 },
        beginOpening: { lua: beginOpeningLua, numberOfKeys: 1 },
        writeLocks: { lua: writeLocksLua },
        writeVenue: { lua: writeVenueLua, numberOfKeys: 10 },
        markPosition: { lua: markPositionLua },
        checkWritable: { lua: checkWritableLua, numberOfKeys: 2 },
        auditSeats: { lua: auditSeatsLua },
      },
    });
    this.redis = redis as RedisWithScripts;
    redis.on('ready', () => void this.#learnRun());
    redis.on('close', () => {
      this.#run = undefined;
    });
    redis.on('error', (error) => this.#failed(error.message || String(error)));
  }

  /** The prefix of all epochs of this run of Redis. */
  get run(): string | undefined {
    return this.#run;
  }

  isOfThisRun(epoch: string): boolean {
    return this.#run !== undefined && epoch.startsWith(`${this.#run}-`);
  }

  /** Rejects with a `VenueLostError`, a `StoreTimeoutError` or a `StoreUnavailableError`, never otherwise. */
  async call<T>(command: () => Promise<T>): Promise<T> {
    try {
      if (this.#run === undefined) throw new Error(this.#problem ?? 'there is no connection');
      return await command();
    } catch (cause) {
      if (cause instanceof VenueLostError) throw cause;
      const message = messageOf(cause);
      if (message.startsWith('VENUELOST')) throw new VenueLostError(message, { cause });
      if (message === 'Command timed out') throw new StoreTimeoutError('Redis did not reply in time', { cause });
      throw new StoreUnavailableError(`Redis is unavailable: ${reasonOf(message)}`, { cause });
    }
  }

  /** The values of keys, null if there is none. Calls of one turn of the event loop share one MGET. Rejects as `call`. */
  async getTogether(keys: readonly string[]): Promise<(string | null)[]> {
    if (!this.#together) {
      const all: string[] = [];
      const values = nextTurn().then(() => {
        this.#together = undefined;
        return this.call(() => this.redis.mget(all));
      });
      this.#together = { keys: all, values };
    }
    const { keys: all, values } = this.#together;
    const start = all.push(...keys) - keys.length;
    return (await values).slice(start, start + keys.length);
  }

  /**
   * Rejects with a `StoreUnavailableError` while Redis takes no writes, even if it can be read. All shows ask twice a
   * second: they share an answer while it is new.
   */
  async checkWritable(): Promise<void> {
    if (performance.now() - this.#writableAtMs < writableForMs) return;
    await this.#judge();
    await this.call(() => this.redis.checkWritable(...writableKeys(this.#options.keyPrefix)));
    this.#writableAtMs = performance.now();
  }

  close(): void {
    clearTimeout(this.#retryTimer);
    this.redis.disconnect();
  }

  /** Repeats the check now and then: the settings of Redis can change while it runs. */
  async #judge(): Promise<void> {
    if (performance.now() - this.#judgedAtMs < fitnessIntervalMs) return;
    const { keyPrefix } = this.#options;
    const { problem } = fitnessOf(await this.call(() => this.redis.info()), keyPrefix);
    this.#judgedAtMs = performance.now();
    if (!problem) return;
    this.#unfit(problem);
    throw new StoreUnavailableError(problem);
  }

  async #learnRun(): Promise<void> {
    const { logger, keyPrefix } = this.#options;
    try {
      const info = await this.redis.info();
      const { problem, warnings } = fitnessOf(info, keyPrefix);
      if (problem) return this.#unfit(problem);
      const run = /^run_id:(\w{16})/m.exec(info)?.[1];
      if (!run) throw new Error('INFO has no run_id');
      this.#run = run;
      this.#problem = undefined;
      this.#judgedAtMs = performance.now();
      this.#log.info('Connected to Redis', { run });
      for (const warning of warnings) logger.warn(`Redis: ${warning}`);
    } catch (error) {
      if (this.redis.status === 'ready') this.#unfit(`It does not reply to INFO: ${messageOf(error)}`);
    }
  }

  #unfit(problem: string): void {
    this.#run = undefined;
    this.#failed(problem);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.redis.disconnect(true), unfitRetryMs);
  }

  #failed(problem: string): void {
    this.#log.warn('Redis cannot be used', { error: problem });
    this.#problem = problem;
  }
}

/** One text per cause, so that each is logged once: the client has several texts for a missing connection. */
function reasonOf(message: string): string {
  if (/max retries per request|isn't writeable|Connection is closed/i.test(message)) return 'there is no connection';
  return unwritableReason(message) ?? message;
}
