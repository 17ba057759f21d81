import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { loadLaunchConfig } from '../../src/launch/launch-config.ts';
import { startNats, startRedis } from '../support/servers.ts';
import { fakeProgram, freeSettings, Launch, livingPids, portsInUse, type Settings } from './launch-fixture.ts';

const launches: Launch[] = [];

function start(settings: Settings): Launch {
  const launch = new Launch(settings);
  launches.push(launch);
  return launch;
}

afterEach(async () => {
  for (const launch of launches.splice(0)) await launch.cleanUp();
});

const pageOf = ({ HTTP_PORT }: Settings) => `http://127.0.0.1:${HTTP_PORT}`;

async function command(settings: Settings, name: 'select' | 'book', seatId: string): Promise<number> {
  const body = JSON.stringify({ seat_id: seatId, user_id: 'user1' });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${pageOf(settings)}/api/seats/${name}`, { method: 'POST', headers, body })).status;
}

async function statusOf(settings: Settings, seatId: string): Promise<number | undefined> {
  const seats = (await (await fetch(`${pageOf(settings)}/api/seats`)).json()) as { id: string; status: number }[];
  return seats.find(({ id }) => id === seatId)?.status;
}

async function firstMessage(settings: Settings): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${settings.HTTP_PORT}/ws`);
  const message = await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.close();
  return String(message);
}

/** Everything has ended, in time. */
async function expectStopped(launch: Launch, settings: Settings, pids: Record<string, number>): Promise<void> {
  const since = Date.now();
  expect(await launch.exitCode).toBe(0);
  expect(Date.now() - since).toBeLessThan(10_000);
  expect(livingPids(pids)).toEqual([]);
  expect(await portsInUse(settings)).toEqual([]);
}

describe('one data folder, launched again and again', { timeout: 90_000 }, () => {
  let settings: Settings;
  let launch: Launch;
  let pids: Record<string, number>;
  const started: Launch[] = [];
  const launchAgain = async () => {
    launch = new Launch(settings);
    started.push(launch);
    await launch.isUp();
    pids = launch.pids();
  };
  beforeAll(async () => {
    settings = {
      ...(await freeSettings()),
      TRUSTED_PROXIES: '127.0.0.1',
      SESSIONS_PER_MINUTE_PER_ADDRESS: '5',
      RESTART_PAUSE_MS: '100',
    };
    const squatter = createTcpServer().listen(Number(settings.REDIS_PORT), '127.0.0.1');
    await launchAgain();
    squatter.close();
  }, 60_000);
  afterAll(async () => {
    for (const each of started) await each.cleanUp();
  });

  test('a port of Redis or NATS in use: a free one is taken, and printed', () => {
    expect(launch.output).toMatch(new RegExp(`Port ${settings.REDIS_PORT} is in use: Redis uses \\d+ instead`));
  });

  test('seven services serve through nginx', async () => {
    expect(Object.keys(pids)).toHaveLength(7);
    expect((await fetch(pageOf(settings))).headers.get('content-type')).toContain('text/html');
    expect(JSON.parse(await firstMessage(settings)).type).toBe('VENUE_STATE');
    expect(await command(settings, 'select', 'D5')).toBe(200);
    expect(await command(settings, 'book', 'D5')).toBe(200);
  });

  test('[R311] [R315] with TRUSTED_PROXIES a proxy in front is trusted; each data folder has a cookie of its own', async () => {
    const begin = async (i: number) => {
      const headers = { 'x-forwarded-for': `203.0.113.${i}`, 'x-forwarded-proto': 'https' };
      const response = await fetch(`${pageOf(settings)}/api/session`, { method: 'POST', headers });
      return { status: response.status, cookie: String(response.headers.get('set-cookie')) };
    };
    const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => begin(i)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const { installationId } = JSON.parse(readFileSync(join(settings.DATA_DIR, 'secrets.json'), 'utf8'));
    expect(installationId).toMatch(/^[0-9a-f]{8}$/);
    for (const { cookie } of replies)
      expect(cookie).toMatch(new RegExp(`^__Host-session_${installationId}=.*; Secure`));
    const own = await Promise.all(Array.from({ length: 6 }, () => begin(99)));
    expect(own.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 429]);
  });

  test('a killed service is reported and restarted, while the others continue to serve', async () => {
    const [edge] = settings.EDGE_PORTS.split(',');
    process.kill(pids[`edge-${edge}`] ?? 0, 'SIGKILL');
    expect(JSON.parse(await firstMessage(settings)).type).toBe('VENUE_STATE');
    await launch.says(`edge-${edge} ended unexpectedly (signal SIGKILL)`);
    await launch.says(`edge-${edge} is back`);
    process.kill(pids.nginx ?? 0, 'SIGKILL');
    await launch.says('nginx is back');
    expect(await statusOf(settings, 'A1')).toBe(0);
  });

  test('it has one launcher: another one is refused', async () => {
    const other = new Launch({ ...(await freeSettings()), DATA_DIR: settings.DATA_DIR });
    expect(await other.exitCode).toBe(1);
    expect(other.output).toContain(`is in use by the launcher with pid ${launch.pid}`);
  });

  test('SIGINT stops everything without a trace; the next launch has the bookings', async () => {
    const latest = Object.entries(launch.pids()).map(([name, pid]) => [`latest ${name}`, pid]);
    launch.signal('SIGINT');
    await expectStopped(launch, settings, { ...pids, ...Object.fromEntries(latest) });
    await launchAgain();
    expect(await statusOf(settings, 'D5')).toBe(2);
  });

  test('processes that a killed launcher leaves behind are named; SIGHUP stops everything, too', async () => {
    launch.signal('SIGKILL');
    await launch.exitCode;
    const next = new Launch(settings);
    expect(await next.exitCode).toBe(1);
    expect(next.output).toContain(`kill ${Object.values(pids).join(' ')}`);

    for (const pid of Object.values(pids)) process.kill(pid, 'SIGTERM');
    while (livingPids(pids).length > 0) await sleep(20);
    await launchAgain();
    launch.signal('SIGHUP');
    await expectStopped(launch, settings, pids);
  });
});

