import { emptySeats } from '../../src/store/venue-layout.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { Journey } from '../clients/journey.ts';
import { Reader } from '../clients/reader.ts';
import { Rival } from '../clients/rival.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import type { Conversation } from '../http/closed-loop.ts';
import { Services, startOwnVenue, startServers } from '../venue/own-venue.ts';
import { type YardstickName, yardstickSpec } from '../yardsticks/yardstick-spec.ts';
import { type Comparison, compare, measureInTurns, type Slices } from './compare-subjects.ts';

import { atLeast, problemsOf, type Section, type SuiteContext, type Target } from './section.ts';
import type { Subject } from './subject.ts';

const connections = 100;
const holdSeconds = 2;
/** More than are sold until all start anew, at up to 6,000 commands a second; faster ones let go of seats instead. */
const journeySeats = { rows: 150, cols: 100 };
const notModified = 'ours, 304 by ETag';

interface HttpSectionOptions {
  name: string;
  title: string;
  rows: number;
  cols: number;
  yardsticks: YardstickName[];
  /** A client, and what its kind share: called once per subject. */
  clients: () => (context: ClientContext) => Conversation;
  /** The same venue asked in another way. */
  variant?: { name: string; client: (context: ClientContext) => Conversation };
  targets: (comparison: Comparison) => Target[];
}

/** Ours against yardsticks under one kind of load. Ours is audited as ever. */
async function httpSection(options: HttpSectionOptions, context: SuiteContext): Promise<Section> {
  const starts = context.isQuick ? 1 : 8;
  const slices: Slices = new Map();
  const violations: string[] = [];
  // What V8 makes of a program differs from start to start, by more than from round to round.
  for (let start = 1; start <= starts && !context.signal.aborted; start++) {
    const onProgress = (doing: string) => context.onProgress(`start ${start} of ${starts}: ${doing}`);
    violations.push(...(await measureFromStart(options, slices, { ...context, onProgress })));
  }
  const comparison = compare(slices);
  const { name, title, targets } = options;
  return { name, tables: [comparisonTable(title, comparison)], targets: targets(comparison), violations };
}

/** Adds to `slices`; returns what the audit found wrong. */
async function measureFromStart(
  { name, rows, cols, yardsticks, clients, variant }: HttpSectionOptions,
  slices: Slices,
  { signal, onProgress }: SuiteContext,
): Promise<string[]> {
  const services = new Services();
  // Without an edge, as the yardsticks are: it and the auditor's socket at it would use the same two cores.
  const venue = await startOwnVenue({ bookings: 1, edges: 0, rows, cols, holdSeconds });
  try {
    const ours = ownSubject(clients(), venue.apiUrls, pidsOf(venue.processes, 'booking'));
    const auditor = await Auditor.begin(venue, ours.log, (userId) => userId.startsWith('load-ours-'));
    const others = await startYardsticks(services, yardsticks, { rows, cols });
    const subjects = [
      ours,
      ...(variant ? [{ ...ours, name: variant.name, converse: variant.client }] : []),
      ...others.map((other) => ({ ...other, converse: clients() })),
    ];
    await measureInTurns(subjects, slices, {
      rounds: 2, // short: what disturbs the machine lasts for seconds
      sliceS: 2,
      connections,
      signal,
      onProgress: (doing) => onProgress(`${name}: ${doing}`),
      afterSlice: async ({ log }) => (log === ours.log ? auditor.judgeSoFar() : log.take()),
    });
    return problemsOf(await auditor.finish());
  } finally {
    await services.stop();
    await venue.stop();
  }
}

function ownSubject(converse: Subject['converse'], urls: string[], pids: number[]): Subject {
  return { name: 'ours', urls, pids, log: new ClientLog(), newUserId: numbered('load-ours-'), converse };
}

export const pidsOf = (processes: { name: string; pid?: number }[], prefix: string): number[] =>
  processes.flatMap(({ name, pid }) => (name.startsWith(prefix) && pid !== undefined ? [pid] : []));

