import { join } from 'node:path';
import { httpUrl } from './http-url.ts';
import { loopback } from './ports.ts';
import { httpAnswers } from './probes.ts';
import type { ServiceSpec } from './service-process.ts';

/** The second: how much that is new V8 lets pile up before it looks for what is still needed. With its own 16 MB a busy process decides a fifth fewer commands. */
export const nodeFlags = ['--enable-source-maps', '--max-semi-space-size=64'];

/** What starts the project's own processes. */
export interface NodeServiceOptions {
  port: number;
  logFile: string;
  /** On top of the launcher's own environment. */
  env: NodeJS.ProcessEnv;
}

export interface BookingOptions extends NodeServiceOptions {
  redisUrl: string;
  natsUrl: string;
  /** Of all booking processes: each shows the actors of the others too. */
  peerUrls?: string[];
}

export interface EdgeOptions extends NodeServiceOptions {
  natsUrl: string;
  bookingUrls: string[];
}

export const bookingSpec = ({ redisUrl, natsUrl, peerUrls, ...options }: BookingOptions): ServiceSpec =>
  nodeSpec(`booking-${options.port}`, 'booking', options, {
    REDIS_URL: redisUrl,
    NATS_URL: natsUrl,
    ...(peerUrls && { INSPECT_PEERS: peerUrls.join(',') }),
  });

export const edgeSpec = ({ natsUrl, bookingUrls, ...options }: EdgeOptions): ServiceSpec =>
  nodeSpec(`edge-${options.port}`, 'edge', options, { NATS_URL: natsUrl, BOOKING_URLS: bookingUrls.join(',') });

export const embeddedSpec = ({ host, ...options }: NodeServiceOptions & { host: string }): ServiceSpec =>
  nodeSpec('embedded', 'embedded', options, { HOST: host });

function nodeSpec(name: string, folder: string, options: NodeServiceOptions, settings: NodeJS.ProcessEnv): ServiceSpec {
  const { port, logFile, env } = options;
  const host = settings.HOST ?? loopback;
  return {
    name,
    command: [process.execPath, ...nodeFlags, join('dist', folder, 'server.js')],
    // HOST is named always: some shells set it to the name of the machine.
    env: { ...process.env, ...env, HOST: host, ...settings, PORT: String(port) },
    logFile,
    answers: () => httpAnswers(`${httpUrl(host, port)}/ready`),
    stopTimeoutMs: 3_000,
    hint: 'Its log says why.',
  };
}
