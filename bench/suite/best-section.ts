import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { percentileMs, Recorder } from '../measure/recorder.ts';
import { bestWaves, seatedFigure } from '../scenarios/best-waves.ts';
import { startOwnVenue } from '../venue/own-venue.ts';
import { numbered } from './http-sections.ts';
import { atLeast, problemsOf, type Section, type SuiteContext } from './section.ts';

const show = 'arena';
const users = 500;
const bookings = [1, 2];
const leastSeatedPercent = 95;

interface Rush {
  processes: number;
  waves: number;
  p50Ms: number;
  p99Ms: number;
  seatedPercent: number;
  seatedInWorstWavePercent: number;
}

/** Waves of users who request the best seats of a large show at the same moment. */
export async function bestSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const violations: string[] = [];
  const measured: Rush[] = [];
  for (const count of bookings) {
    if (signal.aborted) break;
    onProgress(`best: ${count} booking processes`);
    measured.push(await measureRush(count, isQuick ? 5 : 20, signal, violations));
  }
  return {
    name: 'best',
    tables: [
      {
        title: `${users} users ask for the best 2 to 4 seats of the ${show} at once, again and again`,
        columns: [
          'booking processes',
          'waves',
          'first reply, p50 (ms)',
          'p99 (ms)',
          'seated at first reply (%)',
          'in the worst wave (%)',
        ],
        rows: measured.map((rush) => [
          rush.processes,
          rush.waves,
          rush.p50Ms,
          rush.p99Ms,
          rush.seatedPercent,
          rush.seatedInWorstWavePercent,
        ]),
      },
    ],
    targets: measured.map(({ processes, seatedPercent }) =>
      atLeast(`best, booking processes: ${processes}; seated at first reply (%)`, leastSeatedPercent, seatedPercent),
    ),
    violations,
  };
}

async function measureRush(
  processes: number,
  durationS: number,
  signal: AbortSignal,
  violations: string[],
): Promise<Rush> {
  const venue = await startOwnVenue({ bookings: processes, edges: 1, rows: 10, cols: 10, holdSeconds: 30, show });
  try {
    const log = new ClientLog();
    const recorder = new Recorder();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-best-'));
    const client = { recorder, log, show: venue.show, newUserId: numbered('load-best-') };
    recorder.start();
    const { figures } = await bestWaves({ ...client, venue, auditor, users, durationS, signal, onProgress: () => {} });
    recorder.stop();
    violations.push(...problemsOf(await auditor.finish()));
    const latency = recorder.byKind.get('select');
    const at = (percentile: number) => (latency ? percentileMs(latency, percentile) : Number.NaN);
    return {
      processes,
      waves: figures.waves ?? 0,
      p50Ms: at(50),
      p99Ms: at(99),
      seatedPercent: figures[seatedFigure] ?? 0,
      seatedInWorstWavePercent: figures.seatedInWorstWavePercent ?? 0,
    };
  } finally {
    await venue.stop();
  }
}
