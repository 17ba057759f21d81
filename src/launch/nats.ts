import { join } from 'node:path';
import { jetStreamFault } from './jetstream-fault.ts';
import { makeFolder } from './make-folder.ts';
import { loopback } from './ports.ts';
import { natsAnswers } from './probes.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { writePrivately } from './write-privately.ts';

export interface NatsOptions {
  origin: ServerOrigin;
  port: number;
  monitorPort: number;
  dir: string;
  logFile: string;
  /** As `natsUsers` gives them; without it everybody may do everything. */
  users?: object;
}

export function natsSpec({ origin, port, monitorPort, dir, logFile, users }: NatsOptions): ServiceSpec {
  makeFolder(dir);
  // -a binds the monitoring port as well.
  const args = ['-a', origin.bindHost(loopback), '-p', String(port), '-m', String(monitorPort), '-js', '-sd', dir];
  if (users !== undefined)
    args.push('-c', writePrivately(join(dir, 'users.conf'), JSON.stringify(users, undefined, 2)));
  const listens = [port, monitorPort].map((each) => ({ host: loopback, port: each }));
  return {
    name: 'nats',
    ...origin.command('nats-server', { args, folders: [dir], listens }),
    env: process.env,
    logFile,
    answers: () => natsAnswers({ host: loopback, port }),
    fault: () => jetStreamFault(monitorPort, dir),
    stopTimeoutMs: 1_000,
    hint: `Its data is in ${dir}. Or use a NATS of your own: NATS_URL=nats://…`,
  };
}
