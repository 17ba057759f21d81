import { setTimeout } from 'node:timers/promises';
import { present } from '../../src/process/present.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { median } from '../measure/median.ts';
import { Recorder } from '../measure/recorder.ts';
import { judgeFanOut } from '../scenarios/fanout.ts';
import type { Protocol } from '../sockets/crowd.ts';
import { runFanOut } from '../sockets/fan-out-run.ts';
import { Services, startOwnVenue } from '../venue/own-venue.ts';
import { startBroadcast } from './fanout-section.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { atMost, problemsOf, type Section, type SuiteContext, type Target } from './section.ts';
import { cpuMs } from './subject.ts';

/** Many are as many as two cores carry beside their receivers; few leave room. */
const many = 5_000;
const few = 1_000;
/** Groups: the commands for single seats would take a core of the two from edge and receivers. */
const seatsPerCommand = 5;
/** After so long, the edge no longer sends less often because the crowd has just arrived. */
const settleMs = 1_500;
/** `ws`: a plain broadcast of each event. It and v1 fall behind at 1,000 events per second. */
const runs: { to: Protocol | 'ws'; sockets: number; ratePerSecond: number; seatsPerCommand?: number }[] = [
  { to: 'ws', sockets: many, ratePerSecond: 10 },
  { to: 'v1', sockets: many, ratePerSecond: 10 },
  { to: 'v2', sockets: many, ratePerSecond: 10 },
  { to: 'ws', sockets: many, ratePerSecond: 100, seatsPerCommand },
  { to: 'v1', sockets: many, ratePerSecond: 100, seatsPerCommand },
  { to: 'v2', sockets: many, ratePerSecond: 100, seatsPerCommand },
  { to: 'v2', sockets: many, ratePerSecond: 1_000, seatsPerCommand },
  { to: 'v1', sockets: few, ratePerSecond: 10 },
  { to: 'v2', sockets: few, ratePerSecond: 10 },
  { to: 'v2', sockets: few, ratePerSecond: 100, seatsPerCommand },
  { to: 'v2', sockets: few, ratePerSecond: 1_000, seatsPerCommand },
];
const rounds = 3;

interface Slice {
  edgeCpuMsPerS: number;
  receiverCpuMsPerS: number;
  p50Ms: number;
  p99Ms: number;
  messagesPerS: number;
  kBPerS: number;
}

/** Crowds watch a show of 2,000 seats at several rates of events: measures the cost of a watcher and its delay. */
export async function watchersSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const services = new Services();
  const venue = await startOwnVenue({ bookings: 1, edges: 1, rows: 40, cols: 50, holdSeconds: 60 });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-watch-'));
    const client = { recorder: new Recorder(), log, show: venue.show, newUserId: numbered('load-watch-') };
    const ours = { url: present(venue.edgeUrls[0], 'an edge'), pids: pidsOf(venue.processes, 'edge') };
    const broadcast = await startBroadcast(services, venue, 'once');
    const durationS = isQuick ? 3 : 8;
    const slices = new Map<string, Slice[]>();
    for (let round = 0; round < (isQuick ? 1 : rounds); round++) {
      for (const { to, sockets, ...events } of round % 2 ? runs.toReversed() : runs) {
        if (signal.aborted) break;
        const { ratePerSecond } = events;
        const count = isQuick ? sockets / 5 : sockets;
        const edge = to === 'ws' ? broadcast : ours;
        const protocol = to === 'ws' ? 'v1' : to;
        let cpuFromMs = 0;
        let usedMs = 0;
        const result = await runFanOut({
          ...{ apiUrls: venue.apiUrls, edgeUrls: [edge.url] },
          ...{ truth: auditor.truth, client, sockets: count, protocol, durationS, signal, ...events },
          onProgress: (doing) => onProgress(`watchers: ${to}, ${doing}, round ${round + 1}`),
          onBegin: async () => {
            await setTimeout(settleMs);
            cpuFromMs = await cpuMs(edge.pids);
          },
          onEnd: async () => {
            usedMs = (await cpuMs(edge.pids)) - cpuFromMs;
          },
        });
        if (to !== 'ws') judgeFanOut(auditor.audit, result);
        const { fromSent, received, bytes, behindMs, crowdCpuMs } = result;
        const lastedS = durationS + behindMs / 1_000;
        const key = `${to} ${sockets} ${ratePerSecond}`;
        slices.set(key, [
          ...(slices.get(key) ?? []),
          {
            edgeCpuMsPerS: usedMs / lastedS,
            receiverCpuMsPerS: crowdCpuMs / lastedS,
            p50Ms: fromSent?.p50Ms ?? Number.NaN,
            p99Ms: fromSent?.p99Ms ?? Number.NaN,
            messagesPerS: received / count / lastedS,
            kBPerS: bytes / count / lastedS / 1_000,
          },
        ]);
      }
    }
    const verdict = await auditor.finish();
    return {
      name: 'watchers',
      tables: [
        {
          title: `Sockets on a show of 2,000 seats: from the click until each is at least at that state; from 100 events/s on a command is for ${seatsPerCommand} seats`,
          columns: [
            ...['protocol', 'sockets', 'events/s', 'edge CPU (ms/s)', 'p50 (ms)', 'p99 (ms)'],
            ...['messages/s per socket', 'kB/s per socket', 'receivers’ CPU (ms/s)'],
          ],
          rows: [...slices].map(([key, all]) => {
            const [protocol = '', sockets, rate] = key.split(' ');
            const of = (field: keyof Slice) => median(all.map((slice) => slice[field]));
            return [
              ...[protocol, Number(sockets), Number(rate), of('edgeCpuMsPerS'), of('p50Ms'), of('p99Ms')],
              ...[of('messagesPerS'), of('kBPerS'), of('receiverCpuMsPerS')],
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
  const of = (key: string, field: keyof Slice) => median((slices.get(key) ?? []).map((slice) => slice[field]));
  const ratio = (field: keyof Slice, above: string, below: string) => of(above, field) / of(below, field);
  return [
    atMost(
      `watchers, ${many} sockets: edge CPU per second, 1,000 / 100 events per second`,
      1.5,
      ratio('edgeCpuMsPerS', `v2 ${many} 1000`, `v2 ${many} 100`),
    ),
    ...[many, few].flatMap((sockets) => [
      atMost(
        `watchers, ${sockets} sockets: p99, 1,000 / 100 events per second`,
        1.5,
        ratio('p99Ms', `v2 ${sockets} 1000`, `v2 ${sockets} 100`),
      ),
      atMost(`watchers, ${sockets} sockets, 1,000 events per second: p99 (ms)`, 250, of(`v2 ${sockets} 1000`, 'p99Ms')),
      atMost(
        `watchers, ${sockets} sockets, 10 events per second: p99, v2 / v1`,
        1.1,
        ratio('p99Ms', `v2 ${sockets} 10`, `v1 ${sockets} 10`),
      ),
    ]),
  ];
}
