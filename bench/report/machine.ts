import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { findExecutable } from '../../src/launch/find-executable.ts';

/** The machine and the versions of a measurement. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  /** Over the minute before the run, before it starts any process. */
  loadAverage: number;
  os: string;
  versions: Record<string, string>;
  /** Ends in `-dirty` if files differ from the commit. */
  commit: string;
  /** Undefined without git. */
  uncommittedFiles?: number;
}

const busyLoadPerCore = 0.5;

/** A warning if other processes kept the machine busy before the run. */
export function busyWarning({ loadAverage, cores }: Machine): string | undefined {
  if (loadAverage <= cores * busyLoadPerCore) return undefined;
  return `load average ${loadAverage.toFixed(1)} on ${cores} cores before the run: other processes distort the figures`;
}

export function gitState({ commit, uncommittedFiles }: Machine): string {
  if (uncommittedFiles === undefined) return `commit ${commit}`;
  const changes = uncommittedFiles === 1 ? '1 uncommitted file' : `${uncommittedFiles} uncommitted files`;
  return `commit ${commit}, ${uncommittedFiles === 0 ? 'nothing uncommitted' : changes}`;
}

const require = createRequire(import.meta.url);

export function describeMachine(): Machine {
  const models = cpus().map(({ model }) => model.trim());
  const uncommitted = output('git', ['status', '--porcelain']);
  return {
    cpu: models[0] ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: loadavg()[0] ?? 0,
    os: `${type()} ${release()}`,
    versions: {
      'concert-booking': packageJson.version,
      node: process.versions.node,
      autocannon: String(require('autocannon/package.json').version),
      redis: versionOf('redis-server', /v=(\S+)/),
      nats: versionOf('nats-server', /v(\d\S*)/),
    },
    commit: firstLine('git', ['describe', '--always', '--dirty', '--abbrev=10']) ?? 'unknown',
    ...(uncommitted !== undefined && { uncommittedFiles: uncommitted.split('\n').filter(Boolean).length }),
  };
}

function versionOf(program: string, pattern: RegExp): string {
  const path = findExecutable(program);
  return (path && pattern.exec(firstLine(path, ['--version']) ?? '')?.[1]) || 'not on this machine';
}

const firstLine = (program: string, args: string[]): string | undefined =>
  output(program, args)?.split('\n')[0]?.trim();

function output(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}
