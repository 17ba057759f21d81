import { join } from 'node:path';
import { type ProcessKind, settingsOf } from '../process/config.ts';
import { httpUrl } from './http-url.ts';
import { loopback } from './ports.ts';
import { httpAnswers, refusedShowsAt } from './probes.ts';
import { programEnv } from './program-env.ts';
import type { ServiceSpec } from './service-process.ts';
import type { ServiceUser } from './service-user.ts';

/** The second flag is the size of V8's young generation. With the default of 16 MB a busy process decides a fifth fewer commands. */
export const nodeFlags = ['--enable-source-maps', '--max-semi-space-size=64'];

/** With the larger one 18,000 idle sockets take 12.6 kB each in place of 7.7. A command costs the edge 7 % less. */
const edgeFlags = ['--enable-source-maps', '--max-semi-space-size=16'];

/** How to start one of the project's own processes. */
export interface NodeServiceOptions {
  port: number;
  logFile: string;
  /** Settings that override the launcher's environment. The process gets only those that it reads. */
  env: NodeJS.ProcessEnv;
  user?: ServiceUser | undefined;
  /** The folder that `dist` is in. Absent: this one. */
  root?: string | undefined;
}

export interface BookingOptions extends NodeServiceOptions {
  /** Absent: `env` has the settings of a given Redis. */
  redisUrl?: string | undefined;
  natsUrl: string;
  /** Absent: there is no ledger. */
  database?: { url: string; ownerUrl?: string | undefined } | undefined;
  /** URLs of all booking processes: the inspector of each shows the actors of the others too. */
  peerUrls?: string[];
  /** URLs of all processes, for `/status`. */
  statusUrls?: string[];
}

export interface EdgeOptions extends NodeServiceOptions {
  natsUrl: string;
  bookingUrls: string[];
}

export const bookingSpec = (given: BookingOptions): ServiceSpec => {
  const { redisUrl, natsUrl, database, peerUrls, statusUrls, ...options } = given;
  return nodeSpec(`booking-${options.port}`, 'booking', options, {
    ...(redisUrl && { REDIS_URL: redisUrl }),
    NATS_URL: natsUrl,
    ...(database && { DATABASE_URL: database.url }),
    ...(database?.ownerUrl && { DATABASE_OWNER_URL: database.ownerUrl }),
    ...(peerUrls && { INSPECT_PEERS: peerUrls.join(',') }),
    ...(statusUrls && { STATUS_PEERS: statusUrls.join(',') }),
  });
};

export const edgeSpec = ({ natsUrl, bookingUrls, ...options }: EdgeOptions): ServiceSpec =>
  nodeSpec(`edge-${options.port}`, 'edge', options, { NATS_URL: natsUrl, BOOKING_URLS: bookingUrls.join(',') });

export const embeddedSpec = ({ host, ...options }: NodeServiceOptions & { host: string }): ServiceSpec =>
  nodeSpec('embedded', 'embedded', options, { HOST: host });

function nodeSpec(
  name: string,
  kind: ProcessKind,
  { port, logFile, env, user, root = '.' }: NodeServiceOptions,
  settings: NodeJS.ProcessEnv,
): ServiceSpec {
  const host = settings.HOST ?? loopback;
  const readyUrl = `${httpUrl(host, port)}/ready`;
  return {
    name,
    command: [process.execPath, ...(kind === 'edge' ? edgeFlags : nodeFlags), join(root, 'dist', kind, 'server.js')],
    // HOST is always set: some shells set it to the name of the machine.
    env: {
      ...programEnv(),
      ...settingsOf(kind, { ...process.env, ...env }),
      HOST: host,
      ...settings,
      PORT: String(port),
    },
    user,
    ports: [port],
    logFile,
    answers: () => httpAnswers(readyUrl),
    ...(kind === 'booking' && { refusedShows: () => refusedShowsAt(readyUrl) }),
    stopTimeoutMs: 3_000,
    hint: 'Its log has the reason.',
  };
}
