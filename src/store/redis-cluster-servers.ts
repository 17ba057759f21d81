import { Cluster, type ClusterNode, Command, type Redis } from 'ioredis';
import { StateLog } from '../process/state-log.ts';
import { RedisConnection, type RedisConnectionOptions, type RedisServers } from './redis-connection.ts';
import type { ClientOptions } from './redis-place.ts';
import { StoreUnavailableError } from './seat-store.ts';

const refreshIntervalMs = 5_000;
/** At most one refresh per interval, however many calls fail. */
const minRefreshIntervalMs = 250;

/**
 * A Redis Cluster. The client library finds the nodes and the slots that they have. Commands go straight to the node of the show, never
 * through the library's redirections: an epoch belongs to one node, so a command that was meant for another one must not be decided.
 */
export class RedisClusterServers implements RedisServers {
  readonly isCluster = true;
  readonly #options: RedisConnectionOptions;
  readonly #cluster: Cluster;
  /** By `host:port`, as in the cluster's table of slots. */
  readonly #nodes = new Map<string, Redis>();
  readonly #connections = new WeakMap<Redis, RedisConnection>();
  /** By node, beyond a connection: a node that does not answer is connected to again and again. */
  readonly #logs = new Map<string, StateLog>();
  readonly #clusterLog: StateLog;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;

  constructor(nodes: ClusterNode[], redisOptions: ClientOptions, options: RedisConnectionOptions) {
    this.#options = { ...options, isClusterNode: true, onFailure: () => this.#refresh() };
    this.#clusterLog = new StateLog(options.logger);
    this.#cluster = new Cluster(nodes, {
      redisOptions,
      enableOfflineQueue: false,
      enableReadyCheck: false, // each connection checks its node
      clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 500),
      slotsRefreshInterval: refreshIntervalMs,
      slotsRefreshTimeout: options.callTimeoutMs,
      // Certificates are for names: the library would connect to the addresses that it looks up.
      ...(redisOptions.tls && { dnsLookup: (host, found) => found(null, host) }),
    });
    this.#cluster.on('+node', (node: Redis) => this.#nodes.set(nameOf(node), node));
    this.#cluster.on('-node', (node: Redis) => {
      if (this.#nodes.get(nameOf(node)) === node) this.#nodes.delete(nameOf(node));
    });
    this.#cluster.on('refresh', () => this.#connectToOwners());
    this.#cluster.on('error', (error) => this.#failed(error));
  }

  of(key: string): RedisConnection {
    const owner = this.#cluster.slots[slotOf(key)]?.[0];
    const connection = owner === undefined ? undefined : this.#connectionTo(owner);
    if (connection) return connection;
    this.#refresh();
    throw new StoreUnavailableError(
      `Redis is unavailable: ${owner === undefined ? (this.#problem ?? 'the cluster is not connected yet') : `the node ${owner} does not answer`}`,
    );
  }

  close(): void {
    this.#cluster.disconnect();
  }

  #connectToOwners(): void {
    this.#problem = undefined;
    this.#clusterLog.recovered('The nodes of the Redis Cluster are known again');
    const owners = new Set(this.#cluster.slots.map((names) => names?.[0]));
    for (const owner of owners) if (owner) this.#connectionTo(owner);
    // A demoted node may be promoted again, with other data: it needs a new connection then, which learns its run.
    for (const [name, node] of this.#nodes) if (!owners.has(name) && this.#connections.has(node)) node.disconnect();
  }

  #connectionTo(name: string): RedisConnection | undefined {
    const node = this.#nodes.get(name);
    if (!node) return undefined;
    const known = this.#connections.get(node);
    if (known) return known;
    const connection = new RedisConnection(node, { ...this.#options, log: this.#logOf(name) });
    this.#connections.set(node, connection);
    if (node.status === 'wait') node.connect().catch(() => {}); // it emits the error too
    return connection;
  }

  #logOf(name: string): StateLog {
    const log = this.#logs.get(name) ?? new StateLog(this.#options.logger.child({ node: name }));
    this.#logs.set(name, log);
    return log;
  }

  #refresh(): void {
    if (performance.now() - this.#refreshedAtMs < minRefreshIntervalMs) return;
    this.#refreshedAtMs = performance.now();
    this.#cluster.refreshSlotsCache();
  }

  #failed({ message, lastNodeError }: Error & { lastNodeError?: Error }): void {
    this.#problem = lastNodeError?.message ?? message;
    this.#clusterLog.warn('The Redis Cluster cannot be used', { error: this.#problem });
  }
}

const slotOf = (key: string): number => new Command('get', [key]).getSlot();

const nameOf = ({ options }: Redis): string => `${options.host}:${options.port}`;
