import { Redis } from 'ioredis';
import { until } from '../faults/time.ts';
import { freePort, startRedis, startSentinel, type TestServer } from './servers.ts';

/** Short, so that tests need not wait for long. */
const downAfterMs = 1_000;
export const masterName = 'venue';
const slotCount = 16_384;

export interface TopologyOptions {
  /** Further arguments of each Redis. */
  args?: readonly string[];
  users?: string;
  /** Further lines of each Sentinel's configuration. */
  sentinelSettings?: readonly string[];
  /** The port at which all others find the primary; it leads to the port that `onPrimary` receives. */
  primaryPort?: number;
  onPrimary?: (port: number) => void;
}

/** A Redis that has lost its replicas refuses writes within this time. */
const replicationArgs = [
  '--min-replicas-to-write',
  '1',
  '--min-replicas-max-lag',
  '2',
  '--repl-diskless-sync-delay',
  '0',
];

export interface SentinelTopology {
  /** The first is the primary at the beginning. */
  redises: TestServer[];
  sentinels: TestServer[];
  /** The value of REDIS_SENTINELS. */
  addresses: string;
  /** The port of the primary according to the majority. */
  primaryPort(): Promise<number>;
  stop(): Promise<void>;
}

/** A primary, two replicas and three Sentinels. Resolves when all know each other. */
export async function startSentinelTopology(options: TopologyOptions = {}): Promise<SentinelTopology> {
  const { args = [], users, sentinelSettings = [] } = options;
  const redis = (more: string[]) =>
    startRedis({ args: [...replicationArgs, ...args, ...more], ...(users && { users }) });
  const announced = options.primaryPort ? ['--replica-announce-port', String(options.primaryPort)] : [];
  const primary = await redis(announced);
  options.onPrimary?.(primary.port);
  const knownPort = options.primaryPort ?? primary.port;
  const replicas = await Promise.all([1, 2].map(() => redis(['--replicaof', `127.0.0.1 ${knownPort}`])));
  const redises = [primary, ...replicas];
  const settings = [
    `sentinel monitor ${masterName} 127.0.0.1 ${knownPort} 2`,
    `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
    `sentinel failover-timeout ${masterName} 3000`,
    `sentinel parallel-syncs ${masterName} 2`,
    ...sentinelSettings,
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel({ settings })));
  const clients = sentinels.map(({ url }) => new Redis(url, { disableClientInfo: true }));
  for (const client of clients) client.on('error', () => {});
  await until('the Sentinels know all', async () => {
    const states = await Promise.all(clients.map((client) => client.call('SENTINEL', 'MASTER', masterName)));
    return (states as string[][]).every((state) => {
      const field = (name: string) => Number(state[state.indexOf(name) + 1]);
      return field('num-slaves') === 2 && field('num-other-sentinels') === 2;
    });
  });
  return {
    redises,
    sentinels,
    addresses: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
    async primaryPort() {
      const replies = await Promise.all(
        clients.map((client) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)),
      );
      const ports = (replies as string[][]).map(([, port]) => Number(port));
      return ports.sort()[1] ?? 0;
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await Promise.all([...sentinels, ...redises].map((server) => endNow(server)));
    },
  };
}

export interface ClusterTopology {
  /** The first three are the masters at the beginning, each with one replica: that three places behind it. */
  nodes: TestServer[];
  /** The value of REDIS_CLUSTER. */
  addresses: string;
  stop(): Promise<void>;
}

/** Three masters with a replica each, on all slots. Resolves when every node agrees. */
export async function startClusterTopology(options: TopologyOptions = {}): Promise<ClusterTopology> {
  const { args = [], users } = options;
  const busPorts = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  const nodes = await Promise.all(
    busPorts.map((busPort) =>
      startRedis({
        args: [
          ...replicationArgs,
          ...[
            '--cluster-enabled',
            'yes',
            '--cluster-port',
            String(busPort),
            '--cluster-node-timeout',
            String(downAfterMs),
          ],
          ...args,
        ],
        ...(users && { users }),
      }),
    ),
  );
  const clients = nodes.map(({ url }) => new Redis(url));
  const [first] = clients as [Redis];
  for (const [i, client] of clients.entries()) {
    if (i < 3)
      await client.cluster('ADDSLOTSRANGE', Math.ceil((i * slotCount) / 3), Math.ceil(((i + 1) * slotCount) / 3) - 1);
    if (i > 0) await first.call('CLUSTER', 'MEET', '127.0.0.1', nodes[i]?.port ?? 0, busPorts[i] ?? 0);
  }
  await until('the nodes know each other', async () => {
    const known = await Promise.all(clients.map((client) => client.cluster('INFO')));
    return (known as string[]).every((info) => info.includes('cluster_known_nodes:6'));
  });
  for (const [i, client] of clients.entries()) {
    if (i >= 3) await client.call('CLUSTER', 'REPLICATE', String(await clients[i - 3]?.cluster('MYID')));
  }
  await until('the cluster is complete', async () => {
    const [infos, slots, links] = await Promise.all([
      Promise.all(clients.map((client) => client.cluster('INFO') as Promise<string>)),
      Promise.all(clients.map((client) => client.cluster('SLOTS') as Promise<unknown[][]>)),
      Promise.all(clients.slice(0, 3).map((client) => client.info('replication'))),
    ]);
    return (
      infos.every((info) => info.includes('cluster_state:ok')) &&
      slots.every((ranges) => ranges.length === 3 && ranges.every((range) => range.length === 4)) &&
      links.every((info) => info.includes('state=online') && info.includes('min_slaves_good_slaves:1'))
    );
  });
  for (const client of clients) client.disconnect();
  return {
    nodes,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
    async stop() {
      await Promise.all(nodes.map((node) => endNow(node)));
    },
  };
}

async function endNow(server: TestServer): Promise<void> {
  if (!server.hasEnded) await server.kill('SIGKILL');
  await server.stop();
}
