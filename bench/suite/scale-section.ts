import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { CommandConversation } from '../clients/command-conversation.ts';
import { Journey } from '../clients/journey.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { Recorder } from '../measure/recorder.ts';
import { judgeFanOut } from '../scenarios/fanout.ts';
import { runFanOut } from '../sockets/fan-out-run.ts';
import { startOwnVenue } from '../venue/own-venue.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { problemsOf, type Section, type SuiteContext } from './section.ts';
import { cpuMs, measureSlice } from './subject.ts';

const counts = [1, 2, 4];
const connections = 100;
const holdSeconds = 2;
const sockets = 2_000;
const ratePerSecond = 100;

/** More booking processes, then more edges. On few cores this shows their cost, not their benefit. */
export async function scaleSection(context: SuiteContext): Promise<Section> {
  const violations: string[] = [];
  const bookings = [];
  for (const count of counts)
    if (!context.signal.aborted) bookings.push(await withBookings(count, context, violations));
  const edges = [];
  for (const count of counts) if (!context.signal.aborted) edges.push(await withEdges(count, context, violations));
  return {
    name: 'scale',
    tables: [
      {
        title: `Booking processes, journeys over ${connections} connections`,
        columns: ['processes', 'commands/s', 'p50 (ms)', 'p99 (ms)', 'total CPU per command (µs)'],
        rows: bookings,
      },
      {
        title: `Edges, ${sockets.toLocaleString('en-US')} sockets and ${ratePerSecond} events per second`,
        columns: ['edges', 'delivered/s', 'p50 (ms)', 'p99 (ms)', 'total CPU per delivery (µs)'],
        rows: edges,
      },
    ],
    targets: [],
    violations,
  };
}

async function withBookings(
  count: number,
  { isQuick, signal, onProgress }: SuiteContext,
  violations: string[],
): Promise<number[]> {
  onProgress(`scale: ${count} booking processes`);
  const layout = { rows: 200, cols: 100 };
  const venue = await startOwnVenue({ bookings: count, edges: 1, ...layout, holdSeconds });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-scale-'));
    const pool = new SeatPool(emptySeats(gridPlan(layout)), connections);
    const journeys = { completed: 0 };
    const subject = {
      name: 'ours',
      urls: venue.apiUrls,
      pids: pidsOf(venue.processes, 'booking'),
      log,
      show: venue.show,
      newUserId: numbered('load-scale-'),
      converse: (client: ClientContext) =>
        new CommandConversation(client, new Journey({ ...client, pool, journeys, holdMs: holdSeconds * 1000 })),
    };
    await measureSlice(subject, { connections, durationS: 2, signal }); // warms the compiler
    const slice = await measureSlice(subject, { connections, durationS: isQuick ? 3 : 8, signal });
    violations.push(...problemsOf(await auditor.finish()));
    return [count, slice.perSecond, slice.p50Ms, slice.p99Ms, slice.cpuUsPerAnswer];
  } finally {
    await venue.stop();
  }
}

async function withEdges(
  count: number,
  { isQuick, signal, onProgress }: SuiteContext,
  violations: string[],
): Promise<number[]> {
  const venue = await startOwnVenue({ bookings: 1, edges: count, rows: 10, cols: 10, holdSeconds: 30 });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-scale-'));
    const pids = pidsOf(venue.processes, 'edge');
    const durationS = isQuick ? 3 : 6;
    let [cpuFromMs, usedMs] = [0, 0];
    const result = await runFanOut({
      apiUrls: venue.apiUrls,
      edgeUrls: venue.edgeUrls,
      truth: auditor.truth,
      client: { recorder: new Recorder(), log, show: venue.show, newUserId: numbered('load-scale-') },
      sockets,
      protocol: 'v1',
      ratePerSecond,
      durationS,
      signal,
      onProgress: (doing) => onProgress(`scale: ${count} edges, ${doing}`),
      onBegin: async () => {
        cpuFromMs = await cpuMs(pids);
      },
      onEnd: async () => {
        usedMs = (await cpuMs(pids)) - cpuFromMs;
      },
    });
    judgeFanOut(auditor.audit, result);
    violations.push(...problemsOf(await auditor.finish()));
    const { p50Ms = Number.NaN, p99Ms = Number.NaN } = result.fromSent ?? {};
    const { delivered, behindMs } = result;
    return [count, delivered / (durationS + behindMs / 1000), p50Ms, p99Ms, (usedMs * 1000) / delivered];
  } finally {
    await venue.stop();
  }
}
