import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portState } from '../../src/launch/ports.ts';
import { settingsOf } from '../../src/process/config.ts';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

const sessionKeys = 'given:c2Vzc2lvbi1rZXktb2YtdGhlLXRlc3QtMzItYnl0ZXM';
const secretFile = '/tmp/concert-booking-session-keys';
let settings: Settings;
let launch: Launch;

/** A port that a user without rights may not listen on. */
async function lowPort(): Promise<number> {
  for (let port = 700; port < 1024; port++) if ((await portState(port)) === 'free') return port;
  throw new Error('no free port below 1024');
}

beforeAll(async () => {
  expect(process.getuid?.(), 'these tests run as root').toBe(0);
  // Not in the folder of the tests, which no other user can enter.
  const dataDir = mkdtempSync('/tmp/concert-booking-processes-');
  chmodSync(dataDir, 0o755);
  writeFileSync(secretFile, sessionKeys, { mode: 0o600 });
  settings = {
    ...(await freeSettings()),
    HTTP_PORT: String(await lowPort()),
    DATA_DIR: dataDir,
    SESSION_KEYS_FILE: secretFile,
    NATS_MONITORING: 'off',
    SOMEBODY_ELSES_SECRET: 'a-secret-of-the-shell',
  };
  launch = await new Launch(settings).isUp();
}, 60_000);
afterAll(async () => {
  await launch?.cleanUp();
  rmSync(secretFile);
});

const processes = (kind: string) =>
  Object.entries(launch.pids())
    .filter(([name]) => name.startsWith(kind))
    .map(([, pid]) => pid);

function environmentOf(pid: number): Record<string, string> {
  const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  return Object.fromEntries(variables.map((variable) => variable.split(/=(.*)/s).slice(0, 2)));
}

const secretsJson = () => JSON.parse(readFileSync(join(settings.DATA_DIR, 'secrets.json'), 'utf8'));

describe('[R355] a process gets the settings that it reads, and no others', () => {
  test('an edge: no session key, nothing of Redis and Postgres, and of NATS its own user', () => {
    const { redisAdminPassword, redisBookingPassword, natsBookingPassword, natsEdgePassword } = secretsJson();
    expect(processes('edge')).toHaveLength(2);
    for (const pid of processes('edge')) {
      const environment = environmentOf(pid);
      expect(environment.NATS_URL).toContain(`edge:${natsEdgePassword}@`);
      expect(Object.keys(environment).filter((name) => /SESSION_KEYS|REDIS|DATABASE/.test(name))).toEqual([]);
      const all = JSON.stringify(environment);
      for (const secret of [sessionKeys, redisAdminPassword, redisBookingPassword, natsBookingPassword])
        expect(all).not.toContain(secret);
    }
  });

  test('a booking process: the session keys, also from a file that only root can read; no admin password', () => {
    const { redisAdminPassword, redisBookingPassword, natsEdgePassword } = secretsJson();
    const { postgresBookingPassword, postgresOwnerPassword, postgresViewerPassword } = secretsJson();
    const postgresAdminPassword = readFileSync(join(settings.DATA_DIR, 'postgres', 'admin-password'), 'utf8').trim();
    const [environment = {}] = processes('booking').map(environmentOf);
    expect(environment.SESSION_KEYS).toBe(sessionKeys);
    expect(environment.REDIS_URL).toContain(redisBookingPassword);
    expect(environment.DATABASE_URL).toContain(`booking:${postgresBookingPassword}@`);
    expect(environment.DATABASE_OWNER_URL).toContain(`booking_owner:${postgresOwnerPassword}@`);
    const all = JSON.stringify(environment);
    for (const secret of [redisAdminPassword, natsEdgePassword, postgresAdminPassword, postgresViewerPassword])
      expect(all).not.toContain(secret);
  });

  test('Redis, NATS, Postgres and nginx: no setting at all', () => {
    const names = Object.keys(settings);
    for (const kind of ['redis', 'nats', 'postgres', 'nginx'])
      for (const pid of processes(kind))
        expect(Object.keys(environmentOf(pid)).filter((name) => names.includes(name))).toEqual([]);
  });

  test('no process: other variables of the environment of start.sh', () => {
    for (const pid of Object.values(launch.pids()))
      expect(Object.values(environmentOf(pid))).not.toContain('a-secret-of-the-shell');
  });

  test('settingsOf follows the schema of the process', () => {
    const env = { SESSION_KEYS: 'k', REDIS_URL_FILE: '/r', NATS_URL: 'n', MAX_CONNECTIONS: '1', OTHER: 'o' };
    expect(settingsOf('edge', env)).toEqual({ NATS_URL: 'n', MAX_CONNECTIONS: '1' });
    expect(settingsOf('booking', env)).toEqual({ SESSION_KEYS: 'k', REDIS_URL_FILE: '/r', NATS_URL: 'n' });
  });
});

describe('[R363] started by root', () => {
  const childrenOf = (pid: number) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

  test('every server and process runs as nobody, without groups; only nginx keeps one right, for its port', () => {
    const started = Object.entries(launch.pids()).flatMap(([name, pid]) =>
      [pid, ...childrenOf(pid)].map((each) => [name, each] as const),
    );
    expect(started.length).toBeGreaterThanOrEqual(8); // nginx with two workers
    for (const [name, pid] of started) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const field = (key: string) => new RegExp(`^${key}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1];
      expect(field('Uid')?.split('\t'), name).toEqual(Array(4).fill('65534'));
      expect(field('Groups'), name).toBe('');
      const netBindService = 1n << 10n;
      expect(BigInt(`0x${field('CapEff')}`), name).toBe(name === 'nginx' ? netBindService : 0n);
    }
  });

  test('they write in their own folders; secrets, lock and settings are root’s', () => {
    const ownerOf = (entry: string) => statSync(join(settings.DATA_DIR, entry)).uid;
    expect(['redis', 'nats', 'nginx'].map(ownerOf)).toEqual([65_534, 65_534, 65_534]);
    expect(['.', 'secrets.json', 'launcher.lock', 'logs'].map(ownerOf)).toEqual([0, 0, 0, 0]);
  });

  test('[R362] no other user can read a file of the data folder', () => {
    const filesIn = (dir: string): string[] =>
      readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? filesIn(join(dir, entry.name)) : [join(dir, entry.name)],
      );
    const files = filesIn(settings.DATA_DIR);
    expect(files.filter((path) => path.endsWith('.log'))).toHaveLength(7);
    expect(files.filter((path) => (lstatSync(path).mode & 0o077) !== 0)).toEqual([]);
  });

  test('[R357] with NATS_MONITORING=off NATS listens at one port', () => {
    const [pid] = processes('nats');
    const inodes = new Set(
      readdirSync(`/proc/${pid}/fd`).map((fd) => /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]),
    );
    const listening = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode))
      .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16));
    expect(listening).toEqual([Number(settings.NATS_PORT)]);
  });

  test('and again, then as another user, with the remedy in the message', async () => {
    const nobodys = { uid: 65_534, gid: 65_534 };
    const env = { ...process.env, ...settings, SESSION_KEYS_FILE: '' };
    const run = () =>
      execFileSync(process.execPath, ['dist/launch/main.js'], { ...nobodys, env, encoding: 'utf8', stdio: 'pipe' });
    let output = '';
    try {
      run();
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    expect(output).toContain(`${settings.DATA_DIR} belongs to the user root`);
  });
});
