import { present } from '../../src/process/present.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { median } from '../measure/median.ts';
import { Recorder } from '../measure/recorder.ts';
import { judgeFanOut } from '../scenarios/fanout.ts';
import { runFanOut } from '../sockets/fan-out-run.ts';
import { Services, startOwnVenue } from '../venue/own-venue.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';
import { yardstickSpec } from '../yardsticks/yardstick-spec.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { atMost, problemsOf, type Section, type SuiteContext, type Target } from './section.ts';
import { cpuMs } from './subject.ts';

const ratePerSecond = 100;
/** Small crowds need more rounds: one slow fsync determines the p99 of a round. */
const crowds = [
  { sockets: 100, rounds: 9 },
  { sockets: 1_000, rounds: 5 },
  { sockets: 5_000, rounds: 3 },
];
const ourP99LimitMs: Record<number, number> = { 1000: 30, 5000: 200 };

interface Edge {
  name: 'ours' | 'ws, serialised once' | 'ws, serialised per client';
  url: string;
  pids: number[];
}

interface Slice {
  deliveredPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  cpuUsPerDelivery: number;
  missed: number;
}

/** The same events, delivered by our edge and by two simple alternatives. Commands, Redis and NATS are the same for all. */
export async function fanoutSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const services = new Services();
  const venue = await startOwnVenue({ bookings: 1, edges: 1, rows: 10, cols: 10, holdSeconds: 30 });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-fanout-'));
    const edges = await startEdges(services, venue);
    const client = { recorder: new Recorder(), log, show: venue.show, newUserId: numbered('load-fanout-') };
    const durationS = isQuick ? 3 : 5;
    const slices = new Map<string, Slice[]>();
    for (const crowd of isQuick ? crowds.slice(0, 2) : crowds) {
      const { sockets } = crowd;
      const rounds = isQuick ? 1 : crowd.rounds;
      for (let round = 0; round < rounds && !signal.aborted; round++) {
        for (const edge of edges) {
          let cpuFromMs = 0;
          let usedMs = 0;
          const result = await runFanOut({
            apiUrls: venue.apiUrls,
            edgeUrls: [edge.url],
            truth: auditor.truth,
            client,
            sockets,
            protocol: 'v1',
            ratePerSecond,
            durationS,
            signal,
            onProgress: (doing) => onProgress(`fanout: ${edge.name}, ${doing}, round ${round + 1} of ${rounds}`),
            onBegin: async () => {
              cpuFromMs = await cpuMs(edge.pids);
            },
            onEnd: async () => {
              usedMs = (await cpuMs(edge.pids)) - cpuFromMs;
            },
          });
          if (edge.name === 'ours') judgeFanOut(auditor.audit, result);
          const key = `${sockets} ${edge.name}`;
          const { fromSent, delivered, missed, behindMs } = result;
          slices.set(key, [
            ...(slices.get(key) ?? []),
            {
              deliveredPerSecond: delivered / (durationS + behindMs / 1000),
              p50Ms: fromSent?.p50Ms ?? Number.NaN,
              p99Ms: fromSent?.p99Ms ?? Number.NaN,
              maxMs: fromSent?.maxMs ?? Number.NaN,
              cpuUsPerDelivery: (usedMs * 1000) / Math.max(1, delivered),
              missed,
            },
          ]);
        }
      }
    }
    const verdict = await auditor.finish();
    return {
      name: 'fanout',
      tables: [
        {
          title: `${ratePerSecond} events per second, from the click to every socket`,
          columns: [
            'sockets',
            'edge',
            'delivered/s',
            'p50 (ms)',
            'p99 (ms)',
            'max (ms)',
            'edge CPU per delivery (µs)',
            'missed',
          ],
          rows: [...slices].map(([key, all]) => {
            const [sockets = '', ...name] = key.split(' ');
            const of = (field: keyof Slice) => median(all.map((slice) => slice[field]));
            return [
              Number(sockets),
              name.join(' '),
              of('deliveredPerSecond'),
              of('p50Ms'),
              of('p99Ms'),
              of('maxMs'),
              of('cpuUsPerDelivery'),
              of('missed'),
            ];
          }),
        },
      ],
      targets: targets(slices),
      violations: problemsOf(verdict),
    };
  } finally {
    await services.stop();
    await venue.stop();
  }
}

function targets(slices: ReadonlyMap<string, Slice[]>): Target[] {
  const of = (sockets: number, edge: Edge['name'], field: keyof Slice) =>
    median((slices.get(`${sockets} ${edge}`) ?? []).map((slice) => slice[field]));
  const found = [
    atMost(
      'fanout, 100 sockets: our p99 / ws serialised once',
      1.2,
      of(100, 'ours', 'p99Ms') / of(100, 'ws, serialised once', 'p99Ms'),
    ),
  ];
  for (const [sockets, limitMs] of Object.entries(ourP99LimitMs)) {
    if (!slices.has(`${sockets} ours`)) continue;
    found.push(atMost(`fanout, ${sockets} sockets: our p99 (ms)`, limitMs, of(Number(sockets), 'ours', 'p99Ms')));
    found.push(atMost(`fanout, ${sockets} sockets: missed by ours`, 0, of(Number(sockets), 'ours', 'missed')));
  }
  if (slices.has('5000 ours')) {
    found.push(
      atMost(
        'fanout, 5000 sockets: our CPU per delivery / ws serialised per client',
        0.25,
        of(5_000, 'ours', 'cpuUsPerDelivery') / of(5_000, 'ws, serialised per client', 'cpuUsPerDelivery'),
      ),
    );
  }
  return found;
}

async function startEdges(services: Services, venue: VenueUnderLoad): Promise<Edge[]> {
  return [
    { name: 'ours', url: present(venue.edgeUrls[0], 'an edge'), pids: pidsOf(venue.processes, 'edge') },
    { name: 'ws, serialised once', ...(await startBroadcast(services, venue, 'once')) },
    { name: 'ws, serialised per client', ...(await startBroadcast(services, venue, 'each')) },
  ];
}

/** The simple alternative to an edge, on the same events. */
export async function startBroadcast(
  services: Services,
  venue: VenueUnderLoad,
  serialise: 'once' | 'each',
): Promise<{ url: string; pids: number[] }> {
  const env = { NATS_URL: venue.own?.natsUrl, BOOKING_URL: venue.apiUrls[0], SERIALISE: serialise };
  const [started] = await services.startNode(1, (place) => yardstickSpec('broadcast', { ...place, env }));
  const { name = '', url = '' } = started ?? {};
  return { url, pids: pidsOf(services.monitored(), name) };
}