async function startYardsticks(
  services: Services,
  names: YardstickName[],
  { rows, cols }: { rows: number; cols: number },
): Promise<Omit<Subject, 'converse'>[]> {
  const { redisUrl, natsUrl } = await startServers(services);
  const env = {
    LOG_LEVEL: 'warn',
    RATE_LIMIT: 'off',
    REDIS_URL: redisUrl,
    NATS_URL: natsUrl,
    VENUE_ROWS: String(rows),
    VENUE_COLS: String(cols),
    HOLD_SECONDS: String(holdSeconds),
  };
  const subjects = [];
  for (const name of names) {
    const [started] = await services.startNode(1, (place) => yardstickSpec(name, { ...place, env }));
    const urls = started ? [started.url] : [];
    const pids = pidsOf(services.monitored(), name);
    subjects.push({ name, urls, pids, log: new ClientLog(), newUserId: numbered(`load-${name}-`) });
  }
  return subjects;
}

export function numbered(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}${count++}`;
}

function comparisonTable(title: string, { subjects, ratios }: Comparison) {
  return {
    title,
    columns: ['', 'per second', 'p50 (ms)', 'p99 (ms)', 'CPU per answer (µs)', 'loader CPU (%)', 'ours / it'],
    rows: subjects.map(({ name, median: { perSecond, p50Ms, p99Ms, cpuUsPerAnswer, loaderCpuPercent } }) => [
      name,
      perSecond,
      p50Ms,
      p99Ms,
      cpuUsPerAnswer,
      loaderCpuPercent,
      ratios[name]?.perSecond ?? '',
    ]),
  };
}

const ratio = ({ ratios }: Comparison, name: YardstickName | typeof notModified): number =>
  ratios[name]?.perSecond ?? Number.NaN;

export const readSection = (context: SuiteContext): Promise<Section> =>
  httpSection(
    {
      name: 'read',
      title: 'GET /api/seats, 100 connections',
      rows: 10,
      cols: 10,
      yardsticks: ['bare-fastify', 'naive-plan'],
      clients: () => (client) => new Reader(client),
      variant: { name: notModified, client: (client) => new Reader(client, true) },
      targets: (comparison) => [
        atLeast('read: ours / bare Fastify', 0.9, ratio(comparison, 'bare-fastify')),
        atLeast('read: 304 by ETag / 200', 1, 1 / ratio(comparison, notModified)),
      ],
    },
    context,
  );

export const contendSection = (context: SuiteContext): Promise<Section> =>
  httpSection(
    {
      name: 'contend',
      title: 'Everyone selects A1, 100 connections',
      rows: 10,
      cols: 10,
      yardsticks: ['bare-fastify', 'naive-plan'],
      clients: () => (client) => new Rival(client, 'A1'),
      targets: (comparison) => [
        atLeast('contend: ours / bare Fastify', 0.9, ratio(comparison, 'bare-fastify')),
        atLeast('contend: ours / naive plan', 1.5, ratio(comparison, 'naive-plan')),
      ],
    },
    context,
  );

export const journeySection = (context: SuiteContext): Promise<Section> =>
  httpSection(
    {
      name: 'journey',
      title: 'Select, then book, release or forget, 100 connections, nobody in the way of another',
      ...journeySeats,
      yardsticks: ['without-actors', 'naive-plan'],
      clients: () => {
        const pool = new SeatPool(emptySeats(journeySeats), connections);
        const journeys = { completed: 0 };
        return (client) => new Journey({ ...client, pool, journeys, holdMs: holdSeconds * 1000 });
      },
      targets: (comparison) => [
        atLeast('journey: ours / without actors', 0.8, ratio(comparison, 'without-actors')),
        atLeast('journey: ours / naive plan', 1.5, ratio(comparison, 'naive-plan')),
      ],
    },
    context,
  );
