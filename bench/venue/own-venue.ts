import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { httpUrl } from '../../src/launch/http-url.ts';
import { findMachineServers } from '../../src/launch/machine-servers.ts';
import { natsSpec } from '../../src/launch/nats.ts';
import { bookingSpec, edgeSpec } from '../../src/launch/node-services.ts';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { postgresServer } from '../../src/launch/postgres.ts';
import { postgresUrl, preparePostgres } from '../../src/launch/postgres-roles.ts';
import { redisSpec } from '../../src/launch/redis.ts';
import { ServiceProcess, type ServiceSpec } from '../../src/launch/service-process.ts';
import { postgresUser } from '../../src/launch/service-user.ts';
import { present } from '../../src/process/present.ts';
import type { ShowFile } from '../../src/shows/show-file.ts';
import type { MonitoredProcess } from '../measure/process-monitor.ts';
import { showUnderLoad } from './show-under-load.ts';
import type { VenueUnderLoad } from './venue-under-load.ts';
import { type Hall, writeHall } from './write-hall.ts';

const hallId = 'hall';

export interface OwnVenueOptions {
  bookings: number;
  edges: number;
  rows: number;
  cols: number;
  holdSeconds: number;
  /** Id of a show in shows/; undefined: the default show. */
  show?: string | undefined;
  /** A show to load in place of one of shows/. */
  hall?: Hall | undefined;
  /** The folder of another build of the servers; default: the working tree. */
  root?: string | undefined;
  /** With Postgres and the sandbox: shows with prices are sold by orders. */
  sellsByOrders?: boolean;
  /** Further settings of its processes. */
  settings?: NodeJS.ProcessEnv;
}

/** Redis, NATS, booking processes and edges as ./start.sh runs them, on free ports, with temporary data. */
export async function startOwnVenue(options: OwnVenueOptions): Promise<VenueUnderLoad> {
  const services = new Services();
  try {
    const servers = await startServers(services);
    const database = options.sellsByOrders ? await startLedger(services) : undefined;
    const env = {
      LOG_LEVEL: 'warn',
      RATE_LIMIT: 'off', // all load comes from one IP address
      VENUE_ROWS: String(options.rows),
      VENUE_COLS: String(options.cols),
      HOLD_SECONDS: String(options.holdSeconds),
      SHOWS_DIR: services.showsDir(options),
      ...(database && { PAYMENT_PROVIDER: 'sandbox', PAYMENT_SECONDS: '60' }),
      ...options.settings,
    };
    const links = { redisUrl: servers.redisUrl, natsUrl: servers.natsUrl, env, root: options.root };
    const bookings = await services.startNode(options.bookings, (place) =>
      bookingSpec({ ...place, ...links, database }),
    );
    const bookingUrls = bookings.map(({ url }) => url);
    const edges = await services.startNode(options.edges, (place) => edgeSpec({ ...place, ...links, bookingUrls }));
    return {
      show: showUnderLoad(options.hall ? hallId : options.show),
      apiUrls: bookingUrls,
      edgeUrls: edges.map(({ url }) => url),
      redisUrl: servers.redisUrl,
      databaseUrl: database?.url,
      get processes() {
        return services.monitored();
      },
      own: {
        natsUrl: servers.natsUrl,
        async killEdge(index) {
          await services.kill(present(edges[index], 'the edge').name);
        },
        async restartEdge(index) {
          await services.restart(present(edges[index], 'the edge').name);
        },
      },
      stop: () => services.stop(),
    };
  } catch (error) {
    await services.stop();
    throw error;
  }
}

/** Only NATS and Redis, which is as durable as ours. */
export async function startServers(services: Services): Promise<{ redisUrl: string; natsUrl: string }> {
  const [redisUrl, natsUrl] = await Promise.all([startRedis(services), startNats(services)]);
  return { redisUrl, natsUrl };
}

async function startRedis(services: Services): Promise<string> {
  const origin = await findMachineServers(['redis-server'], '/dev/null', new AbortController().signal);
  const port = await freePort();
  await services.start(redisSpec({ origin, port, ...services.place('redis') }));
  return `redis://${loopback}:${port}`;
}

