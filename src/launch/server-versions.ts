import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerProgram } from './server-origin.ts';

interface KnownProgram {
  name: string;
  /** Prints the version on stdout or stderr. */
  versionFlag: string;
  pattern: RegExp;
  minVersion: string;
  /** Features that older versions lack. */
  lacks: string;
}

const postgres = {
  name: 'Postgres',
  versionFlag: '--version',
  pattern: /\(PostgreSQL\) (\d+(\.\d+)*)/,
  minVersion: '13.0',
  lacks: 'parts of SQL that the ledger uses',
};

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
  // Versions of OpenResty and others begin with that of their nginx.
  nginx: {
    name: 'nginx',
    versionFlag: '-v',
    pattern: /\/(\d+\.\d+\.\d+)/,
    minVersion: '1.19.5',
    lacks: 'the option -e',
  },
  postgres,
  initdb: postgres,
};

const versionTimeoutMs = 3_000;

/** A message with the version and the needed one; undefined if the version is new enough or not a number. */
export function tooOld(program: ServerProgram, version: string, path?: string): string | undefined {
  const { name, minVersion, lacks } = programs[program];
  if (!/^\d/.test(version) || isAtLeast(version, minVersion)) return undefined;
  const place = path === undefined ? '' : ` (${path})`;
  return `${name} ${version}${place} is too old: version ${minVersion} or newer is needed, older ones lack ${lacks}.`;
}

/** The version that the program prints; undefined if it prints none. */
export async function versionOf(program: ServerProgram, path: string): Promise<string | undefined> {
  const { versionFlag, pattern } = programs[program];
  const options = { timeout: versionTimeoutMs, killSignal: 'SIGKILL' } as const;
  // Some programs exit with an error after printing it.
  const { stdout, stderr } = await promisify(execFile)(path, [versionFlag], options).catch(
    (error: { stdout?: string; stderr?: string }) => error,
  );
  return pattern.exec(`${stdout}${stderr}`)?.[1];
}

const isAtLeast = (version: string, least: string) => version.localeCompare(least, 'en', { numeric: true }) >= 0;
