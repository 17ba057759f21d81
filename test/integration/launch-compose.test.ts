import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { writeComposeSecrets } from '../../src/launch/compose-secrets.ts';
import { natsAnswers, ownRedisAnswers } from '../../src/launch/probes.ts';
import { redisClientLimits } from '../../src/launch/redis.ts';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { settingsOf } from '../../src/process/config.ts';
import { freePort, startBooking, startEdge, startPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { localText, startAsContainer } from './compose-fixture.ts';

interface Service {
  image: string;
  build?: { target: string };
  command?: string[];
  environment?: Record<string, string | number>;
  networks: string[];
  ports?: string[];
  secrets?: (string | { source: string; target: string })[];
  user?: string;
  privileged?: boolean;
  read_only?: boolean;
  cap_add?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  volumes?: string[];
  tmpfs?: string[];
  mem_limit?: string;
  cpus?: number;
  logging?: { driver: string; options: Record<string, string> };
  pids_limit?: number;
  healthcheck?: object;
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean } | null>;
  secrets: Record<string, { file: string }>;
};
const services = Object.entries(compose.services);

/** The Dockerfile's lines that make the image of this service, of its last stage only. */
function stageOf({ build }: Service): string {
  const stages = readFileSync('Dockerfile', 'utf8').split(/^(?=FROM )/m);
  return (build && stages.find((stage) => stage.split('\n')[0]?.endsWith(` AS ${build.target}`))) ?? '';
}

const dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-compose-'));
const folder = writeComposeSecrets(dataDir);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
const secret = (name: string) => readFileSync(join(folder, name), 'utf8');

test('[R299] Redis and NATS keep below the memory of their containers', () => {
  const bytes = (text = '') => Number.parseInt(text, 10) * 1024 ** (/gb?$/.test(text) ? 3 : 2);
  const { redis, nats } = compose.services;
  const maxMemory = redis?.command?.[redis.command.indexOf('--maxmemory') + 1];
  expect(maxMemory).toMatch(/^\d+[mg]b$/);
  // Rewriting the append-only file may take as much again.
  expect(bytes(maxMemory) * 2).toBeLessThanOrEqual(bytes(redis?.mem_limit));
  const { jetstream } = JSON.parse(secret('nats-settings')) as { jetstream: { max_memory_store: number } };
  expect(jetstream.max_memory_store).toBeLessThanOrEqual(bytes(nats?.mem_limit) / 2);
});