describe('start.sh with real servers', { timeout: 90_000 }, () => {
  test('a signal during the start stops what was started so far', async () => {
    const settings = await freeSettings();
    const launch = start(settings);
    await launch.says('Starting');
    await sleep(300);
    const pids = launch.pids();
    launch.signal('SIGINT');
    await expectStopped(launch, settings, pids);
    expect(launch.output).not.toContain('Open ');
  });

  test('[R233] servers in Docker: the containers are run with few rights, named, and removed', async () => {
    const settings = await freeSettings();
    // A minimal engine: runs the command of the container here.
    const PATH = fakeProgram(
      'docker',
      `echo "$*" >> ${settings.DATA_DIR}/docker-calls
      case $1 in
        run)
          while [[ $1 != --entrypoint ]]; do shift; done
          program=$2; shift 3
          PATH=$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin)
          if [[ $EUID = 0 && $program =~ ^(initdb|postgres)$ ]]; then
            exec setpriv --reuid=65534 --regid=65534 --clear-groups "$program" "$@"
          fi
          exec "$program" "$@" ;;
      esac`,
    );
    const launch = await start({ ...settings, SERVERS: 'auto', PATH }).isUp();
    expect(launch.output).toContain('from Docker');
    expect(await statusOf(settings, 'A1')).toBe(0);
    const pids = launch.pids();
    launch.signal('SIGINT');
    await expectStopped(launch, settings, pids);
    const calls = readFileSync(join(settings.DATA_DIR, 'docker-calls'), 'utf8');
    // The same users as of servers of this machine, and no password where `ps` shows it.
    expect(calls).toMatch(/ redis-server .*--aclfile \S+users\.acl/);
    expect(calls).toMatch(/ nats-server .*-c \S+users\.conf/);
    const secrets = JSON.parse(readFileSync(join(settings.DATA_DIR, 'secrets.json'), 'utf8')) as Record<string, string>;
    expect(Object.keys(secrets).length).toBeGreaterThan(3);
    for (const secret of Object.values(secrets)) expect(calls).not.toContain(secret);
    expect(calls).toMatch(
      /^run .*-v \S+passwd:\/etc\/passwd:ro --entrypoint initdb postgres:15-alpine .*--pwfile=\S+admin-password/m,
    );
    for (const program of ['redis-server', 'nats-server', 'postgres', 'nginx']) {
      expect(calls).toMatch(
        new RegExp(`^run --rm --name concert-booking-${program}-\\w+ .*--network host .*-v ${settings.DATA_DIR}`, 'm'),
      );
      expect(calls).toMatch(
        new RegExp(`^run .*-${program}-\\w+ --read-only --cap-drop ALL --security-opt no-new-privileges `, 'm'),
      );
      expect(calls).toMatch(new RegExp(`^rm -f concert-booking-${program}-`, 'm'));
    }
  });
});

