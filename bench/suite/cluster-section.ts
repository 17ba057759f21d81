import { CommandConversation } from '../clients/command-conversation.ts';
import { Journey } from '../clients/journey.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { median } from '../measure/median.ts';
import { percentileMs, Recorder } from '../measure/recorder.ts';
import { numbered } from './http-sections.ts';
import type { Section, SuiteContext } from './section.ts';
import { type LoadedShow, ShowSystem, type SystemLayout } from './show-system.ts';

const oneNode: SystemLayout = { masters: 1, bookings: 1, edges: 1 };
const manyNodes: SystemLayout = { masters: 3, bookings: 4, edges: 4 };
const shows = 200;
const quickShows = 20;
const holdSeconds = 2;
const connectionsToOneShow = 100;
/** Until V8 has compiled the hot code of every process. */
const warmUpRounds = 3;
const rounds = 6;

interface Slice {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU per command in µs, of all processes of a kind. */
  bookingUs: number;
  edgesUs: number;
  redisUs: number;
  /** CPU of the Redis that has the first of the loaded shows, in % of a core. */
  masterPercent: number;
}

/** Many shows on one node and on many, and the most that one show takes. On few cores this shows the cost of nodes, not their benefit. */
export async function clusterSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const systems: ShowSystem[] = [];
  const count = isQuick ? quickShows : shows;
  try {
    for (const layout of [oneNode, manyNodes]) {
      onProgress(`cluster: opening ${count} shows on ${nameOf(layout)}`);
      systems.push(await ShowSystem.start(layout, { shows: count, holdSeconds }));
    }
    const spread = new Map<ShowSystem, Slice[]>();
    const onOne = new Map<ShowSystem, Slice[]>();
    for (let round = 1 - warmUpRounds; round <= (isQuick ? 1 : rounds) && !signal.aborted; round++) {
      for (const system of systems) {
        const options = { holdMs: holdSeconds * 1_000, durationS: 2, firstShow: round + warmUpRounds, signal };
        onProgress(`cluster: ${nameOf(system.layout)}, round ${round}`);
        const onAll = await measure(system, system.small, { ...options, connections: count });
        const onLarge = await measure(system, [system.large], { ...options, connections: connectionsToOneShow });
        if (round > 0) {
          spread.set(system, [...(spread.get(system) ?? []), onAll]);
          onOne.set(system, [...(onOne.get(system) ?? []), onLarge]);
        }
      }
    }
    const memory = new Map<ShowSystem, Awaited<ReturnType<ShowSystem['rssMb']>>>();
    for (const system of systems) memory.set(system, await system.rssMb());
    onProgress('cluster: auditing');
    const violations: string[] = [];
    for (const system of systems) violations.push(...(await system.finishAudits()));
    return {
      name: 'cluster',
      tables: [
        {
          title: `Journeys over ${count} shows, one connection to each`,
          columns: [
            ...['nodes', 'commands/s', 'p50 (ms)', 'p99 (ms)'],
            ...['booking CPU per command (µs)', 'edges (µs)', 'Redis (µs)'],
            ...['RSS of a booking process (MB)', 'of an edge (MB)', 'of a Redis (MB)'],
          ],
          rows: systems.map((system) => {
            const of = mediansOf(spread.get(system) ?? []);
            const { booking, edge, redis } = memory.get(system) ?? {};
            return [
              ...[nameOf(system.layout), of('perSecond'), of('p50Ms'), of('p99Ms')],
              ...[of('bookingUs'), of('edgesUs'), of('redisUs')],
              ...[booking ?? Number.NaN, edge ?? Number.NaN, redis ?? Number.NaN],
            ];
          }),
        },
        {
          title: `Journeys in one show of 10,000 seats, ${connectionsToOneShow} connections`,
          columns: [
            ...[
              'nodes',
              'commands/s',
              'p50 (ms)',
              'p99 (ms)',
              'booking CPU per command (µs)',
              'its Redis (% of a core)',
            ],
            ...['Redis CPU per command (µs)', 'commands/s at a full core of Redis'],
          ],
          rows: systems.map((system) => {
            const of = mediansOf(onOne.get(system) ?? []);
            const masterUs = (of('masterPercent') * 10_000) / of('perSecond');
            return [
              ...[
                nameOf(system.layout),
                of('perSecond'),
                of('p50Ms'),
                of('p99Ms'),
                of('bookingUs'),
                of('masterPercent'),
              ],
              ...[masterUs, 1_000_000 / masterUs],
            ];
          }),
        },
      ],
      targets: [],
      violations,
    };
  } finally {
    for (const system of systems) await system.stop();
  }
}

interface MeasureOptions {
  connections: number;
  holdMs: number;
  durationS: number;
  /** Rotates the shows over the booking processes. */
  firstShow: number;
  signal: AbortSignal;
}

const newUserId = numbered('load-cluster-');

async function measure(system: ShowSystem, loaded: readonly LoadedShow[], options: MeasureOptions): Promise<Slice> {
  const { connections, holdMs, durationS, firstShow, signal } = options;
  const recorder = new Recorder();
  const journeys = { completed: 0 };
  const showOf = (connection: number) => loaded[(connection + firstShow) % loaded.length] as LoadedShow;
  const converse = (connection: number) => {
    const { log, show, pool } = showOf(connection);
    const client = { recorder, log, show, newUserId };
    return new CommandConversation(client, new Journey({ newUserId, pool, journeys, holdMs }));
  };
  const master = showOf(0).redisName;
  const before = await system.cpuMs(master);
  recorder.start();
  await closedLoop({ urls: system.apiUrls, connections, durationS, signal, converse });
  recorder.stop();
  const after = await system.cpuMs(master);
  const { latency, answers, elapsedS } = recorder;
  const perCommandUs = (kind: keyof typeof before) => ((after[kind] - before[kind]) * 1_000) / Math.max(1, answers);
  return {
    perSecond: answers / elapsedS,
    p50Ms: percentileMs(latency, 50),
    p99Ms: percentileMs(latency, 99),
    bookingUs: perCommandUs('booking'),
    edgesUs: perCommandUs('edges'),
    redisUs: perCommandUs('redis'),
    masterPercent: (after.master - before.master) / 10 / elapsedS,
  };
}

const mediansOf = (slices: readonly Slice[]) => (field: keyof Slice) => median(slices.map((slice) => slice[field]));

const nameOf = ({ masters, bookings, edges }: SystemLayout): string =>
  `${masters} Redis, ${bookings} booking, ${edges} ${edges === 1 ? 'edge' : 'edges'}`;
