import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
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

/** The Redis servers of a process: one primary, or several that share the shows. */
export interface RedisServers {
  /** True: every show, the default one too, needs a key prefix of its own with a hash tag. */
  readonly isCluster: boolean;
  /** The connection to the server that now has this key, or the keys with this prefix of a show. Throws a `StoreUnavailableError` if none is known. */
  of(key: string): RedisConnection;
  close(): void;
}

export interface RedisConnectionOptions {
  logger: Logger;
  /** Of this server: outlives a connection that is replaced. */
  log?: StateLog;
  /** True for a node of a Redis Cluster. */
  isClusterNode?: boolean;
  /** How many replicas must have what `callReplicated` wrote. */
  waitReplicas?: number;
  callTimeoutMs: number;
  /** Called when a call fails: the show may be at another node by now. */
  onFailure?: () => void;
  /** Called when the replicas did not confirm a write in time. */
  onUnreplicated?: () => void;
}

/** Pause before reconnecting to an unfit Redis, whose address may lead to another server by then, or after the client gave up. */
const retryMs = 500;
const fitnessIntervalMs = 10_000;
const writableForMs = 250;
/** While no replica confirms writes, and Redis does not need one, replies do not wait for long. */
const shortWaitMs = 20;

/** Of the client of one server. A call that takes longer than `callTimeoutMs` rejects with a `StoreTimeoutError`. */
export const redisOptions = (callTimeoutMs: number) =>
  ({
    // The client never retries or queues a command: the caller decides that.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: callTimeoutMs,
    sentinelCommandTimeout: callTimeoutMs,
    connectTimeout: callTimeoutMs,
    // A command that timed out stays queued, so a silent connection must be replaced as a whole.
    socketTimeout: 3.5 * callTimeoutMs,
    disableClientInfo: true, // needs a right that no other command needs
    // The same address may lead to another primary by now.
    reconnectOnError: ({ message }: Error) => /\b(READONLY|LOADING|MASTERDOWN|NOREPLICAS)\b/.test(message),
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
  }) satisfies RedisOptions;

/**
 * The connection of a process to one Redis server, which all shows on this server share. Every failure becomes one of the
 * errors of a `SeatStore`; each change of state is logged once.
 */
