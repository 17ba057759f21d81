import { once } from 'node:events';
import { createServer } from 'node:http';
import { httpUrl } from '../../src/launch/http-url.ts';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { CommandConversation } from '../clients/command-conversation.ts';
import { GroupJourney } from '../clients/group-journey.ts';
import { Journey } from '../clients/journey.ts';
import { Reader } from '../clients/reader.ts';
import { Rival } from '../clients/rival.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { WantedSeats } from '../clients/wanted-seats.ts';
import type { Conversation } from '../http/closed-loop.ts';
import { type OwnVenueOptions, Services, startOwnVenue, startServers } from '../venue/own-venue.ts';
import { showUnderLoad } from '../venue/show-under-load.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';
import { type YardstickName, yardstickSpec } from '../yardsticks/yardstick-spec.ts';
import type { CommitBuild } from './commit-build.ts';
import { type Comparison, compare, measureInTurns, type Slices } from './compare-subjects.ts';
import { atLeast, atMost, problemsOf, type Section, type SuiteContext, type Target } from './section.ts';
import type { Subject } from './subject.ts';

const connections = 100;
const holdSeconds = 2;
/** More seats than one start books at up to 6,000 commands a second. At a higher rate, clients release seats instead of booking them. */
const journeySeats = { rows: 150, cols: 100 };
const notModified = 'ours, 304 by ETag';

interface HttpSectionOptions {
  name: string;
  title: string;
  rows: number;
  cols: number;
  yardsticks: YardstickName[];
  /** Creates the clients and the state that they share: called once per subject. */
  clients: () => (context: ClientContext) => Conversation;
  /** Another kind of request to the same venue. */
  variant?: { name: string; client: (context: ClientContext) => Conversation };
  /** By name: our system once more, with other settings. */
  withSettings?: Record<string, NodeJS.ProcessEnv>;
  /** Target: our CPU per reply, divided by that of the older commit. */
  cpuBesideOlder: number;
  targets: (comparison: Comparison) => Target[];
}

/** Measures our system beside yardsticks under one kind of load, and audits it. */
async function httpSection(options: HttpSectionOptions, context: SuiteContext): Promise<Section> {
  const starts = context.isQuick ? 1 : 8;
  const slices: Slices = new Map();
  const violations: string[] = [];
  // The code that V8 compiles differs more from start to start than from round to round.
  for (let start = 1; start <= starts && !context.signal.aborted; start++) {
    const onProgress = (doing: string) => context.onProgress(`start ${start} of ${starts}: ${doing}`);
    violations.push(...(await measureFromStart(options, slices, { ...context, onProgress })));
  }
  const comparison = compare(slices);
  const { name, title, targets, cpuBesideOlder } = options;
  const older = context.older && comparison.ratios[olderName(context.older)];
  const olderTargets = older
    ? [atMost(`${name}: our CPU per reply / ${context.older?.commit}`, cpuBesideOlder, older.cpuUsPerAnswer)]
    : [];
  return {
    name,
    tables: [comparisonTable(title, comparison)],
    targets: [...targets(comparison), ...olderTargets],
    violations,
  };
}

const olderName = ({ commit }: CommitBuild): string => `commit ${commit}`;

/** Adds to `slices`; returns the violations that the audit found. */
async function measureFromStart(
  { name, rows, cols, yardsticks, clients, variant, withSettings = {} }: HttpSectionOptions,
  slices: Slices,
  { older, signal, onProgress }: SuiteContext,
): Promise<string[]> {
  const services = new Services();
  // Without an edge, like the yardsticks: it would share the two cores, as would the auditor's socket.
  const layout = { bookings: 1, edges: 0, rows, cols, holdSeconds };
  const venue = await startOwnVenue(layout);
  const venues = [venue];
  const another = async (subject: string, options: Pick<OwnVenueOptions, 'root' | 'settings'>): Promise<Subject> => {
    const started = await startOwnVenue({ ...layout, ...options });
    venues.push(started);
    return ownSubject(subject, clients(), started);
  };
  try {
    const ours = ownSubject('ours', clients(), venue);
    const ownOthers = older ? [await another(olderName(older), { root: older.dir })] : [];
    for (const [subject, settings] of Object.entries(withSettings))
      ownOthers.push(await another(subject, { settings }));
    const auditor = await Auditor.begin(venue, ours.log, (userId) => userId.startsWith('load-ours-'));
    const others = await startYardsticks(services, yardsticks, { rows, cols });
    const subjects = [
      ours,
      ...(variant ? [{ ...ours, name: variant.name, converse: variant.client }] : []),
      ...ownOthers,
      ...others.map((other) => ({ ...other, converse: clients() })),
    ];
    await measureInTurns(subjects, slices, {
      rounds: 2, // short slices: disturbances of the machine last for seconds
      sliceS: 2,
      connections,
      signal,
      onProgress: (doing) => onProgress(`${name}: ${doing}`),
      afterSlice: async ({ log }) => (log === ours.log ? auditor.judgeSoFar() : log.take()),
    });
    return problemsOf(await auditor.finish());
  } finally {
    await services.stop();
    for (const each of venues) await each.stop();
  }
}