export async function startNats(services: Services): Promise<string> {
  const origin = await findMachineServers(['nats-server'], '/dev/null', new AbortController().signal);
  const [port, monitorPort] = [await freePort(), await freePort()];
  await services.start(natsSpec({ origin, port, monitorPort, ...services.place('nats') }));
  return `nats://${loopback}:${port}`;
}

async function startLedger(services: Services): Promise<{ url: string; ownerUrl: string }> {
  const signal = new AbortController().signal;
  const origin = await findMachineServers(['postgres', 'initdb'], '/dev/null', signal);
  const [port, { dir, logFile }] = [await freePort(), services.place('postgres')];
  const { user } = postgresUser(dirname(dir));
  const { spec, adminPassword } = await postgresServer({ origin, port, dir, logFile, user }, signal);
  await services.start(spec);
  const passwords = { ownerPassword: randomUUID(), bookingPassword: randomUUID() };
  await preparePostgres({ port, adminPassword }, passwords);
  return {
    url: postgresUrl('booking', passwords.bookingPassword, port),
    ownerUrl: postgresUrl('booking_owner', passwords.ownerPassword, port),
  };
}

/** The started processes. They are stopped in reverse order. */
export class Services {
  readonly #running = new Map<string, { process: ServiceProcess; metricsUrl: string | undefined }>();
  readonly #dir: string;

  constructor() {
    mkdirSync('.data', { recursive: true }); // on the disk that users have, because fsync costs nothing in a memory file system
    this.#dir = resolve(mkdtempSync(join('.data', 'bench-')));
  }

  place(name: string): { dir: string; logFile: string } {
    return { dir: join(this.#dir, name), logFile: join(this.#dir, `${name}.log`) };
  }

  /** A folder with the show, whose holds last as long as those of the default show; empty: there is only the default show. */
  showsDir({ show, hall, holdSeconds }: Pick<OwnVenueOptions, 'show' | 'hall' | 'holdSeconds'>): string {
    if (show === undefined && hall === undefined) return '';
    const dir = join(this.#dir, 'shows');
    mkdirSync(dir);
    if (hall) writeHall(dir, hallId, hall);
    if (show === undefined) return dir;
    const file = JSON.parse(readFileSync(join('shows', `${show}.json`), 'utf8')) as ShowFile;
    const limits = { ...file.limits, hold_seconds: Math.max(1, Math.round(holdSeconds)) };
    writeFileSync(join(dir, `${show}.json`), JSON.stringify({ ...file, limits }));
    return dir;
  }

  async start(spec: ServiceSpec, metricsUrl?: string): Promise<void> {
    const started = new ServiceProcess(spec);
    this.#running.set(spec.name, { process: started, metricsUrl });
    await started.ready();
  }

  /** `describe` gets a free port and a log file. */
  async startNode(
    count: number,
    describe: (place: { port: number; logFile: string }) => ServiceSpec,
  ): Promise<{ name: string; url: string }[]> {
    const places = [];
    for (let i = 0; i < count; i++) places.push(await freePort());
    return Promise.all(
      places.map(async (port) => {
        const spec = describe({ port, logFile: join(this.#dir, `${port}.log`) });
        const url = httpUrl(loopback, port);
        await this.start(spec, `${url}/metrics`);
        return { name: spec.name, url };
      }),
    );
  }

  monitored(): MonitoredProcess[] {
    return [...this.#running].flatMap(
      ([
        name,
        {
          process: { pid },
          metricsUrl,
        },
      ]) => (pid === undefined ? [] : [{ name, pid, ...(metricsUrl !== undefined && { metricsUrl }) }]),
    );
  }

  async kill(name: string): Promise<void> {
    const service = this.#running.get(name);
    service?.process.kill();
    await service?.process.exited;
  }

  async restart(name: string): Promise<void> {
    const service = this.#running.get(name);
    if (service) await this.start(service.process.spec, service.metricsUrl);
  }

  async stop(): Promise<void> {
    for (const { process: service } of [...this.#running.values()].reverse()) await service.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
