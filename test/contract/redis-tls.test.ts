import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { findExecutable } from '../../src/launch/find-executable.ts';
import { type RedisSettings, redisPlace } from '../../src/store/redis-place.ts';
import { decideOn } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { connectedStore } from '../support/redis-store.ts';
import { masterName } from '../support/redis-topologies.ts';
import { freePort, startRedis, startSentinel } from '../support/servers.ts';
import { book, opened, select } from './contract-venue.ts';

vi.setConfig({ testTimeout: 60_000 });

const users = 'user default on >right ~* &* +@all\nuser viewer on nopass +ping\n';
const login = { REDIS_USERNAME: 'default', REDIS_PASSWORD: 'right' };
const keyPrefix = '{main}:';

let folder: string;
let ca: string;
let tlsSettings: [name: string, value: string][];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'concert-booking-tls-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync(
    findExecutable('openssl') ?? '',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files],
    {
      stdio: 'ignore',
    },
  );
  ca = readFileSync(cert, 'utf8');
  tlsSettings = [
    ['tls-cert-file', cert],
    ['tls-key-file', key],
    ['tls-ca-cert-file', cert],
    ['tls-auth-clients', 'no'],
  ];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A Redis with a password and a port for TLS. */
async function startEncrypted(more: readonly string[] = []) {
  const tlsPort = await freePort();
  const args = [['tls-port', String(tlsPort)] as const, ...tlsSettings].flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  const server = await startRedis({ users, args: [...args, ...more] });
  onTestFinished(() => server.stop());
  return { tlsPort, server };
}

const places: Record<string, () => Promise<RedisSettings>> = {
  async REDIS_URL() {
    const { tlsPort } = await startEncrypted();
    return { REDIS_URL: `rediss://127.0.0.1:${tlsPort}` };
  },
  async REDIS_SENTINELS() {
    const { tlsPort } = await startEncrypted(['--tls-replication', 'yes']);
    const sentinelPort = await freePort();
    const sentinel = await startSentinel({
      settings: [
        ...[['tls-port', String(sentinelPort)], ['tls-replication', 'yes'], ...tlsSettings].map((line) =>
          line.join(' '),
        ),
        `sentinel monitor ${masterName} 127.0.0.1 ${tlsPort} 1`,
        `sentinel auth-pass ${masterName} right`,
        'user default on >watch ~* &* +@all',
        'user viewer on nopass +ping',
      ],
    });
    onTestFinished(() => sentinel.stop());
    return {
      REDIS_SENTINELS: `rediss://default:watch@127.0.0.1:${sentinelPort}`,
      REDIS_SENTINEL_MASTER: masterName,
    };
  },
  async REDIS_CLUSTER() {
    const ports = ['--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1'];
    const { tlsPort, server } = await startEncrypted(['--cluster-enabled', 'yes', '--tls-cluster', 'yes', ...ports]);
    const admin = new Redis(server.url, { password: 'right' });
    onTestFinished(() => admin.disconnect());
    await admin.cluster('ADDSLOTSRANGE', 0, 16383);
    await vi.waitFor(async () => expect(await admin.cluster('INFO')).toContain('cluster_state:ok'), patience);
    return { REDIS_CLUSTER: `rediss://127.0.0.1:${tlsPort}` };
  },
};

describe.each(Object.entries(places))('[R941] %s: TLS and a password', (_, start) => {
  test('a seat is sold with both; without the password, or with an unknown certificate, nothing is', async () => {
    const settings = { ...(await start()), REDIS_WAIT_REPLICAS: 0 };
    const storeWith = (more: RedisSettings) => {
      const { store, servers } = connectedStore({ place: redisPlace({ ...settings, ...more }), keyPrefix });
      onTestFinished(() => servers.close());
      return store;
    };
    const store = storeWith({ ...login, REDIS_CA: ca });
    const known = await opened(store);
    const { answers } = await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    expect(answers.map(({ refusal }) => refusal)).toEqual([undefined, undefined]);
    const messageOf = (refused: ReturnType<typeof storeWith>) =>
      refused.open().then(
        () => 'opened',
        (error: Error) => error.message,
      );
    const withoutLogin = storeWith({ REDIS_CA: ca });
    await expect.poll(() => messageOf(withoutLogin), patience).toMatch(/NOAUTH|WRONGPASS|invalid/i);
    const withoutCa = storeWith(login);
    // With Sentinels and a cluster the client library reports only that the connection was closed.
    await expect.poll(() => messageOf(withoutCa), patience).toMatch(/self.signed|no connection|Connection is closed/i);
  });
});
