import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pidusage from 'pidusage';
import { bookingSpec, edgeSpec } from '../../src/launch/node-services.ts';
import { present } from '../../src/process/present.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { Services, startNats, startServers } from '../venue/own-venue.ts';
import { type RedisNode, startRedisMasters } from '../venue/redis-masters.ts';
import { type ShowUnderLoad, showUnderLoad } from '../venue/show-under-load.ts';
import { type Hall, writeHall } from '../venue/write-hall.ts';
import { pidsOf } from './http-sections.ts';
import { problemsOf } from './section.ts';
import { cpuMs } from './subject.ts';

const smallHall: Hall = { rows: 20, cols: 25 };
const largeHall: Hall = { rows: 100, cols: 100 };
const largeId = 'large';
const atOnce = 8;
/** Seats of a show that are never booked: more than its clients use at once. */
const keptSeats = 100;

/** More than one Redis: a Redis Cluster. */
export interface SystemLayout {
  masters: number;
  bookings: number;
  edges: number;
}

/** A show with its audit. */
export interface LoadedShow {
  show: ShowUnderLoad;
  log: ClientLog;
  auditor: Auditor;
  pool: SeatPool;
  /** The process that has its slot. */
  redisName: string;
}

/** A system with many small shows and a large one, all open, each watched by one socket. */
export class ShowSystem {
  readonly layout: SystemLayout;
  readonly apiUrls: string[];
  readonly small: readonly LoadedShow[];
  readonly large: LoadedShow;
  readonly #services: Services;
  readonly #folder: string;

  static async start(
    layout: SystemLayout,
    { shows, holdSeconds }: { shows: number; holdSeconds: number },
  ): Promise<ShowSystem> {
    const services = new Services();
    const folder = mkdtempSync(join(tmpdir(), 'concert-booking-shows-'));
    try {
      const ids = Array.from({ length: shows }, (_, i) => `show-${i + 1}`);
      for (const id of ids) writeHall(folder, id, smallHall);
      writeHall(folder, largeId, largeHall);
      const { natsUrl, redis, nodeOf } = await startData(layout, services);
      const env = {
        LOG_LEVEL: 'warn',
        RATE_LIMIT: 'off', // all load comes from one IP address
        HOLD_SECONDS: String(holdSeconds),
        SHOWS_DIR: folder,
        ...redis,
      };
      const bookings = await services.startNode(layout.bookings, (place) => bookingSpec({ ...place, natsUrl, env }));
      const apiUrls = bookings.map(({ url }) => url);
      const edges = await services.startNode(layout.edges, (place) =>
        edgeSpec({ ...place, natsUrl, env, bookingUrls: apiUrls }),
      );
      const load = async (id: string, i: number): Promise<LoadedShow> => {
        for (const url of apiUrls) {
          const { status } = await fetch(`${url}/api/shows/${id}`);
          if (status !== 200) throw new Error(`GET /api/shows/${id}: ${status}`);
        }
        const [show, log] = [showUnderLoad(id), new ClientLog()];
        const { name: redisName, url: redisUrl } = await nodeOf(`${show.keyPrefix}venue:seats`);
        const edgeUrls = [present(edges[i % edges.length], 'an edge').url];
        const venue = { show, apiUrls, edgeUrls, redisUrl, processes: [], stop: async () => {} };
        const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-cluster-'));
        const pool = new SeatPool((await auditor.truth.record()).seats.values(), keptSeats);
        return { show, log, auditor, pool, redisName };
      };
      const large = await load(largeId, 0);
      return new ShowSystem({ layout, services, folder, apiUrls, large, small: await inParallel(ids, load) });
    } catch (error) {
      await services.stop();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(started: {
    layout: SystemLayout;
    services: Services;
    folder: string;
    apiUrls: string[];
    small: readonly LoadedShow[];
    large: LoadedShow;
  }) {
    this.layout = started.layout;
    this.apiUrls = started.apiUrls;
    this.small = started.small;
    this.large = started.large;
    this.#services = started.services;
    this.#folder = started.folder;
  }

  /** So far, by kind of process; `master`: of one Redis. */
  async cpuMs(redisName: string): Promise<Record<'booking' | 'edges' | 'redis' | 'master', number>> {
    const [booking, edges, redis, master] = await Promise.all(
      ['booking', 'edge', 'redis', redisName].map((kind) => cpuMs(this.#pidsOf(kind))),
    );
    return { booking: booking ?? 0, edges: edges ?? 0, redis: redis ?? 0, master: master ?? 0 };
  }

  /** The mean of each kind of process. */
  async rssMb(): Promise<Record<'booking' | 'edge' | 'redis', number>> {
    const mean = async (kind: string) => {
      const used = await Promise.all(this.#pidsOf(kind).map((pid) => pidusage(pid)));
      return used.reduce((sum, { memory }) => sum + memory, 0) / used.length / 1e6;
    };
    return { booking: await mean('booking'), edge: await mean('edge'), redis: await mean('redis') };
  }

  /** The violations of all shows. */
  async finishAudits(): Promise<string[]> {
    const found = await inParallel([this.large, ...this.small], async ({ show, auditor }) =>
      problemsOf(await auditor.finish()).map((problem) => `${show.id}: ${problem}`),
    );
    return found.flat();
  }

  async stop(): Promise<void> {
    await this.#services.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #pidsOf(kind: string): number[] {
    return pidsOf(this.#services.monitored(), kind);
  }
}

interface DataServers {
  natsUrl: string;
  redis: { REDIS_URL: string } | { REDIS_CLUSTER: string; REDIS_WAIT_REPLICAS: string };
  nodeOf: (key: string) => Promise<RedisNode>;
}

async function startData({ masters }: SystemLayout, services: Services): Promise<DataServers> {
  if (masters === 1) {
    const { redisUrl: url, natsUrl } = await startServers(services);
    return { natsUrl, redis: { REDIS_URL: url }, nodeOf: async () => ({ name: 'redis', url }) };
  }
  const [natsUrl, { addresses, nodeOf }] = await Promise.all([
    startNats(services),
    startRedisMasters(services, masters),
  ]);
  return { natsUrl, redis: { REDIS_CLUSTER: addresses, REDIS_WAIT_REPLICAS: '0' }, nodeOf };
}

/** In the order of the items; at most a few at once. */
async function inParallel<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = [...items.entries()];
  const takeTurns = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: atOnce }, takeTurns));
  return results;
}
