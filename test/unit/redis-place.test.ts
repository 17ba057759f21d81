import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/process/config-error.ts';
import { type RedisSettings, redisPlace } from '../../src/store/redis-place.ts';

function errorOf(settings: RedisSettings): string {
  try {
    redisPlace(settings);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The settings were accepted');
}

const ca = '-----BEGIN CERTIFICATE-----';

describe('[R944] the settings give the place of Redis', () => {
  test('REDIS_URL is a single server, the local one by default; no replica is waited for', () => {
    expect(redisPlace({})).toEqual({ url: 'redis://127.0.0.1:6379', options: {}, waitReplicas: 0 });
    expect(
      redisPlace({ REDIS_URL: 'rediss://r:1', REDIS_CA: ca, REDIS_PASSWORD: 'p', REDIS_WAIT_REPLICAS: 2 }),
    ).toEqual({
      url: 'rediss://r:1',
      options: { password: 'p', tls: { ca } },
      waitReplicas: 2,
    });
  });

  test('REDIS_SENTINELS: addresses and login of the Sentinels; REDIS_PASSWORD logs in to Redis', () => {
    const { options, waitReplicas, url } = redisPlace({
      REDIS_SENTINELS: 'rediss://watch:s%40@a:1, rediss://b , [::1]:3',
      REDIS_SENTINEL_MASTER: 'm',
      REDIS_USERNAME: 'booking',
      REDIS_PASSWORD: 'p',
      REDIS_CA: ca,
    });
    expect([waitReplicas, url]).toEqual([1, undefined]);
    expect(options).toMatchObject({
      name: 'm',
      sentinels: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26379 },
        { host: '::1', port: 3 },
      ],
      ...{ sentinelUsername: 'watch', sentinelPassword: 's@', username: 'booking', password: 'p' },
      ...{ tls: { ca }, sentinelTLS: { ca }, enableTLSForSentinelMode: true },
    });
    const plain = redisPlace({ REDIS_SENTINELS: 'a', REDIS_SENTINEL_MASTER: 'm', REDIS_WAIT_REPLICAS: 0 });
    expect(plain.options).not.toHaveProperty('tls');
    expect(plain.waitReplicas).toBe(0);
  });

  test('REDIS_CLUSTER: some of its nodes, with the login of all', () => {
    expect(redisPlace({ REDIS_CLUSTER: 'rediss://u:p@a,b:7' })).toEqual({
      clusterNodes: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7 },
      ],
      options: { username: 'u', password: 'p', tls: {} },
      waitReplicas: 1,
    });
  });

  test.each<[RedisSettings, string]>([
    [{ REDIS_URL: 'redis://a', REDIS_CLUSTER: 'b' }, 'REDIS_URL and REDIS_CLUSTER are set. Set only one'],
    [{ REDIS_SENTINELS: 'a', REDIS_CLUSTER: 'b' }, 'REDIS_SENTINELS and REDIS_CLUSTER are set'],
    [{ REDIS_SENTINELS: 'a' }, 'REDIS_SENTINEL_MASTER is not set'],
    [{ REDIS_CLUSTER: 'a', REDIS_KEY_PREFIX: '{x}:' }, 'REDIS_KEY_PREFIX="{x}:": must be without braces'],
    [{ REDIS_CLUSTER: 'a,,b' }, 'REDIS_CLUSTER="": must be a comma list of host:port'],
    [{ REDIS_CLUSTER: 'http://u:secret@a:1' }, 'REDIS_CLUSTER="http://…@a:1": must be'],
    [{ REDIS_CLUSTER: 'a:0' }, 'REDIS_CLUSTER="a:0": must be'],
    [{ REDIS_SENTINELS: 'redis://a/0', REDIS_SENTINEL_MASTER: 'm' }, 'REDIS_SENTINELS="redis://a/0": must be'],
  ])('%j is refused, without a password', (settings, message) => {
    expect(errorOf(settings)).toContain(message);
    expect(errorOf(settings)).not.toContain('secret');
  });
});
