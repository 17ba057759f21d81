import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { portState } from '../../src/launch/ports.ts';
import { identityOf } from '../../src/launch/process-identity.ts';
import { freePort } from '../support/servers.ts';

export interface Settings extends NodeJS.ProcessEnv {
  HTTP_PORT: string;
  BOOKING_PORTS: string;
  EDGE_PORTS: string;
  REDIS_PORT: string;
  NATS_PORT: string;
  DATABASE_PORT: string;
  DATA_DIR: string;
  SERVERS: string;
}

const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'concert-booking-launch-'));

export async function freeSettings(): Promise<Settings> {
  const port = async () => String(await freePort());
  return {
    HTTP_PORT: await port(),
    BOOKING_PORTS: await port(),
    EDGE_PORTS: `${await port()},${await port()}`,
    REDIS_PORT: await port(),
    NATS_PORT: await port(),
    DATABASE_PORT: await port(),
    // The default port, 8222, is chosen while it is free: two launchers that start at the same moment would both take it.
    NATS_MONITORING: await port(),
    DATA_DIR: temporaryFolder(),
    SERVERS: 'machine',
    LOG_LEVEL: 'info',
  };
}

/** A folder to be put in front of PATH, with a program of this name. */
export function fakeProgram(name: string, script: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), `#!/bin/bash\n${script}\n`);
  // Root's launcher runs its servers as another user.
  for (const path of [folder, join(folder, name)]) chmodSync(path, 0o755);
  return `${folder}:${process.env.PATH}`;
}

/** A shell script that is run in place of start.sh, e.g. one that starts it in another way. `$0` is start.sh. */
export interface LaunchOptions {
  script?: string;
}

/** One run of start.sh, from another folder than the project's. */
export class Launch {
  output = '';
  readonly exitCode: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #settings: Settings;

  constructor(settings: Settings, { script = 'exec "$0"' }: LaunchOptions = {}) {
    this.#settings = settings;
    const startScript = join(process.cwd(), 'start.sh');
    this.#child = spawn('bash', ['-c', script, startScript], { cwd: tmpdir(), env: { ...process.env, ...settings } });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    this.exitCode = new Promise((resolve) => this.#child.once('close', resolve));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async says(text: string, timeoutMs = 40_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`start.sh ended without saying "${text}":\n${this.output}`);
      if (Date.now() > deadline) throw new Error(`start.sh does not say "${text}":\n${this.output}`);
      await sleep(20);
    }
  }

  async isUp(): Promise<this> {
    await this.says('Ctrl-C stops', 90_000); // the launcher itself gives each service 30 s
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  pids(): Record<string, number> {
    const lock = JSON.parse(readFileSync(join(this.#settings.DATA_DIR, 'launcher.lock'), 'utf8'));
    return Object.fromEntries(lock.services.map(({ name, pid }: { name: string; pid: number }) => [name, pid]));
  }

  /** For the end of a test, whatever its result. */
  async cleanUp(): Promise<void> {
    this.signal('SIGTERM');
    await this.exitCode;
    rmSync(this.#settings.DATA_DIR, { recursive: true, force: true });
  }
}

export const livingPids = (pids: Record<string, number>): number[] =>
  Object.values(pids).filter((pid) => identityOf(pid) !== undefined);

export async function portsInUse(settings: Settings): Promise<number[]> {
  const lists = [settings.HTTP_PORT, settings.BOOKING_PORTS, settings.EDGE_PORTS, settings.REDIS_PORT];
  const ports = [...lists, settings.NATS_PORT, settings.DATABASE_PORT].flatMap((list) => list.split(',').map(Number));
  const states = await Promise.all(ports.map((port) => portState(port)));
  return ports.filter((_, index) => states[index] !== 'free');
}
