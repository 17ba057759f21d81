import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { fakeProgram, freeSettings, Launch, type LaunchOptions, livingPids, type Settings } from './launch-fixture.ts';

const run = promisify(execFile);
const startScript = join(process.cwd(), 'start.sh');

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-script-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function start(settings: Settings, options?: LaunchOptions): Launch {
  const launch = new Launch(settings, options);
  onTestFinished(() => launch.cleanUp());
  return launch;
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Without Node and npm on PATH, unless `env` has them: nothing may be installed or built. */
async function ended(
  script: string,
  args: string[],
  env: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin' },
): Promise<Ended> {
  return run('bash', [script, ...args], { env, cwd: '/' }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => error,
  );
}

describe('[R294] arguments of start.sh', () => {
  const npmFails = { PATH: fakeProgram('npm', 'echo "npm was run"; exit 9') };

  test.each(['--help', '-h'])('%s explains it, and installs nothing', async (argument) => {
    const { code, stdout } = await ended(startScript, [argument], npmFails);
    expect(code).toBe(0);
    for (const text of ['Usage: ./start.sh', 'Redis', 'NATS', 'nginx', 'HTTP_PORT', 'DATA_DIR', 'Ctrl-C'])
      expect(stdout).toContain(text);
    expect(stdout).not.toContain('npm was run');
  });

  test('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await ended(startScript, ['--version'], npmFails)).toMatchObject({
      code: 0,
      stdout: `concert-booking ${version}\n`,
    });
  });

  test.each([
    ['--hepl', 'unknown argument "--hepl"'],
    ['HTTP_PORT=81', 'HTTP_PORT=81 ./start.sh'],
    ['', 'unknown argument ""'],
  ])('"%s" is refused in one line', async (argument, message) => {
    const { code, stdout, stderr } = await ended(startScript, [argument], npmFails);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('[R294] where start.sh is', () => {
  test.each([
    ['absolute', [startScript]],
    ['relative, over three folders', [startScript, '../first', '../folder/second']],
  ])('a symbolic link: %s', async (_, targets) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'folder'));
    const links = [join(folder, 'first'), join(folder, 'folder', 'second'), join(folder, 'folder', 'third')];
    for (const [index, target] of targets.entries()) symlinkSync(target, links[index] ?? '');
    const link = links[targets.length - 1] ?? '';
    expect(await ended(link, ['--version'])).toMatchObject({ code: 0, stderr: '' });
    // Found on PATH, from a folder where CDPATH leads elsewhere.
    const env = { PATH: `/usr/bin:/bin:${join(link, '..')}`, CDPATH: folder };
    expect((await run(link.split('/').at(-1) ?? '', ['--version'], { env, cwd: folder })).stdout).toMatch(/^concert/);
  });

  test('a clone with CRLF settings has scripts that run', () => {
    const folder = temporaryFolder();
    const git = (cwd: string, ...args: string[]) =>
      execFileSync('git', ['-c', 'core.autocrlf=true', '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
        cwd,
        stdio: 'pipe',
      });
    const origin = join(folder, 'origin');
    mkdirSync(origin);
    for (const name of ['.gitattributes', 'start.sh', 'nginx', 'docs/two-browsers.png'])
      cpSync(name, join(origin, name), { recursive: true });
    git(origin, 'init', '-q');
    git(origin, 'add', '.');
    git(origin, 'commit', '-qm', 'as it is');
    git(folder, 'clone', '-q', origin, 'clone');
    expect(readFileSync(join(folder, 'clone', 'start.sh'), 'utf8')).not.toContain('\r');
    expect(readFileSync(join(folder, 'clone', 'nginx', 'nginx.conf.template'), 'utf8')).not.toContain('\r');
    expect(readFileSync(join(folder, 'clone', 'docs/two-browsers.png'))).toEqual(readFileSync('docs/two-browsers.png'));
    execFileSync('bash', ['-n', join(folder, 'clone', 'start.sh')]);
  });

  test.each(['a:b', 'a\\b'])('a folder that Node or npm cannot use, %s, is named', async (name) => {
    const folder = join(temporaryFolder(), name);
    mkdirSync(folder);
    cpSync(startScript, join(folder, 'start.sh'));
    const { code, stderr } = await ended(join(folder, 'start.sh'), [], process.env);
    expect(code).toBe(1);
    expect(stderr).toContain(`character that Node or npm cannot use (":" or "\\"): ${folder}`);
  });
});

