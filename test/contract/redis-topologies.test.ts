import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Position } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { type RedisSettings, redisPlace } from '../../src/store/redis-place.ts';
import { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import { connectRedis } from '../../src/store/redis-servers.ts';
import { StoreTimeoutError, StoreUnavailableError, VenueLostError } from '../../src/store/seat-store.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import { decideOn } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { redisStore, type TestStoreOptions } from '../support/redis-store.ts';
import {
  type ClusterTopology,
  masterName,
  type SentinelTopology,
  startClusterTopology,
  startSentinelTopology,
} from '../support/redis-topologies.ts';
import { startRedis, type TestServer } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { book, opened, release, select } from './contract-venue.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let single: TestServer;
let sentinels: SentinelTopology;
let cluster: ClusterTopology;
beforeAll(async () => {
  [single, sentinels, cluster] = await Promise.all([startRedis(), startSentinelTopology(), startClusterTopology()]);
});
afterAll(async () => {
  await Promise.all([single, sentinels, cluster].map((servers) => servers?.stop()));
});

const settingsOf = {
  REDIS_URL: (): RedisSettings => ({ REDIS_URL: single.url }),
  REDIS_SENTINELS: (): RedisSettings => ({
    REDIS_SENTINELS: sentinels.addresses,
    REDIS_SENTINEL_MASTER: masterName,
  }),
  REDIS_CLUSTER: (): RedisSettings => ({ REDIS_CLUSTER: cluster.addresses }),
};

let shows = 0;
/** A show that no other test has, with a store and the prefix of its keys. */
function newShow(settings: RedisSettings, options: TestStoreOptions = {}) {
  const keyPrefix = keyPrefixOf('', `show-${++shows}`);
  return { keyPrefix, store: redisStore({ place: redisPlace(settings), keyPrefix, ...options }) };
}

function clientOf({ url }: TestServer): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function keysOf(servers: readonly TestServer[], keyPrefix = ''): Promise<string[][]> {
  return Promise.all(
    servers.map(async (server) => (await clientOf(server).keys(`${keyPrefix.replace('{', '\\{')}*`)).sort()),
  );
}

test('[R953] a client that gave up, because the Sentinels reported a failover while it queried them, connects again', async () => {
  const servers = connectRedis({ place: redisPlace(settingsOf.REDIS_SENTINELS()), logger: silent });
  onTestFinished(() => servers.close());
  const connection = servers.of('');
  const { redis } = connection;
  const ended = vi.fn();
  redis.on('end', ended);
  // The reaction of the library to such a message at an unexpected time.
  const { connector } = redis as unknown as { connector: { disconnect(): void } };
  redis.once('connecting', () => connector.disconnect());
  await vi.waitFor(() => expect(ended).toHaveBeenCalled(), patience);
  await vi.waitFor(() => expect(connection.run).toBeDefined(), patience);
});

describe.each(Object.entries(settingsOf))('[R940] %s', (_, settings) => {
  test('a show is opened, sold and read', async () => {
    const { store } = newShow(settings());
    const { epoch, seq } = await opened(store);
    const { answers, events } = await decideOn(store, 'A1', [select('alice'), book('alice'), select('bob')], {
      epoch,
      seq,
    });
    expect(answers.map(({ refusal }) => refusal)).toEqual([undefined, undefined, 'SEAT_BOOKED']);
    const after = { epoch, seq: seq + events.length };
    expect(await store.position()).toEqual(after);
    expect((await store.eventsAfter({ epoch, seq }, 10)).events).toHaveLength(2);
    await store.markRelayed(after);
    expect(await store.relayedPosition()).toEqual(after);
    await store.audit((await store.open()).seats, after);
    await store.checkWritable();
  });

  test('the check of the store and the positions of two shows do not disturb each other', async () => {
    const stores = Array.from({ length: 8 }, () => newShow(settings()).store);
    const venues = await Promise.all(stores.map((store) => opened(store)));
    await Promise.all(stores.map((store) => store.checkWritable()));
    const positions = await Promise.all(stores.map((store) => store.position()));
    expect(positions).toEqual(venues.map(({ epoch, seq }) => ({ epoch, seq })));
  });
});

describe('[R942] one show is one slot', () => {
  test('all keys of a show are at one master, with one tag; shows are spread over the masters', async () => {
    const all = Array.from({ length: 12 }, () => newShow(settingsOf.REDIS_CLUSTER(), { reholdCooldownMs: 60_000 }));
    for (const { store } of all) {
      const { epoch, seq } = await opened(store);
      const command = {
        action: 'select' as const,
        seatIds: ['A1', 'B2'],
        userId: 'alice',
        request: { key: 'k', isRepeat: true },
      };
      const { events } = await store.decide([command, { ...command, action: 'release' }], { epoch, seq });
      await decideOn(store, 'A2', [select('alice'), book('alice')], { epoch, seq: seq + events.length });
      await store.markRelayed({ epoch, seq });
    }
    const masters = cluster.nodes.slice(0, 3);
    const used = new Set<number>();
    for (const { keyPrefix } of all) {
      const found = await keysOf(masters, keyPrefix);
      const holders = found.flatMap((keys, i) => (keys.length > 0 ? [i] : []));
      expect(holders).toHaveLength(1);
      used.add(holders[0] ?? -1);
      const kinds = found.flat().map((key) => key.slice(keyPrefix.length).replace(/[AB]\d[^:]*/, '*'));
      expect(new Set(kinds)).toEqual(
        new Set([
          ...['venue:about', 'venue:epoch', 'venue:events', 'venue:plan', 'venue:relayed', 'venue:seats', 'venue:seq'],
          ...['seat:*:lock', 'seat:*:answer:k:select:alice', 'seat:*:answer:k:release:alice'],
        ]),
      );
    }
    expect(used.size, 'masters with shows').toBe(3);
    const others = (await keysOf(masters)).flat().filter((key) => !/^\{show-\d+\}:(venue|seat):/.test(key));
    expect(others, 'keys of no show').toEqual([]);
  });
});

test('[R1040] the documented command names the primary of a show, at any node', async () => {
  const [, documented = ''] = /`(redis-cli -p 7000 TYPE [^`]*)`/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
  expect(documented).toContain("'{arena}:");
  const masters = cluster.nodes.slice(0, 3);
  for (let i = 0; i < 4; i++) {
    const { keyPrefix, store } = newShow(settingsOf.REDIS_CLUSTER());
    await opened(store);
    const found = await keysOf(masters, keyPrefix);
    const owner = masters[found.findIndex((keys) => keys.length > 0)];
    for (const node of cluster.nodes) {
      const command = documented.replace('7000', String(node.port)).replace('{arena}:', keyPrefix);
      const { stdout } = await promisify(exec)(command);
      const isPrimary = node === owner;
      expect(stdout, `${node.port}`).toMatch(
        isPrimary ? /^hash\s*$/ : new RegExp(`^MOVED \\d+ .*:${owner?.port}\\s*$`),
      );
    }
  }
});

describe('[R943] a reply waits for a replica', () => {
  async function frozenReplicas(
    args: readonly string[] = [],
  ): Promise<{ freeze(): Promise<void>; heal(): Promise<void> }> {
    const all = (signal: NodeJS.Signals) => async () => {
      await Promise.all(replicas.map((replica) => replica.kill(signal)));
    };
    const primary = await startRedis({ args });
    const replicas = await Promise.all(
      [1, 2].map(() => startRedis({ args: ['--replicaof', `127.0.0.1 ${primary.port}`] })),
    );
    onTestFinished(async () => {
      await all('SIGCONT')();
      await Promise.all([primary, ...replicas].map((server) => server.stop()));
    });
    await vi.waitFor(
      async () => expect((await clientOf(primary).info('replication')).match(/state=online/g)).toHaveLength(2),
      patience,
    );
    own = primary;
    return { freeze: all('SIGSTOP'), heal: all('SIGCONT') };
  }
  let own: TestServer;

  test('without a replica there is no reply: a time-out within the time of a call, counted; its repetition gets the kept answer', async () => {
    const { freeze, heal } = await frozenReplicas(['--min-replicas-to-write', '1', '--min-replicas-max-lag', '60']);
    let unreplicated = 0;
    const { store } = newShow({ REDIS_URL: own.url, REDIS_WAIT_REPLICAS: 1 }, { onUnreplicated: () => unreplicated++ });
    const known = await opened(store);
    const command = { action: 'select' as const, seatIds: ['A1'], userId: 'alice' };
    await store.decide([{ ...command, request: { key: 'first', isRepeat: false } }], known);
    expect(unreplicated).toBe(0);
    await freeze();
    const book = { ...command, action: 'book' as const };
    const startedAtMs = performance.now();
    await expect(
      store.decide([{ ...book, request: { key: 'second', isRepeat: false } }], known),
    ).rejects.toBeInstanceOf(StoreTimeoutError);
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    expect(unreplicated).toBe(1);
    // The end of a hold does not wait for a replica.
    await store.decide([{ action: 'expire', seatIds: ['A2'] }], known);
    await heal();
    const repeated = await vi.waitFor(
      () => store.decide([{ ...book, request: { key: 'second', isRepeat: true } }], known),
      patience,
    );
    expect(repeated.answers[0]?.refusal).toBeUndefined();
    expect(repeated.events).toEqual([]);
  });

  test('a Redis that takes writes without replicas has its replies sent anyway, after a while, and counted', async () => {
    const { freeze } = await frozenReplicas();
    let unreplicated = 0;
    const { store } = newShow({ REDIS_URL: own.url, REDIS_WAIT_REPLICAS: 1 }, { onUnreplicated: () => unreplicated++ });
    const known = await opened(store);
    await freeze();
    const startedAtMs = performance.now();
    expect((await decideOn(store, 'A1', [select('alice')], known)).events).toHaveLength(1);
    expect(performance.now() - startedAtMs).toBeGreaterThan(400);
    for (const seat of ['A2', 'A3', 'B1', 'B2', 'B3']) await decideOn(store, seat, [select('alice')], known);
    expect(performance.now() - startedAtMs, 'only the first waits for long').toBeLessThan(1_500);
    expect(unreplicated).toBe(6);
  });

  test('the control: with REDIS_WAIT_REPLICAS=0 the reply is sent at once', async () => {
    const { freeze } = await frozenReplicas();
    const { store } = newShow({ REDIS_URL: own.url, REDIS_WAIT_REPLICAS: 0 });
    const known = await opened(store);
    await freeze();
    expect((await decideOn(store, 'A1', [select('alice')], known)).events).toHaveLength(1);
  });

  test('decisions of many shows in one turn share a wait', async () => {
    const place = redisPlace(settingsOf.REDIS_SENTINELS());
    const servers = connectRedis({ place, logger: silent });
    onTestFinished(() => servers.close());
    const stores = Array.from({ length: 8 }, () => {
      const plan = gridPlan({ rows: 1, cols: 2 });
      const keyPrefix = keyPrefixOf('', `show-${++shows}`);
      return new RedisSeatStore({ servers, plan, keyPrefix, holdTtlMs: 30_000, maxHoldsPerUser: 9, logger: silent });
    });
    const known = await Promise.all(stores.map((store) => opened(store)));
    const client = clientOf(sentinels.redises[0] as TestServer);
    const waits = async () => Number(/cmdstat_wait:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
    const before = await waits();
    await Promise.all(stores.map((store, i) => decideOn(store, 'A1', [select('alice')], known[i] as Position)));
    const shared = (await waits()) - before;
    expect(shared).toBeGreaterThan(0);
    expect(shared).toBeLessThan(stores.length);
  });
});

describe('[R945] an epoch belongs to one history of the data', () => {
  test('a primary that was demoted and promoted again, with older data, begins a new epoch', async () => {
    const [a, b] = await Promise.all([startRedis(), startRedis()]);
    onTestFinished(async () => void (await Promise.all([a.stop(), b.stop()])));
    const { store } = newShow({ REDIS_URL: a.url });
    const before = await opened(store);
    await clientOf(a).replicaof('127.0.0.1', b.port);
    await vi.waitFor(
      async () => expect(await clientOf(a).info('replication')).toContain('master_link_status:up'),
      patience,
    );
    await clientOf(a).replicaof('NO', 'ONE');
    const after = await opened(store);
    expect(after.epoch).not.toBe(before.epoch);
  });

  test('two processes that learned different runs of one server agree on the newer one', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const settings = { REDIS_URL: own.url };
    const { keyPrefix, store: older } = newShow(settings);
    await opened(older);
    const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${own.port}`] }); // gives the history a new name
    onTestFinished(() => replica.stop());
    await vi.waitFor(
      async () => expect(await clientOf(replica).info('replication')).toContain('master_link_status:up'),
      patience,
    );
    const newer = redisStore({ place: redisPlace(settings), keyPrefix });
    const { epoch } = await opened(newer);
    for (let i = 0; i < 3; i++) {
      expect((await older.open()).epoch).toBe(epoch);
      expect((await newer.open()).epoch).toBe(epoch);
    }
  });
});

