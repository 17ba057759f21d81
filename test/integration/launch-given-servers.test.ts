import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { venueSettings } from '../../src/booking/venue-settings.ts';
import { findExecutable } from '../../src/launch/find-executable.ts';
import { redacted } from '../../src/launch/given-address.ts';
import { judgeNats } from '../../src/launch/given-nats.ts';
import { judgeRedis } from '../../src/launch/given-redis.ts';
import { natsAnswers } from '../../src/launch/probes.ts';
import { loadBookingConfig } from '../../src/process/config.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { planHash } from '../../src/shows/plan-hash.ts';
import { redisPlace } from '../../src/store/redis-place.ts';
import { planText } from '../../src/store/stored-plan.ts';
import { VenueKeys } from '../../src/store/venue-keys.ts';
import { patience } from '../support/patience.ts';
import { freePort, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { freeSettings, Launch } from './launch-fixture.ts';

const natsServer = findExecutable('nats-server') ?? '';
const timeoutMs = 3_500;
const venue = venueSettings(loadBookingConfig({}));
const ofRedis = (url: string, keyPrefix = '') =>
  judgeRedis(
    { setting: 'REDIS_URL', addresses: url, place: redisPlace({ REDIS_URL: url }) },
    { keyPrefix, venue, timeoutMs, signal: new AbortController().signal },
  );
const ofNats = (url: string) => judgeNats(url, { timeoutMs });

/** Of a server that is stopped when the test is over. */
async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
const silent = () => portOf(createServer(() => {}));
const http = () => portOf(createHttpServer((_request, response) => response.end('hello')));

let redis: TestServer;
let nats: TestServer;
let admin: Redis;
let certificate: { folder: string; cert: string; key: string };
beforeAll(async () => {
  redis = await startRedis();
  nats = await startNats();
  admin = new Redis(redis.url);
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-tls-'));
  certificate = { folder, cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const { cert, key } = certificate;
  const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
  execFileSync(findExecutable('openssl') ?? '', ['req', ...options], { stdio: 'ignore' });
});
afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
  await nats?.stop();
  rmSync(certificate.folder, { recursive: true, force: true });
});

