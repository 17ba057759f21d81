import { join } from 'node:path';
import { addressFile } from '../process/recorded-address.ts';
import { jetStreamFault } from './jetstream-fault.ts';
import { makeFolder } from './make-folder.ts';
import { loopback } from './ports.ts';
import { natsAnswers } from './probes.ts';
import { programEnv } from './program-env.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { giveTo, type ServiceUser } from './service-user.ts';
import { writePrivately } from './write-privately.ts';

export interface NatsOptions {
  origin: ServerOrigin;
  port: number;
  /** Absent: NATS serves no HTTP. */
  monitorPort?: number | undefined;
  dir: string;
  logFile: string;
  /** From `natsUsers`; without it every client has all rights. */
  users?: object;
  user?: ServiceUser | undefined;
}

export function natsSpec({ origin, port, monitorPort, dir, logFile, users, user }: NatsOptions): ServiceSpec {
  makeFolder(dir);
  const args = ['-a', origin.bindHost(loopback), '-p', String(port), '-js', '-sd', dir];
  if (monitorPort !== undefined) args.push('-m', String(monitorPort)); // at the address of -a
  if (users !== undefined)
    args.push('-c', writePrivately(join(dir, 'users.conf'), JSON.stringify(users, undefined, 2)));
  writePrivately(addressFile(dir), `nats://${loopback}:${port}\n`);
  giveTo(user, dir);
  const listens = [port, ...(monitorPort === undefined ? [] : [monitorPort])].map((each) => ({
    host: loopback,
    port: each,
  }));
  return {
    name: 'nats',
    ...origin.command('nats-server', { args, folders: [dir], listens, user }),
    env: programEnv(),
    logFile,
    answers: () => natsAnswers({ host: loopback, port }),
    ...(monitorPort !== undefined && { fault: () => jetStreamFault(monitorPort, dir) }),
    stopTimeoutMs: 1_000,
    hint: `Its data is in ${dir}. Or use a NATS of your own: NATS_URL=nats://…`,
  };
}
