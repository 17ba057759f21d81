import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerProgram } from './server-origin.ts';

interface KnownProgram {
  name: string;
  /** Makes it print its version, on stdout or stderr. */
  versionFlag: string;
  pattern: RegExp;
  minVersion: string;
  /** What older versions lack. */
  lacks: string;
}

const programs: Record<ServerProgram, KnownProgram> = {
  'redis-server': {
    name: 'Redis',
    versionFlag: '--version',
    pattern: /\bv=(\d+\.\d+\.\d+)/,
    minVersion: '7.0.0',
    lacks: 'PEXPIRETIME and rights per key',
  },
  'nats-server': {
    name: 'NATS',
    versionFlag: '--version',
    pattern: /\bv(\d+\.\d+\.\d+)/,
    minVersion: '2.9.0',
    lacks: 'parts of JetStream',
  },
  // OpenResty and others have versions that begin with that of their nginx.
  nginx: {
    name: 'nginx',
    versionFlag: '-v',
    pattern: /\/(\d+\.\d+\.\d+)/,
    minVersion: '1.19.5',
    lacks: 'the option -e',
  },
};

const versionTimeoutMs = 3_000;

/** A sentence about the version and the one that is needed; undefined if it is new enough, or no version at all. */
export function tooOld(program: ServerProgram, version: string, path?: string): string | undefined {
  const { name, minVersion, lacks } = programs[program];
  if (!/^\d/.test(version) || isAtLeast(version, minVersion)) return undefined;
  const place = path === undefined ? '' : ` (${path})`;
  return `${name} ${version}${place} is too old: version ${minVersion} or newer is needed, older ones lack ${lacks}.`;
}

/** As the program itself prints it; undefined if it prints none. */
export async function versionOf(program: ServerProgram, path: string): Promise<string | undefined> {
  const { versionFlag, pattern } = programs[program];
  const options = { timeout: versionTimeoutMs, killSignal: 'SIGKILL' } as const;
  // Some exit with an error after it.
  const { stdout, stderr } = await promisify(execFile)(path, [versionFlag], options).catch(
    (error: { stdout?: string; stderr?: string }) => error,
  );
  return pattern.exec(`${stdout}${stderr}`)?.[1];
}

const isAtLeast = (version: string, least: string) => version.localeCompare(least, 'en', { numeric: true }) >= 0;
