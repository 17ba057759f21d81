import { join, resolve } from 'node:path';
import { redacted } from './given-address.ts';
import type { LaunchConfig } from './launch-config.ts';
import { loopback } from './ports.ts';

/** `viewer` has no password and may only read. */
const look = "redis-cli --user viewer --pass '' --no-auth-warning";

export interface Running {
  /** The URL of the page. */
  page: string;
  /** Warnings about given servers. */
  warnings: string[];
  /** Absent if it is given. */
  redisUrl?: string | undefined;
  natsUrl: string;
  /** A command that opens our Postgres for reading; undefined: it is not ours, or there is none. */
  ledgerLook?: string | undefined;
  /** A line about checkout. */
  checkout: string;
  pidOf: (name: string) => number | undefined;
}

/** Printed once everything runs. */
export function summary(
  config: LaunchConfig,
  { page, warnings, redisUrl, natsUrl, ledgerLook, checkout, pidOf }: Running,
): string {
  const { bookingPorts, edgePorts, redis, nats, database, dataDir } = config;
  const bookingUrls = bookingPorts.map((port) => `http://${loopback}:${port}`);
  const own = (name: string, port: number) => `${name}-${port} (pid ${pidOf(`${name}-${port}`)})`;
  return `
  Open      ${page}
${checkout}${inspectLine(config, page)}
  API       ${bookingUrls.map((url) => `${url}/api/seats`).join('\n            ')}
  API docs  ${bookingUrls[0]}/api/docs
  Status    ${bookingUrls[0]}/status
  Metrics   ${[...bookingUrls, ...edgePorts.map((port) => `http://${loopback}:${port}`)].map((url) => `${url}/metrics`).join('\n            ')}
  Redis     ${redisUrl ? `${look} -p ${new URL(redisUrl).port}` : `${redacted(redis.given?.addresses ?? '')} (yours)`}
  NATS      ${nats.url ? `${redacted(nats.url)} (yours)` : `nats sub "seats.>" -s ${natsUrl}`}
  Ledger    ${database.url ? `${redacted(database.url)} (yours)` : (ledgerLook ?? 'none: Postgres is not available here')}
  Events    ${eventsCommand(config)}
  Processes ${[...bookingPorts.map((port) => own('booking', port)), ...edgePorts.map((port) => own('edge', port))].join('\n            ')}
  Logs      ${join(dataDir, 'logs')}
  Data      ${dataDir} (kept for the next run)
${warnings.map((warning) => `\n  !! ${warning}\n`).join('')}
  Ctrl-C stops everything.
`;
}

export const embeddedSummary = (config: LaunchConfig, page: string, checkout: string): string => `
  Open      ${page}
${checkout}${inspectLine(config, page)}  Logs      ${join(config.dataDir, 'logs')}

  Everything runs in one process, in memory: bookings and orders are lost when it ends. Ctrl-C stops it.
`;

export const embeddedWarning = (reason: string): string => `
  ************************************************************************
  *  EMBEDDED: no Redis, no NATS, no Postgres, no nginx. Everything runs *
  *  in ONE process, in memory. ALL BOOKINGS ARE LOST WHEN IT ENDS.      *
  ************************************************************************
  ${reason}

  To use real servers, start Docker, or install redis-server, nats-server, postgresql and nginx
  (Debian, Ubuntu: apt-get install redis-server nats-server postgresql nginx), then ./start.sh again.
`;

export const noLedgerWarning = (reason: string): string => `
  !! NO LEDGER: Postgres is not available here. Seats are sold as usual, but there is no history and no checkout.
${reason}

  To have one, install postgresql (Debian, Ubuntu: apt-get install postgresql) or set DATABASE_URL=postgres://…, then ./start.sh again.
`;

/** As typed in the project folder: the tool finds our NATS by the data folder. */
function eventsCommand({ nats, dataDir }: LaunchConfig): string {
  if (nats.url) return 'NATS_URL=… npm run events';
  if (dataDir === resolve('.data')) return 'npm run events';
  const quoted = /^[\w./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", "'\\''")}'`;
  return `DATA_DIR=${quoted} npm run events`;
}

function inspectLine(config: LaunchConfig, page: string): string {
  return config.env.INSPECT === 'on' ? `  Inspect   ${page}/inspect/live\n` : '';
}