describe('start.sh with servers that are given', { timeout: 90_000 }, () => {
  test('[R230] they are used as they are, with the credentials of their addresses, which are not shown', async () => {
    const redis = await startRedis({
      users: 'user default on >a-given-password ~* &* +@all\nuser viewer on nopass +ping\n',
    });
    const nats = await startNats({ users: { authorization: { token: 'a-given-token' } } });
    onTestFinished(async () => {
      await redis.stop();
      await nats.stop();
    });
    const settings: Settings = {
      ...(await freeSettings()),
      REDIS_URL: redis.url.replace('//', '//:a-given-password@'),
      NATS_URL: `a-given-token@127.0.0.1:${nats.port}`,
    };
    const launch = await start(settings).isUp();
    expect(Object.keys(launch.pids()).join()).not.toMatch(/redis|nats/);
    expect(launch.output).not.toMatch(/a-given/);
    const listener = await connect({ servers: `127.0.0.1:${nats.port}`, token: 'a-given-token' });
    onTestFinished(() => listener.close());
    const heard = listener.subscribe('seats.>', { max: 1 });
    await listener.flush();
    expect(await command(settings, 'select', 'A1')).toBe(200);
    for await (const { subject } of heard) expect(subject).toBe('seats.held');
  });
});

describe('start.sh with a fault', { timeout: 60_000 }, () => {
  test('a port in use: named with its setting, and nothing is left', async () => {
    const settings = await freeSettings();
    const [, port] = settings.EDGE_PORTS.split(',');
    const squatter = createServer().listen(Number(port), '127.0.0.1');
    const launch = start(settings);
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain(`Port ${port} is in use by another program`);
    expect(launch.output).toContain('EDGE_PORTS');
    expect(await portsInUse(settings)).toEqual([Number(port)]);
    squatter.close();
  });

  test('a service that dies at start: its exit code, its last words, its log; the others are stopped', async () => {
    const settings = await freeSettings();
    const PATH = fakeProgram('redis-server', 'echo "Bad file format reading the append only file"; exit 3');
    const launch = start({ ...settings, PATH });
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain('redis ended at start: exit code 3');
    expect(launch.output).toContain('| Bad file format reading the append only file');
    expect(launch.output).toContain('logs/redis.log');
    expect(await portsInUse(settings)).toEqual([]);
  });

  test('a setting that cannot be used: nothing is started', async () => {
    const settings = await freeSettings();
    const launch = start({ ...settings, BOOKING_PORTS: '8080,http' });
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain('BOOKING_PORTS="8080,http": must be a comma list of whole numbers');
    expect(await portsInUse(settings)).toEqual([]);
  });

  test.each([
    [{ HTTP_PORT: '70000' }, 'HTTP_PORT="70000": must be a whole number from 1 to 65535'],
    [{ HOLD_SECONDS: 'long' }, 'HOLD_SECONDS="long": must be a number above 0'],
    [{ EDGE_PORTS: '3000,3000' }, 'Port 3000 is given twice: in EDGE_PORTS and in EDGE_PORTS'],
    [{ SERVERS: 'cloud' }, 'SERVERS="cloud": must be one of auto, docker, machine, embedded'],
    [{ TRUSTED_PROXIES: 'proxy.example' }, '[R26] TRUSTED_PROXIES: "proxy.example"'],
    [{ ALLOWED_ORIGINS: '*' }, '[R26] ALLOWED_ORIGINS: "*"'],
  ])('%j is refused by the same check: %s', async (wrong, message) => {
    const settings = await freeSettings();
    await expect(loadLaunchConfig({ ...settings, ...wrong })).rejects.toThrow(message.replace('[R26] ', ''));
  });
});

describe('start.sh without servers', { timeout: 60_000 }, () => {
  test('embedded: warns clearly that bookings end with it, and serves', async () => {
    const settings: Settings = { ...(await freeSettings()), SERVERS: 'embedded' };
    const launch = await start(settings).isUp();
    expect(launch.output).toContain('ALL BOOKINGS ARE LOST WHEN IT ENDS');
    expect((await fetch(pageOf(settings))).headers.get('content-type')).toContain('text/html');
    expect(JSON.parse(await firstMessage(settings)).type).toBe('VENUE_STATE');
    const pids = launch.pids();
    expect(Object.keys(pids)).toEqual(['embedded']);
    launch.signal('SIGINT');
    await expectStopped(launch, settings, pids);
  });
});