test('[R294] npm ci runs also for users with engine-strict=true', async () => {
  const folder = temporaryFolder();
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(name, join(folder, name));
  writeFileSync(join(folder, 'user.npmrc'), 'engine-strict=true\n');
  const env = { ...process.env, NPM_CONFIG_USERCONFIG: join(folder, 'user.npmrc') };
  await run('npm', ['ci', '--dry-run', '--offline', '--loglevel=error'], { cwd: folder, env });
  // The command of start.sh itself, with the setting from the environment.
  const [command = ''] = /npm ci .*$/m.exec(readFileSync('start.sh', 'utf8')) ?? [];
  await run('sh', ['-c', `${command} --dry-run --offline`], {
    cwd: folder,
    env: { ...env, npm_config_engine_strict: 'true' },
  });
}, 60_000);

describe('[R366] a signal while npm installs', () => {
  /** As npm does: it reacts to the first signal only after a while. */
  const npm = (place: string) => `#!/bin/bash
echo $$ > ${place}/npm
trap 'echo rolling back' TERM
sleep 1000 & echo $! > ${place}/child
while :; do wait; done
`;

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends npm, and what npm started', async (signal) => {
    const folder = temporaryFolder();
    for (const name of ['start.sh', 'package.json']) cpSync(name, join(folder, name));
    const settings = await freeSettings();
    const programs = temporaryFolder();
    writeFileSync(join(programs, 'npm'), npm(folder), { mode: 0o755 });
    const launch = start(
      { ...settings, PATH: `${programs}:${process.env.PATH}` },
      { script: `exec ${folder}/start.sh` },
    );
    const pids = () => ({
      npm: Number(readFileSync(join(folder, 'npm'), 'utf8')),
      child: Number(readFileSync(join(folder, 'child'), 'utf8')),
    });
    await vi.waitFor(() => expect(livingPids(pids())).toHaveLength(2), patience);
    launch.signal(signal);
    expect(await launch.exitCode).toBe(130);
    expect(livingPids(pids())).toEqual([]);
  });
});

describe('[R295] SIGHUP', { timeout: 60_000 }, () => {
  const embedded = async () => ({ ...(await freeSettings()), SERVERS: 'embedded' });

  test('under nohup it is ignored, and SIGTERM still stops everything', async () => {
    const settings = await embedded();
    const launch = await start(settings, { script: 'exec nohup "$0"' }).isUp();
    launch.signal('SIGHUP');
    // Signals come in order.
    expect((await fetch(`http://127.0.0.1:${settings.HTTP_PORT}/`)).status).toBe(200);
    expect(launch.output).not.toContain('Stopping');
    launch.signal('SIGTERM');
    expect(await launch.exitCode).toBe(0);
  });

  test('otherwise it stops everything', async () => {
    const launch = await start(await embedded()).isUp();
    launch.signal('SIGHUP');
    expect(await launch.exitCode).toBe(0);
  });
});

describe('[R292] a data folder of root', () => {
  /** As the user `nobody`, and not in the folder of the tests, which is closed to others. */
  async function asNobody(dataDir: string): Promise<string> {
    const env = { ...process.env, ...(await freeSettings()), DATA_DIR: dataDir };
    const launcher = spawn(process.execPath, ['dist/launch/main.js'], { uid: 65_534, gid: 65_534, env });
    let output = '';
    launcher.stdout.on('data', (chunk) => {
      output += chunk;
    });
    expect(await new Promise((resolve) => launcher.once('close', resolve))).toBe(1);
    return output;
  }

  test('another user reads the file, its owner and the remedy', async () => {
    expect(process.getuid?.(), 'this test runs as root').toBe(0);
    const dataDir = mkdtempSync('/tmp/concert-booking-root-');
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    chmodSync(dataDir, 0o755);
    expect(await asNobody(dataDir)).toContain(
      `${dataDir} belongs to the user root, and the user nobody has no right to read and write it. Choose another folder with DATA_DIR=…`,
    );
    chmodSync(dataDir, 0o777);
    writeFileSync(join(dataDir, 'secrets.json'), '{}', { mode: 0o600 });
    const output = await asNobody(dataDir);
    expect(output).toContain(
      `${dataDir}/secrets.json belongs to the user root, and the user nobody has no right to read and write it.`,
    );
    expect(output).toContain(`sudo chown -R nobody ${dataDir}`);
  });
});