describe('[R290] a given Redis', () => {
  test('that fits has no warning, and no key is left in it', async () => {
    expect(await ofRedis(redis.url)).toEqual([]);
    expect(await admin.keys('*')).toEqual([]);
  });

  test.each([
    ['nothing listens', async () => 1, 'does not answer (connect ECONNREFUSED'],
    ['a silent server', silent, 'does not answer ('],
    ['an HTTP server', http, 'is not a Redis server: an HTTP server answers there'],
    ['a NATS server', async () => nats.port, 'is not a Redis server: a NATS server answers there'],
  ])('%s', async (_, port, reason) => {
    const since = Date.now();
    const address = `redis://:secret@127.0.0.1:${await port()}`;
    const error: Error = await ofRedis(address).then(
      () => expect.fail(),
      (cause) => cause,
    );
    expect(error.message).toContain(reason);
    expect(error.message).toContain(`REDIS_URL=redis://:***@127.0.0.1:`);
    expect(error.message).not.toContain('secret');
    expect(Date.now() - since).toBeLessThan(timeoutMs + 1_500);
  });

  test('that requires a password, or another one', async () => {
    const locked = await startRedis({ users: 'user default on >right ~* &* +@all\nuser viewer on nopass +ping\n' });
    onTestFinished(() => locked.stop());
    await expect(ofRedis(locked.url)).rejects.toThrow('requires a password');
    await expect(ofRedis(locked.url.replace('//', '//:wrong@'))).rejects.toThrow('refuses the user or the password');
    await expect(ofRedis(locked.url.replace('//', '//nobody:right@'))).rejects.toThrow(
      'refuses the user or the password',
    );
    expect(await ofRedis(locked.url.replace('//', '//:right@'))).toEqual([]);
  });

  test('whose user may do too little', async () => {
    await admin.acl('SETUSER', 'limited', 'reset', 'on', '>pass', '~other:*', '+@all');
    const url = redis.url.replace('//', '//limited:pass@');
    await expect(ofRedis(url)).rejects.toThrow('lacks a right');
    expect(await ofRedis(url, 'other:')).toEqual([]);
    expect(await admin.keys('*')).toEqual([]);
  });

  test('that evicts is refused; without an append-only file, or with a lazy one, it is used with a warning', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(ofRedis(redis.url)).rejects.toThrow(
      'cannot be used. It may evict keys (maxmemory-policy allkeys-lru)',
    );
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'appendfsync', 'everysec');
    expect(await ofRedis(redis.url)).toEqual([expect.stringContaining('Set appendfsync always')]);
    await admin.config('SET', 'appendonly', 'no');
    expect(await ofRedis(redis.url)).toEqual([expect.stringContaining('has no append-only file')]);
    await admin.config('SET', 'appendonly', 'yes', 'appendfsync', 'always');
  });

  test('with another venue, or a larger one, under the same prefix', async () => {
    const keys = new VenueKeys('{a}:');
    const holds = async (venue: string, rows: number) => {
      const plan = gridPlan({ rows, cols: 10 });
      await admin.hset(keys.about, { system: 'x', venue, plan: planHash(plan) });
      await admin.set(keys.plan, planText(plan));
    };
    onTestFinished(async () => void (await admin.del(keys.about, keys.plan)));
    await holds('friday', 10);
    await expect(ofRedis(redis.url, '{a}:')).rejects.toThrow(
      'It holds the venue "friday", not "main". Set VENUE=friday, or set another REDIS_KEY_PREFIX.',
    );
    await holds('main', 11);
    await expect(ofRedis(redis.url, '{a}:')).rejects.toThrow(
      'It holds a venue of 11 rows and 10 columns, which may grow but not shrink to 10 and 10. Set VENUE_ROWS=11 VENUE_COLS=10',
    );
    expect(await ofRedis(redis.url, '{b}:')).toEqual([]);
    await holds('main', 9);
    expect(await ofRedis(redis.url, '{a}:')).toEqual([]);
  });

  test('with a database that it does not have', async () => {
    await expect(ofRedis(`${redis.url}/99`)).rejects.toThrow('has no database of this number');
  });

  test('that loads its data is waited for', async () => {
    const slow = await startRedis();
    onTestFinished(() => slow.stop());
    const client = new Redis(slow.url);
    await client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1').catch(() => {});
    await client.eval(`for i = 1, 20000 do redis.call('SET', 'k' .. i, i) end`, 0);
    await client.config('SET', 'key-load-delay', '100');
    const reloading = client.call('DEBUG', 'RELOAD').catch(() => {});
    await sleep(100);
    expect(await ofRedis(slow.url)).toEqual([]);
    await reloading;
    client.disconnect();
  });

  test('with TLS: an unknown certificate, TLS where there is none, none where there is TLS', async () => {
    const port = await freePort();
    const tls = ['tls-port', String(port), 'tls-auth-clients', 'no'];
    await admin.config('SET', 'tls-cert-file', certificate.cert, 'tls-key-file', certificate.key, ...tls);
    onTestFinished(async () => void (await admin.config('SET', 'tls-port', '0')));
    await expect(ofRedis(`rediss://127.0.0.1:${port}`)).rejects.toThrow(
      /certificate that is not accepted.*NODE_EXTRA_CA_CERTS/,
    );
    await expect(ofRedis(`redis://127.0.0.1:${port}`)).rejects.toThrow('With TLS the address begins with rediss://');
    await expect(ofRedis(redis.url.replace('redis:', 'rediss:'))).rejects.toThrow(
      'Without TLS the address begins with redis://',
    );
  });

  test.each(['redis://:secret@host:99999', 'redis://:secret%zz@host', 'redis://u:sec@ret@ho st'])(
    'an address that is none shows no password: %s',
    async (address) => {
      const error: Error = await ofRedis(address).then(
        () => expect.fail(),
        (cause) => cause,
      );
      expect(error.message).toContain('is not an address');
      expect(error.message).not.toMatch(/sec|ret@/);
    },
  );
});

