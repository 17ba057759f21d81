import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { findExecutable } from '../../src/launch/find-executable.ts';
import { findServers } from '../../src/launch/find-servers.ts';
import type { OriginName } from '../../src/launch/launch-config.ts';
import type { ServerProgram } from '../../src/launch/server-origin.ts';
import { patience } from '../support/patience.ts';
import { fakeProgram, freeSettings, Launch, livingPids } from './launch-fixture.ts';

const all: ServerProgram[] = ['redis-server', 'nats-server', 'nginx'];
afterEach(() => vi.unstubAllEnvs());

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-sources-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** PATH for this process: these programs before all others. */
function withPrograms(scripts: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/bash\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  return folder;
}

/** Aborted with its test. */
function find(origin: Exclude<OriginName, 'embedded'>, rehearsalTimeoutMs?: number): ReturnType<typeof findServers> {
  const aborted = new AbortController();
  const logFile = join(temporaryFolder(), 'logs', 'install.log');
  const found = findServers(origin, all, logFile, aborted.signal, rehearsalTimeoutMs);
  onTestFinished(async () => {
    aborted.abort();
    await found.catch(() => {});
  });
  return found;
}

const noDocker = { docker: 'exit 1' };

describe('[R291] a server on PATH that is too old', () => {
  test.each([
    ['nginx', 'echo "nginx version: nginx/1.18.0" >&2', 'nginx 1.18.0', '1.19.5'],
    ['nginx', 'echo "nginx version: openresty/1.19.3.1" >&2', 'nginx 1.19.3', '1.19.5'],
    [
      'redis-server',
      'echo "Redis server v=6.2.14 sha=0:0 malloc=jemalloc-5.1.0 bits=64 build=0"',
      'Redis 6.2.14',
      '7.0.0',
    ],
    ['nats-server', 'echo "nats-server: v2.8.4"', 'NATS 2.8.4', '2.9.0'],
  ])('%s: %s', async (program, script, found, needed) => {
    const folder = withPrograms({ ...noDocker, [program]: script });
    const since = `${found} (${join(folder, program)}) is too old: version ${needed} or newer is needed`;
    for (const origin of ['machine', 'auto'] as const) await expect(find(origin)).rejects.toThrow(since);
  });

  test.each([
    ['nginx', 'echo "nginx version: nginx/1.19.5" >&2'],
    ['nginx', 'echo "nginx version: openresty/1.27.1.2" >&2'],
    ['redis-server', 'echo "Valkey server v=8.1.0 sha=00000000:0"'],
    ['redis-server', 'echo "Redis server v=7.10.0 sha=00000000:0"; exit 1'],
    ['nats-server', 'echo "nats-server: v2.10.0-beta.1"'],
    ['nats-server', 'echo "an own build"'],
  ])('%s that is new enough, or has no version, is used: %s', async (program, script) => {
    withPrograms({ ...noDocker, [program]: script });
    expect((await find('machine')).description).toBe('this machine');
  });

  test('ends a start before anything is started', async () => {
    const PATH = fakeProgram('redis-server', 'echo "Redis server v=6.0.16 sha=0:0"');
    const launch = new Launch({ ...(await freeSettings()), PATH });
    onTestFinished(() => launch.cleanUp());
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain('Redis 6.0.16 (');
    expect(launch.output).not.toContain('Starting');
  }, 60_000);
});

/** An engine: a container runs here, unless `run` says otherwise. */
const engine = (info: string, run: string, calls: string) => `
  echo "$*" >> ${calls}
  case $1 in
    info) echo "${info}" ;;
    run)
      while [[ $1 != --entrypoint ]]; do shift; done
      program=$2; shift 3
      ${run} ;;
  esac`;
const here = 'PATH=$PATH:/usr/sbin exec "$program" "$@"';

describe('[R298] servers in Docker', () => {
  /** None of these servers is ever reached: a longer trial has the same result. */
  const outOfReachMs = 700;
  const callsOf = (file: string) => readFileSync(file, 'utf8');

  function withEngine(info: string, run: string): string {
    const calls = join(temporaryFolder(), 'calls');
    withPrograms({ docker: engine(info, run, calls) });
    return calls;
  }

  test('an engine of this machine shares its network', async () => {
    const calls = withEngine(' Operating System: Debian GNU/Linux 12', here);
    expect((await find('auto')).description).toBe('Docker');
    expect(callsOf(calls)).toContain('--network host');
  });

  test('Docker Desktop, also on Linux and in WSL, publishes ports', async () => {
    // Its name for this machine is not known here: the container reaches it by its address.
    const run = `sed -i s/host.docker.internal/127.0.0.1/ "$4"; ${here}`;
    const calls = withEngine('  Operating System: Docker Desktop', run);
    expect((await find('auto')).description).toBe('Docker');
    expect(callsOf(calls)).not.toContain('--network host');
    expect(callsOf(calls)).toMatch(/-p 127\.0\.0\.1:(\d+):\1 /);
  });

  test.each([
    ['does not answer', 'sleep 60'],
    ['ends', 'echo "no such file"; exit 125'],
    ['does not reach this machine', `sed -i s#http://127.0.0.1#http://127.0.0.99# "$4"; ${here}`],
  ])('a server of an engine elsewhere %s: the machine has servers too', { timeout: 90_000 }, async (_, run) => {
    withEngine(' Operating System: Debian GNU/Linux 12', run);
    expect((await find('auto', outOfReachMs)).description).toBe('this machine');
    await expect(find('docker', outOfReachMs)).rejects.toThrow(
      'Docker: a server in a container is out of reach of this machine',
    );
  });
});

test('[R298] a launcher that is stopped at once leaves no trial of Docker behind', async () => {
  const pidFile = join(temporaryFolder(), 'pid');
  const settings = { ...(await freeSettings()), SERVERS: 'docker' };
  const PATH = fakeProgram(
    'docker',
    `[[ $1 != run ]] || { echo $$ > ${pidFile}; trap '' TERM; while :; do sleep 1; done; }`,
  );
  const launch = new Launch({ ...settings, PATH });
  onTestFinished(() => launch.cleanUp());
  const trial = () => ({ trial: Number(readFileSync(pidFile, 'utf8')) });
  await vi.waitFor(() => expect(livingPids(trial())).toHaveLength(1), patience);
  launch.signal('SIGINT');
  await launch.says('Stopping');
  // Within 0.5 s it is the same Ctrl-C, which npm passes on. 1 s after the first one the trial is killed in any case.
  await sleep(600);
  launch.signal('SIGINT');
  await launch.exitCode;
  expect(livingPids(trial())).toEqual([]);
}, 60_000);

test('the programs that these tests stand in for are here', () => {
  for (const program of all) expect(findExecutable(program)).toBeDefined();
});
