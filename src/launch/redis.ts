import { totalmem } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { loopback } from './ports.ts';
import { ownRedisAnswers } from './probes.ts';
import { programEnv } from './program-env.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { giveTo, type ServiceUser } from './service-user.ts';
import { writePrivately } from './write-privately.ts';

export interface RedisOptions {
  origin: ServerOrigin;
  port: number;
  dir: string;
  logFile: string;
  /** From `redisUsers`; without it every client has all rights. */
  users?: string;
  user?: ServiceUser | undefined;
}

/**
 * Bounds the memory that clients take from the venue's: unread replies and unfinished requests. The largest reply to a booking
 * process, a venue of 100,000 seats, is some 12 MB; its largest request, the plan of that venue and the last 5,000 seats, is some 2 MB.
 */
export const redisClientLimits = [
  ...['--client-output-buffer-limit', 'normal 32mb 16mb 10', '--client-query-buffer-limit', '4mb'],
  ...['--maxmemory-clients', '64mb', '--maxclients', '1000'],
];

/** Every write is in the append-only file, on disk, before Redis replies. Nothing is ever evicted. */
export function redisSpec({ origin, port, dir, logFile, users, user }: RedisOptions): ServiceSpec {
  makeFolder(dir);
  const args = ['--bind', origin.bindHost(loopback), '--protected-mode', 'no', '--port', String(port), '--dir', dir];
  args.push('--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction');
  args.push('--maxmemory', String(maxMemoryBytes()), ...redisClientLimits);
  if (users !== undefined) args.push('--aclfile', writePrivately(join(dir, 'users.acl'), users));
  giveTo(user, dir);
  return {
    name: 'redis',
    ...origin.command('redis-server', { args, folders: [dir], listens: [{ host: loopback, port }], user }),
    env: programEnv(),
    logFile,
    answers: () => ownRedisAnswers({ host: loopback, port }),
    stopTimeoutMs: 1_500,
    hint: `Its data is in ${dir}. Or use a Redis of your own: REDIS_URL=redis://…`,
  };
}

/** Half of the memory of this machine or container: rewriting the append-only file may temporarily need the other half. */
const maxMemoryBytes = () =>
  Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2);