describe('[R290] a given NATS', () => {
  async function withSettings(settings: object): Promise<TestServer> {
    const server = await startNats({ users: settings });
    onTestFinished(() => server.stop());
    return server;
  }

  /** Of a nats-server that is no service of start.sh. */
  async function withArguments(...args: string[]): Promise<number> {
    const port = await freePort();
    const server = spawn(natsServer, ['-a', '127.0.0.1', '-p', String(port), ...args], { stdio: 'ignore' });
    onTestFinished(() => void server.kill());
    await vi.waitFor(() => natsAnswers({ host: '127.0.0.1', port }), patience);
    return port;
  }

  test('that fits has no warning, and nothing is stored in it', async () => {
    const client = await connect({ servers: `127.0.0.1:${nats.port}` });
    const { streams } = await jetstreamManager(client);
    await streams.add({ name: 'SEATS', subjects: ['seats.>'] });
    expect(await ofNats(nats.url)).toEqual([]);
    expect((await streams.info('SEATS')).state.messages).toBe(0);
    await client.close();
  });

  test.each([
    ['nothing listens', async () => 1, 'does not answer (connect ECONNREFUSED'],
    ['a silent server', silent, 'does not answer ('],
    ['an HTTP server', http, 'is not a NATS server: an HTTP server answers there'],
    ['a Redis', async () => redis.port, 'is not a NATS server: a Redis server answers there'],
  ])('%s', async (_, port, reason) => {
    const since = Date.now();
    const error: Error = await ofNats(`nats://user:secret@127.0.0.1:${await port()}`).then(
      () => expect.fail(),
      (cause) => cause,
    );
    expect(error.message).toContain(reason);
    expect(error.message).toContain('NATS_URL=nats://user:***@127.0.0.1:');
    expect(Date.now() - since).toBeLessThan(timeoutMs + 1_500);
  });

  test('that refuses the login', async () => {
    const { url } = await withSettings({ authorization: { users: [{ user: 'a', password: 'right' }] } });
    await expect(ofNats(url)).rejects.toThrow('refuses the login');
    await expect(ofNats(url.replace('//', '//a:wrong@'))).rejects.toThrow('refuses the login');
  });

  test('whose user may do too little', async () => {
    const users = [
      { user: 'a', password: 'p', permissions: { publish: ['foo'], subscribe: ['foo', '_INBOX.>'] } },
      { user: 'b', password: 'p', permissions: { publish: { deny: ['seats.>'] } } },
    ];
    const { url } = await withSettings({ authorization: { users } });
    await expect(ofNats(url.replace('//', '//a:p@'))).rejects.toThrow(
      /lacks rights that are needed: .*subscription seats\.>.*publish seats\.held/,
    );
    await expect(ofNats(url.replace('//', '//b:p@'))).rejects.toThrow('publish seats.booked');
  });

  test('without JetStream is used, with a warning', async () => {
    const [warning] = await ofNats(`nats://127.0.0.1:${await withArguments()}`);
    expect(warning).toContain('has no JetStream');
    expect(warning).toContain('-js');
  });

  test('without room for the stream is used, with a warning', async () => {
    const accounts = { A: { jetstream: { max_file: 1_000_000 }, users: [{ user: 'a', password: 'p' }] } };
    const { url } = await withSettings({ accounts });
    const [warning] = await ofNats(url.replace('//', '//a:p@'));
    expect(warning).toContain('no room for the stream');
  });

  test('with TLS: an unknown certificate, or TLS where there is none', async () => {
    const port = await withArguments('--tls', '--tlscert', certificate.cert, '--tlskey', certificate.key);
    await expect(ofNats(`tls://127.0.0.1:${port}`)).rejects.toThrow(
      /certificate that is not accepted.*NODE_EXTRA_CA_CERTS/,
    );
    await expect(ofNats(nats.url.replace('nats:', 'tls:'))).rejects.toThrow('It has no TLS');
  });
});

test('[R290] addresses are shown without secrets', () => {
  expect(redacted('redis://u:p@h:1?password=p')).toBe('redis://u:***@h:1?***');
  expect(redacted('token@h,nats://u:p@i')).toBe('***@h,nats://u:***@i');
});

test('[R290] start.sh names every problem before it starts anything', async () => {
  const settings = await freeSettings();
  const launch = new Launch({
    ...settings,
    REDIS_URL: 'redis://127.0.0.1:1',
    NATS_URL: `nats://127.0.0.1:${redis.port}`,
  });
  onTestFinished(() => launch.cleanUp());
  expect(await launch.exitCode).toBe(1);
  expect(launch.output).toContain('REDIS_URL=redis://127.0.0.1:1 does not answer');
  expect(launch.output).toContain('is not a NATS server: a Redis server answers there');
  expect(launch.output).not.toContain('Starting');
}, 60_000);

test('[R290][R293] start.sh refuses a given Redis that holds another venue', async () => {
  await admin.hset('venue:about', 'system', 'x', 'venue', 'friday', 'rows', '10', 'cols', '10');
  onTestFinished(async () => void (await admin.del('venue:about')));
  const launch = new Launch({ ...(await freeSettings()), REDIS_URL: redis.url, VENUE: 'saturday' });
  onTestFinished(() => launch.cleanUp());
  expect(await launch.exitCode).toBe(1);
  expect(launch.output).toContain(
    `REDIS_URL=${redis.url} cannot be used. It holds the venue "friday", not "saturday".`,
  );
  expect(launch.output).not.toContain('Starting');
}, 60_000);