function ownSubject(
  name: string,
  converse: Subject['converse'],
  { apiUrls, show, processes }: VenueUnderLoad,
): Subject {
  const pids = pidsOf(processes, 'booking');
  return { name, urls: apiUrls, pids, log: new ClientLog(), show, newUserId: numbered('load-ours-'), converse };
}

export const pidsOf = (processes: { name: string; pid?: number }[], prefix: string): number[] =>
  processes.flatMap(({ name, pid }) => (name.startsWith(prefix) && pid !== undefined ? [pid] : []));

async function startYardsticks(
  services: Services,
  names: YardstickName[],
  { rows, cols }: { rows: number; cols: number },
): Promise<Omit<Subject, 'converse'>[]> {
  if (names.length === 0) return [];
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
    const client = { log: new ClientLog(), show: showUnderLoad(), newUserId: numbered(`load-${name}-`) };
    subjects.push({ name, urls, pids, ...client });
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
    columns: [
      '',
      'per second',
      'p50 (ms)',
      'p99 (ms)',
      'CPU per reply (µs)',
      'loader CPU (%)',
      'ours / theirs',
      'CPU, ours / theirs',
    ],
    rows: subjects.map(({ name, median: { perSecond, p50Ms, p99Ms, cpuUsPerAnswer, loaderCpuPercent } }) => [
      name,
      perSecond,
      p50Ms,
      p99Ms,
      cpuUsPerAnswer,
      loaderCpuPercent,
      ratios[name]?.perSecond ?? '',
      ratios[name]?.cpuUsPerAnswer ?? '',
    ]),
  };
}

const ratio = ({ ratios }: Comparison, name: YardstickName | typeof notModified): number =>
  ratios[name]?.perSecond ?? Number.NaN;

/** Select, then book, release or let expire; the clients do not compete. */
function journeys(): (context: ClientContext) => Conversation {
  const pool = new SeatPool(emptySeats(gridPlan(journeySeats)), connections);
  const done = { completed: 0 };
  const holdMs = holdSeconds * 1000;
  return (client) => new CommandConversation(client, new Journey({ ...client, pool, journeys: done, holdMs }));
}

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
      cpuBesideOlder: 1,
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
      title: 'All clients select A1, 100 connections',
      rows: 10,
      cols: 10,
      yardsticks: ['bare-fastify', 'naive-plan'],
      clients: () => (client) => new CommandConversation(client, new Rival(client.newUserId(), 'A1')),
      cpuBesideOlder: 0.95,
      targets: (comparison) => [
        atLeast('contend: ours / bare Fastify', 0.9, ratio(comparison, 'bare-fastify')),
        atLeast('contend: ours / naive plan', 1.5, ratio(comparison, 'naive-plan')),
      ],
    },
    context,
  );

export const groupsSection = (context: SuiteContext): Promise<Section> =>
  httpSection(
    {
      name: 'groups',
      title: 'Hold 2 to 6 seats, extend, then book, release or let expire; 100 connections that want the same seats',
      ...journeySeats,
      yardsticks: ['without-actors'],
      clients: () => {
        const wanted = new WantedSeats(emptySeats(gridPlan(journeySeats)), connections);
        const groups = { completed: 0 };
        return (client) => new CommandConversation(client, new GroupJourney({ ...client, wanted, groups }));
      },
      cpuBesideOlder: 1,
      targets: (comparison) => [atLeast('groups: ours / without actors', 0.8, ratio(comparison, 'without-actors'))],
    },
    context,
  );

export const journeySection = (context: SuiteContext): Promise<Section> =>
  httpSection(
    {
      name: 'journey',
      title: 'Select, then book, release or let expire; 100 connections that do not compete',
      ...journeySeats,
      yardsticks: ['without-actors', 'naive-plan'],
      clients: journeys,
      cpuBesideOlder: 0.75,
      targets: (comparison) => [
        atLeast('journey: ours / without actors', 0.9, ratio(comparison, 'without-actors')),
        atLeast('journey: ours / naive plan', 1.5, ratio(comparison, 'naive-plan')),
      ],
    },
    context,
  );

export async function tracesSection(context: SuiteContext): Promise<Section> {
  const collector = await startCollector();
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' };
  const section = await httpSection(
    {
      name: 'traces',
      title: 'Journeys as above; ours has no traces, the others send them to a collector',
      ...journeySeats,
      yardsticks: [],
      clients: journeys,
      withSettings: {
        'every trace': { ...traced, OTEL_TRACES_SAMPLER_ARG: '1' },
        '1 trace in 100': { ...traced, OTEL_TRACES_SAMPLER_ARG: '0.01' },
      },
      cpuBesideOlder: 1,
      targets: () => [],
    },
    context,
  ).finally(() => collector.close());
  if (collector.requests === 0) section.violations.push('no traces have arrived');
  return section;
}

/** Takes traces by OTLP over HTTP, and drops them. */
async function startCollector() {
  const port = await freePort();
  const server = createServer((request, response) => {
    collector.requests++;
    request.resume().once('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  const collector = { url: httpUrl(loopback, port), requests: 0, close: () => server.close() };
  await once(server.listen(port, loopback), 'listening');
  return collector;
}