describe('[R232] containers reach only the containers that they need', () => {
  test('only nginx is reachable from outside, and only from this machine', () => {
    const published = services.filter(([, { ports }]) => ports?.length).map(([name]) => name);
    expect(published).toEqual(['nginx']);
    for (const port of compose.services.nginx?.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('only nginx is in a network with external access', () => {
    const open = Object.keys(compose.networks).filter((name) => compose.networks[name]?.internal !== true);
    expect(open).toHaveLength(1);
    const inTheOpen = services.filter(([, { networks }]) => networks.some((name) => open.includes(name)));
    expect(inTheOpen.map(([name]) => name)).toEqual(['nginx']);
    for (const [name, { networks }] of services) expect(networks.length, name).toBeGreaterThan(0);
  });

  test.each([
    ['redis', ['booking']],
    ['postgres', ['booking']],
    ['nats', ['booking', 'edge-1', 'edge-2']],
    ['nginx', ['booking', 'edge-1', 'edge-2']],
  ])('%s meets %j', (name, expected) => {
    const own = compose.services[name]?.networks ?? [];
    const met = services.filter(
      ([other, { networks }]) => other !== name && networks.some((each) => own.includes(each)),
    );
    expect(met.map(([other]) => other)).toEqual(expected);
  });
});

describe('[R233] a container has the rights that it needs', () => {
  test.each(services)(
    '%s: not root, nothing to be written but data, no capabilities, with limits and a health check',
    (_, service) => {
      const stage = stageOf(service);
      const user = service.user ?? /^USER (.+)$/m.exec(stage)?.[1];
      expect(user).toBeDefined();
      expect(user).not.toMatch(/^(root|0)\b/);
      expect(service.read_only).toBe(true);
      expect(service.cap_drop).toEqual(['ALL']);
      expect(service.cap_add).toBeUndefined();
      expect(service.privileged).toBeUndefined();
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect(service.mem_limit).toMatch(/^\d+[mg]$/);
      expect(service.cpus).toBeGreaterThan(0);
      expect(service.pids_limit).toBeGreaterThan(0);
      expect(service.logging?.options, '[R365] the log is bounded').toEqual({
        'max-size': expect.stringMatching(/^\d+m$/),
        'max-file': expect.stringMatching(/^\d$/),
      });
      expect(service.healthcheck ?? /^HEALTHCHECK .+/m.exec(stage)?.[0]).toBeDefined();
      // Nothing of the machine's own but the show files, which are only read: all else is a named volume.
      for (const volume of service.volumes ?? [])
        expect(volume).toMatch(/^([a-z-]+:(\/data|\/var\/lib\/postgresql\/data)|\.\/shows:\/app\/shows:ro)$/);
    },
  );

  test('docker-compose accepts the file', { timeout: 120_000 }, () => {
    execFileSync('docker-compose', ['config', '-q'], { stdio: 'pipe' });
  });
});

test('[R365] no image that runs contains build tools', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  expect(Object.keys(dependencies)).not.toContain('esbuild');
  const [, build = ''] = readFileSync('Dockerfile', 'utf8').split(/^(?=FROM )/m);
  expect(build).toMatch(/^RUN npm run build && npm prune --omit=dev$/m);
});

test.each([
  ['booking', 'booking'],
  ['edge-1', 'edge'],
  ['edge-2', 'edge'],
] as const)('[R355] %s is given settings that it reads, and no others', (name, kind) => {
  const environment = Object.fromEntries(
    Object.entries(compose.services[name]?.environment ?? {}).map(([setting, value]) => [setting, String(value)]),
  );
  expect(settingsOf(kind, environment)).toEqual(environment);
});

test('[R364] Redis has the limits that start.sh gives its own', () => {
  const command = compose.services.redis?.command ?? [];
  const first = command.indexOf(redisClientLimits[0] ?? '');
  expect(command.slice(first, first + redisClientLimits.length)).toEqual(redisClientLimits);
});

test('[R359] nginx limits addresses, and with RATE_LIMIT=off none', () => {
  expect(compose.services.nginx?.environment?.RATE_LIMIT).toBe(`\${RATE_LIMIT:-on}`);
});

test('[R311] [R315] [R316] the settings for proxies, origins and the cookie reach the processes that use them', () => {
  const settings = (name: string) => compose.services[name]?.environment;
  const fromHost = (name: string, otherwise = '') => `\${${name}:-${otherwise}}`;
  for (const name of ['booking', 'edge-1', 'edge-2']) {
    expect(settings(name), name).toMatchObject({
      TRUSTED_PROXIES: 'loopback,uniquelocal',
      ALLOWED_ORIGINS: fromHost('ALLOWED_ORIGINS'),
      SESSION_COOKIE: fromHost('SESSION_COOKIE', 'session'),
    });
  }
  expect(settings('nginx')).toMatchObject({
    TRUSTED_PROXIES: fromHost('TRUSTED_PROXIES'),
    ALLOWED_ORIGINS: fromHost('ALLOWED_ORIGINS'),
  });
  expect(readFileSync('Dockerfile', 'utf8')).toContain('nginx/rules.envsh /docker-entrypoint.d/19-rules.envsh');
  expect(statSync('nginx/rules.envsh').mode & 0o111, 'the entrypoint sources executable files only').toBe(0o111);
});

describe('[R234] secrets', () => {
  const nameOf = (given: string | { source: string }) => (typeof given === 'string' ? given : given.source);

  test('each container gets its own secrets as files, and none in its settings', () => {
    const given = Object.fromEntries(services.map(([name, { secrets = [] }]) => [name, secrets.map(nameOf)]));
    expect(given).toEqual({
      redis: ['redis-users'],
      postgres: ['postgres-roles', 'postgres-admin-password'],
      nats: ['nats-settings'],
      booking: [
        'booking-redis-url',
        'booking-nats-url',
        'booking-database-url',
        'booking-database-owner-url',
        'session-keys',
        'ticket-keys',
        'sandbox-webhook-secret',
      ],
      'edge-1': ['edge-nats-url'],
      'edge-2': ['edge-nats-url'],
      nginx: [],
    });
    for (const [name, { environment = {}, secrets = [] }] of services) {
      const files = Object.entries(environment).filter(([setting]) => setting.endsWith('_FILE'));
      for (const [, path] of files) expect(secrets.map(nameOf)).toContain(String(path).replace('/run/secrets/', ''));
      for (const setting of [
        'REDIS_URL',
        'NATS_URL',
        'DATABASE_URL',
        'DATABASE_OWNER_URL',
        'POSTGRES_PASSWORD',
        'SESSION_KEYS',
        'TICKET_KEYS',
        'SANDBOX_WEBHOOK_SECRET',
      ])
        expect(environment, name).not.toHaveProperty(setting);
    }
  });

  test('all are written, the same each time, into a folder that no other user can enter', () => {
    const spare = parse(readFileSync('docker-compose.ha.yml', 'utf8'), { merge: true }) as typeof compose;
    const files = Object.values({ ...compose.secrets, ...spare.secrets }).map(({ file }) => file);
    expect(files.toSorted()).toEqual(
      readdirSync(folder)
        .toSorted()
        .map((name) => `\${DATA_DIR:-./.data}/compose/${name}`),
    );
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    const before = readdirSync(folder).map(secret);
    expect(readdirSync(writeComposeSecrets(dataDir)).map(secret)).toEqual(before);
    const other = mkdtempSync(join(tmpdir(), 'concert-booking-compose-'));
    onTestFinished(() => rmSync(other, { recursive: true }));
    expect(readFileSync(join(writeComposeSecrets(other), 'session-keys'), 'utf8')).not.toBe(secret('session-keys'));
  });

  test('with them the servers of the compose file start, and accept the logins of the services', {
    timeout: 60_000,
  }, async () => {
    const [redisPort, natsPort, monitorPort] = [await freePort(), await freePort(), await freePort()];
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    // As in the containers, but for addresses and folders.
    const here = join(dataDir, 'here');
    const addresses = {
      'redis:6379': `127.0.0.1:${redisPort}`,
      'nats:4222': `127.0.0.1:${natsPort}`,
      'postgres:5432': `127.0.0.1:${postgres.port}`,
      '127.0.0.1:8222': `127.0.0.1:${monitorPort}`,
    };
    const secrets = Object.fromEntries(readdirSync(folder).map((name) => [name, secret(name)]));
    const commandOf = (name: string) => compose.services[name]?.command ?? [];
    const startServer = (name: string, command: string[], answers: () => Promise<void>) =>
      startAsContainer({ name, command, secrets, here, addresses, answers });
    const redisArgs = ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', join(here, 'data')];
    await startServer('redis', [...commandOf('redis'), ...redisArgs], () =>
      ownRedisAnswers({ host: '127.0.0.1', port: redisPort }),
    );
    const natsCommand = ['nats-server', ...commandOf('nats'), '-a', '127.0.0.1', '-p', String(natsPort)];
    await startServer('nats', natsCommand, () => natsAnswers({ host: '127.0.0.1', port: natsPort }));
    expect((await fetch(`http://127.0.0.1:${monitorPort}/healthz`)).status).toBe(200);

    const filesOf = (name: string) =>
      Object.fromEntries(
        Object.entries(compose.services[name]?.environment ?? {})
          .filter(([setting]) => setting.endsWith('_FILE'))
          .map(([setting, path]) => [setting, localText(String(path), here, addresses)]),
      );
    // The image runs this script when it has created its data; here the roles already exist, with other passwords.
    const admin = new pg.Client(postgres.adminUrl.replace(/booking$/, 'postgres'));
    await admin.connect();
    await admin.query('DROP DATABASE booking');
    for (const statement of secret('postgres-roles')
      .split(';\n')
      .filter((each) => each.trim()))
      await admin.query(statement);
    await admin.end();
    const booking = await startBooking({ redisUrl: '', natsUrl: '', env: filesOf('booking') });
    onTestFinished(() => booking.stop());
    const edge = await startEdge({ natsUrl: '', bookingUrls: [booking.url], env: filesOf('edge-1') });
    onTestFinished(() => edge.stop());
    const held = await fetch(`${booking.url}/api/seats/select`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seat_id: 'A1', user_id: 'alice' }),
    });
    expect(held.status).toBe(200);
    const ledger = new PostgresLedger({
      url: localText(secret('booking-database-url').trim(), here, addresses),
      name: 'test',
      logger: silent,
    });
    onTestFinished(() => ledger.close());
    await expect.poll(() => ledger.eventsAfter('main', undefined, 9).catch(() => [])).toHaveLength(1);
    const monitored = async (path: string) => (await fetch(`http://127.0.0.1:${monitorPort}/${path}`)).json();
    await expect.poll(async () => (await monitored('jsz')).messages).toBe(1);
    const { connections } = await monitored('connz?auth=1');
    const users = connections.map(({ authorized_user }: { authorized_user: string }) => authorized_user);
    expect(users).toEqual(expect.arrayContaining(['booking', 'edge']));
  });
});
