import { totalmem } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { loopback } from './ports.ts';
import { ownRedisAnswers } from './probes.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { writePrivately } from './write-privately.ts';

export interface RedisOptions {
  origin: ServerOrigin;
  port: number;
  dir: string;
  logFile: string;
  /** As `redisUsers` gives them; without it everybody may do everything. */
  users?: string;
}

/** Durable before it answers: every write is in the append-only file, on disk. Nothing is ever evicted. */
export function redisSpec({ origin, port, dir, logFile, users }: RedisOptions): ServiceSpec {
  makeFolder(dir);
  const args = ['--bind', origin.bindHost(loopback), '--protected-mode', 'no', '--port', String(port), '--dir', dir];
  args.push('--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction');
  args.push('--maxmemory', String(maxMemoryBytes()));
  if (users !== undefined) args.push('--aclfile', writePrivately(join(dir, 'users.acl'), users));
  return {
    name: 'redis',
    ...origin.command('redis-server', { args, folders: [dir], listens: [{ host: loopback, port }] }),
    env: process.env,
    logFile,
    answers: () => ownRedisAnswers({ host: loopback, port }),
    stopTimeoutMs: 1_500,
    hint: `Its data is in ${dir}. Or use a Redis of your own: REDIS_URL=redis://…`,
  };
}

/** Half of what this machine, or this container, has: rewriting the append-only file may take as much again for a while. */
const maxMemoryBytes = () =>
  Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2);
