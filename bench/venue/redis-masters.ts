import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findMachineServers } from '../../src/launch/machine-servers.ts';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { redisSpec } from '../../src/launch/redis.ts';
import { present } from '../../src/process/present.ts';
import type { Services } from './own-venue.ts';

const nameOf = (i: number) => `redis-${i + 1}`;
const slotCount = 16_384;
const joinPollMs = 50;
const joinWithinMs = 30_000;

export interface RedisNode {
  /** Of its process. */
  name: string;
  url: string;
}

export interface RedisMasters {
  /** The value of REDIS_CLUSTER. */
  addresses: string;
  /** The master that has a key. */
  nodeOf(key: string): Promise<RedisNode>;
}

/** A Redis Cluster of masters without replicas, each as durable as our single Redis, with equal shares of the slots. */
export async function startRedisMasters(services: Services, count: number): Promise<RedisMasters> {
  const origin = await findMachineServers(['redis-server'], '/dev/null', new AbortController().signal);
  const nodes: { port: number; busPort: number }[] = [];
  for (let i = 0; i < count; i++) nodes.push({ port: await freePort(), busPort: await freePort() });
  await Promise.all(
    nodes.map(({ port, busPort }, i) => {
      const name = nameOf(i);
      const spec = redisSpec({ origin, port, ...services.place(name) });
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      return services.start({ ...spec, name, command: [...spec.command, ...cluster] });
    }),
  );
  const urls = nodes.map(({ port }) => `redis://${loopback}:${port}`);
  await joinMasters(urls, nodes);
  return {
    addresses: nodes.map(({ port }) => `${loopback}:${port}`).join(','),
    async nodeOf(key) {
      const slot = await withClients(urls.slice(0, 1), ([first]) => present(first, 'a client').cluster('KEYSLOT', key));
      const i = Math.floor((slot * count) / slotCount);
      return { name: nameOf(i), url: present(urls[i], 'a master') };
    },
  };
}

/** Gives out the slots, and waits until every master knows all of them. */
function joinMasters(urls: readonly string[], nodes: readonly { port: number; busPort: number }[]): Promise<void> {
  const count = urls.length;
  const firstSlotOf = (i: number) => Math.ceil((i * slotCount) / count);
  return withClients(urls, async (clients) => {
    for (const [i, client] of clients.entries()) {
      await client.cluster('ADDSLOTSRANGE', firstSlotOf(i), firstSlotOf(i + 1) - 1);
      // Without different epochs of the configuration, the masters need seconds to settle that.
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const { port, busPort } of nodes.slice(1)) {
      await present(clients[0], 'a client').call('CLUSTER', 'MEET', loopback, port, busPort);
    }
    const deadlineMs = performance.now() + joinWithinMs;
    const isJoined = (info: unknown) =>
      String(info).includes('cluster_state:ok') && String(info).includes(`cluster_known_nodes:${count}`);
    while (!(await Promise.all(clients.map((client) => client.cluster('INFO')))).every(isJoined)) {
      if (performance.now() > deadlineMs) throw new Error('The Redis Cluster is not complete');
      await sleep(joinPollMs);
    }
  });
}

async function withClients<T>(urls: readonly string[], use: (clients: Redis[]) => Promise<T>): Promise<T> {
  const clients = urls.map((url) => new Redis(url));
  try {
    return await use(clients);
  } finally {
    for (const client of clients) client.disconnect();
  }
}
