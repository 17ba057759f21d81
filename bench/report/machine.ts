import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { findExecutable } from '../../src/launch/find-executable.ts';

/** Where and with what was measured. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  /** Processes that wanted a core in the minute before: well above what the run itself starts, and others were at work. */
  loadAverage: number;
  os: string;
  versions: Record<string, string>;
  /** `-dirty` where there were changes that are in no commit. */
  commit: string;
}

const require = createRequire(import.meta.url);

export function describeMachine(): Machine {
  const models = cpus().map(({ model }) => model.trim());
  return {
    cpu: models[0] ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: loadavg()[0] ?? 0,
    os: `${type()} ${release()}`,
    versions: {
      'concert-booking': packageJson.version,
      node: process.versions.node,
      autocannon: (require('autocannon/package.json') as { version: string }).version,
      redis: versionOf('redis-server', /v=(\S+)/),
      nats: versionOf('nats-server', /v(\d\S*)/),
    },
    commit: firstLine('git', ['describe', '--always', '--dirty', '--abbrev=10']) ?? 'unknown',
  };
}

function versionOf(program: string, pattern: RegExp): string {
  const path = findExecutable(program);
  return (path && pattern.exec(firstLine(path, ['--version']) ?? '')?.[1]) || 'not on this machine';
}

function firstLine(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')[0]
      ?.trim();
  } catch {
    return undefined;
  }
}