export class RedisConnection {
  readonly redis: RedisWithScripts;
  readonly #options: RedisConnectionOptions;
  /**
   * Identifies the connected Redis process and the history of its data, which is another one after a promotion. Each run has
   * its own epochs, because its data may be older than that of the run before it.
   */
  #run: string | undefined;
  /** Number of connections that were lost. */
  #session = 0;
  readonly #log: StateLog;
  readonly #replicationLog: StateLog;
  /** Why Redis cannot be used. */
  #problem: string | undefined;
  #judgedAtMs = 0;
  #writableAtMs = Number.NEGATIVE_INFINITY;
  /** The keys of the next call of `getTogether`. */
  #together: { keys: string[]; values: Promise<(string | null)[]> } | undefined;
  /** See `RedisFitness`. */
  #needsReplicas = false;
  /** True if the last WAIT ended without enough replicas. */
  #isUnreplicated = false;
  /** The next WAIT; resolves to the session that it was sent in. */
  #replicating: Promise<number> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `redis`: a client with `redisOptions`. */
  constructor(redis: Redis, options: RedisConnectionOptions) {
    this.#options = options;
    this.#log = options.log ?? new StateLog(options.logger);
    this.#replicationLog = new StateLog(options.logger);
    this.redis = redis as RedisWithScripts;
    redis.on('ready', () => void this.learnRun());
    // The library connects to a replica of a cluster by itself, e.g. after the library has promoted it.
    if (redis.status === 'ready') void this.learnRun();
    redis.on('close', () => {
      this.#run = undefined;
      this.#session++;
    });
    redis.on('error', (error) => this.#failed(error.message || String(error)));
    // The library gives up if the Sentinels report a failover while it queries them. A node of a cluster ends when it is removed.
    if (!options.isClusterNode) redis.on('end', () => this.#connectAgain());
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
      this.#options.onFailure?.();
      if (message === 'Command timed out') throw new StoreTimeoutError('Redis did not reply in time', { cause });
      throw new StoreUnavailableError(`Redis is unavailable: ${reasonOf(message)}`, { cause });
    }
  }

  /**
   * As `call`. With `waitReplicas`, it also waits for that number of replicas to have the writes of the command, and all earlier ones. If
   * they do not confirm it in time, a Redis that needs replicas for writes has made no promise: it rejects with a `StoreTimeoutError`.
   */
  async callReplicated<T>(command: () => Promise<T>): Promise<T> {
    const session = this.#session;
    const result = await this.call(command);
    // On another connection, WAIT would not wait for this write.
    if (this.#options.waitReplicas && (await this.#replicated()) !== session) {
      throw new StoreTimeoutError('The connection was lost before a replica had confirmed the write');
    }
    return result;
  }

  /** Calls of one turn of the event loop share a WAIT. */
  #replicated(): Promise<number> {
    this.#replicating ??= nextTurn().then(() => {
      this.#replicating = undefined;
      return this.#wait();
    });
    return this.#replicating;
  }

  async #wait(): Promise<number> {
    const session = this.#session;
    const { waitReplicas = 0, callTimeoutMs, onUnreplicated } = this.#options;
    const timeoutMs = this.#isUnreplicated && !this.#needsReplicas ? shortWaitMs : Math.round(callTimeoutMs / 2);
    let replicas: number;
    try {
      replicas = await this.call(() => this.redis.wait(waitReplicas, timeoutMs));
    } catch (cause) {
      throw new StoreTimeoutError('The connection was lost before a replica had confirmed the write', { cause });
    }
    this.#isUnreplicated = replicas < waitReplicas;
    if (!this.#isUnreplicated) {
      this.#replicationLog.recovered('Replicas confirm writes again');
      return session;
    }
    onUnreplicated?.();
    const consequence = this.#needsReplicas ? 'commands are answered with TIMEOUT' : 'a failover may take them back';
    this.#replicationLog.warn(`Replicas do not confirm writes in time: ${consequence}`, { replicas, waitReplicas });
    if (this.#needsReplicas)
      throw new StoreTimeoutError(`${replicas} replicas have confirmed the write, not ${waitReplicas}`);
    return session;
  }

  /** The values of keys of one show, null if there is none. Calls of one turn of the event loop share one MGET. Rejects as `call`. */
  async getTogether(keys: readonly string[]): Promise<(string | null)[]> {
    // The keys of two shows are in two slots, which no command of a cluster may touch together.
    if (this.#options.isClusterNode) return this.call(() => this.redis.mget([...keys]));
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
   * Rejects with a `StoreUnavailableError` while Redis takes no writes, even if it can be read. All shows check twice
   * a second: they share a recent result. `keyPrefix`: of the keys of the calling show.
   */
  async checkWritable(keyPrefix: string): Promise<void> {
    if (performance.now() - this.#writableAtMs < writableForMs) return;
    await this.#judge();
    await this.call(() => this.redis.checkWritable(...writableKeys(keyPrefix)));
    this.#writableAtMs = performance.now();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.redis.disconnect();
  }

  /** Repeats the check now and then: the settings of Redis can change while it runs. */
  async #judge(): Promise<void> {
    if (performance.now() - this.#judgedAtMs < fitnessIntervalMs) return;
    const { problem, needsReplicas = false } = fitnessOf(await this.call(() => this.redis.info()), this.#options);
    this.#judgedAtMs = performance.now();
    this.#needsReplicas = needsReplicas;
    if (!problem) return;
    this.#unfit(problem);
    throw new StoreUnavailableError(problem);
  }

  /** Never rejects. Call it also when Redis has an epoch of another run: it may have been promoted since it was connected. */
  async learnRun(): Promise<void> {
    const session = this.#session;
    try {
      const info = await this.redis.info();
      if (session !== this.#session) return;
      const { problem, warnings, needsReplicas = false } = fitnessOf(info, this.#options);
      if (problem) return this.#unfit(problem);
      this.#needsReplicas = needsReplicas;
      const run = runOf(info);
      this.#problem = undefined;
      this.#judgedAtMs = performance.now();
      if (this.#run === run) return;
      this.#run = run;
      this.#log.info('Connected to Redis', { run });
      for (const warning of warnings) this.#options.logger.warn(`Redis: ${warning}`);
    } catch (error) {
      if (this.redis.status === 'ready') this.#unfit(`It does not reply to INFO: ${messageOf(error)}`);
    }
  }

  #unfit(problem: string): void {
    this.#run = undefined;
    this.#failed(problem);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.redis.disconnect(true), retryMs);
  }

  #connectAgain(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.redis.connect().catch(() => {}), retryMs); // it emits the error too
  }

  #failed(problem: string): void {
    this.#log.warn('Redis cannot be used', { error: problem });
    this.#problem = problem;
  }
}

/** The process (`run_id`) and the history of its data (`master_replid`, which changes with each promotion). */
function runOf(info: string): string {
  const [, processId] = /^run_id:(\w{8})/m.exec(info) ?? [];
  const [, history] = /^master_replid:(\w{8})/m.exec(info) ?? [];
  if (!processId || !history) throw new Error('INFO has no run_id or no master_replid');
  return processId + history;
}

/** One text per cause, so that each is logged once: the client has several texts for a missing connection. */
function reasonOf(message: string): string {
  if (/^(MOVED|ASK|TRYAGAIN)\b/.test(message)) return 'the show is moving to another node of the cluster';
  if (/max retries per request|isn't writeable|Connection is closed/i.test(message)) return 'there is no connection';
  return unwritableReason(message) ?? message;
}