describe('[R946] a slot that moves to another master', () => {
  test('takes its show along: the same seats in a new epoch, without a restart', async () => {
    const { keyPrefix, store } = newShow(settingsOf.REDIS_CLUSTER());
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    const masters = cluster.nodes.slice(0, 3);
    const found = await keysOf(masters, keyPrefix);
    const from = found.findIndex((keys) => keys.length > 0);
    const to = (from + 1) % 3;
    await moveSlot(keyPrefix, masters[from] as TestServer, masters[to] as TestServer);

    // The process knows only the old place. Nothing is decided there.
    await expect(decideOn(store, 'A1', [select('bob')], known)).rejects.toSatisfy(
      (error) => error instanceof StoreUnavailableError || error instanceof VenueLostError,
    );
    const moved = await opened(store);
    expect(moved.epoch).not.toBe(known.epoch);
    expect(moved.seats.find(({ id }) => id === 'A1')).toMatchObject({ status: 2, held_by: 'alice' });
    const { answers } = await decideOn(store, 'A1', [select('bob')], moved);
    expect(answers[0]?.refusal).toBe('SEAT_BOOKED');
    expect((await decideOn(store, 'A2', [select('bob'), release('bob')], moved)).events).toHaveLength(2);
  });

  async function moveSlot(keyPrefix: string, from: TestServer, to: TestServer): Promise<void> {
    const [source, target] = [clientOf(from), clientOf(to)];
    const slot = await source.cluster('KEYSLOT', keyPrefix);
    const [sourceId, targetId] = await Promise.all([source.cluster('MYID'), target.cluster('MYID')]);
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(sourceId));
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(targetId));
    const keys = await source.cluster('GETKEYSINSLOT', slot, 1_000);
    await source.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...(keys as string[]));
    for (const node of [target, source]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(targetId));
  }
});
