import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { redisUsers } from '../../src/launch/redis-users.ts';
import { fitnessOf, redisFitness } from '../../src/store/redis-fitness.ts';
import { startRedis } from '../support/servers.ts';
import { useRedis } from '../support/use-redis.ts';

const keyPrefix = '';
const redis = useRedis();

describe('[R260] a Redis is checked before it holds a venue', () => {
  test('our own has no problem and no warning, and no key remains', async () => {
    expect(await redisFitness(redis.admin, { keyPrefix })).toEqual({ warnings: [] });
    expect(await redis.admin.keys('*')).toEqual([]);
  });

  test('our own user `booking` has all rights that it needs', async () => {
    const users = redisUsers({ keyPrefix: 'a:', adminPassword: 'admin', bookingPassword: 'booking' });
    const own = await startRedis({ users });
    onTestFinished(() => own.stop());
    const client = new Redis(own.url, { username: 'booking', password: 'booking', disableClientInfo: true });
    onTestFinished(() => client.disconnect());
    expect(await redisFitness(client, { keyPrefix: 'a:' })).toEqual({ warnings: [] });
  });

  test('one that may evict keys is refused, with the name of its policy', async () => {
    await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    onTestFinished(async () => void (await redis.admin.config('SET', 'maxmemory-policy', 'noeviction')));
    const { problem } = await redisFitness(redis.admin, { keyPrefix });
    expect(problem).toContain('allkeys-lru');
    expect(problem).toContain('noeviction');
  });

  test('one at its maxmemory takes no writes', async () => {
    await redis.admin.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await redis.admin.config('SET', 'maxmemory', '0')));
    expect((await redisFitness(redis.admin, { keyPrefix })).problem).toContain('maxmemory');
  });

  test('a replica is refused, with the name of its primary', async () => {
    const replica = await startRedis();
    onTestFinished(() => replica.stop());
    const client = new Redis(replica.url);
    onTestFinished(() => client.disconnect());
    await client.replicaof('127.0.0.1', redis.server.port);
    await expect
      .poll(async () => (await redisFitness(client, { keyPrefix })).problem)
      .toContain(`replica of 127.0.0.1:${redis.server.port}`);
  });

  test.each([
    ['~venue:* ~seat:* -@all +info', 'eval'],
    ['~venue:* ~seat:* -@all +info +eval +set +del', 'XADD'],
    ['~other:* +@all', 'keys'],
    ['~venue:* +@all', 'keys'],
    ['~venue:* ~seat:* +@all', 'keys'], // those of the default show only
  ])('a user with only the rights %s is refused', async (rights, named) => {
    await redis.admin.acl('SETUSER', 'limited', 'reset', 'on', 'nopass', ...rights.split(' '));
    onTestFinished(async () => void (await redis.admin.acl('DELUSER', 'limited')));
    const client = new Redis(redis.server.url, { username: 'limited', password: 'x', disableClientInfo: true });
    onTestFinished(() => client.disconnect());
    const { problem } = await redisFitness(client, { keyPrefix });
    expect(problem).toContain('lacks a right');
    expect(problem).toContain(named);
    expect(await redis.admin.keys('*')).toEqual([]);
  });
});

describe('[R260] the fields of INFO', () => {
  const info = (fields: Record<string, string>) =>
    Object.entries({ redis_version: '7.2.4', role: 'master', ...fields })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('');

  test.each([
    ['6.2.14', '6.2.14'],
    ['5.0.7', '7.0'],
  ])('version %s is too old', (version, named) => {
    expect(fitnessOf(info({ redis_version: version })).problem).toContain(named);
  });

  test.each(['7.0.0', '8.2.1', '10.0.0'])('version %s is new enough', (version) => {
    expect(fitnessOf(info({ redis_version: version })).problem).toBeUndefined();
  });

  test('a node of a cluster is used as such only', () => {
    expect(fitnessOf(info({ cluster_enabled: '1' })).problem).toContain('REDIS_CLUSTER');
    expect(fitnessOf(info({ cluster_enabled: '1' }), { isClusterNode: true }).problem).toBeUndefined();
  });

  test('[R949] one whose replicas are waited for, but that takes writes without any, is a warning', () => {
    const warningsOf = (fields: Record<string, string>, waitReplicas: number) =>
      fitnessOf(info(fields), { waitReplicas }).warnings.join();
    expect(warningsOf({}, 1)).toContain('min-replicas-to-write 1');
    expect(warningsOf({}, 0)).toBe('');
    expect(warningsOf({ min_slaves_good_slaves: '0' }, 1)).toBe('');
  });

  test('a missing append-only file is a warning, not a problem', () => {
    const { problem, warnings } = fitnessOf(info({ aof_enabled: '0' }));
    expect(problem).toBeUndefined();
    expect(warnings.join()).toContain('appendonly');
  });
});
