import { setTimeout as sleep } from 'node:timers/promises';
import pidusage from 'pidusage';
import { bookingSpec } from '../../src/launch/node-services.ts';
import { present } from '../../src/process/present.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { ClientLog } from '../audit/client-log.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { CommandConversation } from '../clients/command-conversation.ts';
import { Journey } from '../clients/journey.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { median } from '../measure/median.ts';
import { Services, startServers } from '../venue/own-venue.ts';
import { showUnderLoad } from '../venue/show-under-load.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { atMost, type Section, type SuiteContext } from './section.ts';
import { measureSlice } from './subject.ts';

const sizes = [
  { rows: 10, cols: 10 },
  { rows: 100, cols: 100 },
  { rows: 250, cols: 400 },
];
const connections = 40;
const holdSeconds = 2;
const snapshots = 5;

interface Size {
  seats: number;
  createS: number;
  /** From the restart to the first reply. */
  hydrateS: number;
  /** From the restart until every seat's actor runs. */
  rssMb: number;
  snapshotMb: number;
  snapshotMs: number;
  perSecond: number;
  cpuUsPerCommand: number;
}

/** One booking process with a venue of 100, 10,000 and 100,000 seats. */
export async function sizesSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const measured: Size[] = [];
  for (const size of isQuick ? sizes.slice(0, 2) : sizes) {
    if (signal.aborted) break;
    onProgress(`sizes: ${size.rows * size.cols} seats`);
    measured.push(await measureSize(size, isQuick ? 2 : 5, signal));
  }
  const [smallest, largest] = [measured[0], measured.at(-1)];
  if (!smallest || !largest) return { name: 'sizes', tables: [], targets: [], violations: [] }; // interrupted
  return {
    name: 'sizes',
    tables: [
      {
        title: 'One booking process',
        columns: [
          'seats',
          'first start (s)',
          'restart (s)',
          'RSS (MB)',
          'snapshot (MB)',
          'snapshot (ms)',
          'commands/s',
          'CPU per command (µs)',
        ],
        rows: measured.map((each) => [
          each.seats,
          each.createS,
          each.hydrateS,
          each.rssMb,
          each.snapshotMb,
          each.snapshotMs,
          each.perSecond,
          each.cpuUsPerCommand,
        ]),
      },
    ],
    plot: {
      title: 'Growth with the number of seats, relative to the smallest venue',
      xLabel: 'seats',
      yLabel: 'times',
      xScale: 'log',
      isLogY: true,
      series: (
        [
          ['start', 'hydrateS'],
          ['memory', 'rssMb'],
          ['snapshot', 'snapshotMb'],
          ['CPU per command', 'cpuUsPerCommand'],
        ] as const
      ).map(([name, key]) => ({ name, points: measured.map((each) => [each.seats, each[key] / smallest[key]]) })),
    },
    targets: [
      atMost(`sizes: restart with ${largest.seats} seats (s)`, 5, largest.hydrateS),
      atMost('sizes: memory per additional seat, large venue / small venue', 1.5, bend(measured)),
      atMost(
        'sizes: CPU per command, largest venue / smallest',
        1.5,
        largest.cpuUsPerCommand / smallest.cpuUsPerCommand,
      ),
    ],
    violations: [],
  };
}

/** The memory of an additional seat between the two largest venues, divided by that between the two smallest: 1 is linear growth. */
function bend(measured: Size[]): number {
  const perSeat = (less: Size | undefined, more: Size | undefined) =>
    less && more ? (more.rssMb - less.rssMb) / (more.seats - less.seats) : Number.NaN;
  return perSeat(measured.at(-2), measured.at(-1)) / perSeat(measured[0], measured[1]);
}

async function measureSize(
  { rows, cols }: { rows: number; cols: number },
  sliceS: number,
  signal: AbortSignal,
): Promise<Size> {
  const services = new Services();
  try {
    const links = await startServers(services);
    const env = {
      LOG_LEVEL: 'warn',
      RATE_LIMIT: 'off',
      VENUE_ROWS: String(rows),
      VENUE_COLS: String(cols),
      HOLD_SECONDS: String(holdSeconds),
    };
    const startingAtMs = performance.now();
    const [booking] = await services.startNode(1, (place) => bookingSpec({ ...place, ...links, env }));
    const createS = (performance.now() - startingAtMs) / 1000;
    const { name = '', url = '' } = booking ?? {};
    await services.kill(name);
    const againAtMs = performance.now();
    await services.restart(name);
    const hydrateS = (performance.now() - againAtMs) / 1000;
    await sleep(500);
    const pids = pidsOf(services.monitored(), name);
    const { memory } = await pidusage(present(pids[0], 'the booking process'));
    const snapshot = await measureSnapshot(`${url}/api/venue`);
    const pool = new SeatPool(emptySeats(gridPlan({ rows, cols })), connections);
    const journeys = { completed: 0 };
    const subject = {
      name,
      urls: [url],
      pids,
      log: new ClientLog(),
      show: showUnderLoad(),
      newUserId: numbered('load-sizes-'),
      converse: (client: ClientContext) =>
        new CommandConversation(client, new Journey({ ...client, pool, journeys, holdMs: holdSeconds * 1000 })),
    };
    await measureSlice(subject, { connections, durationS: 2, signal }); // warms the compiler
    const { perSecond, cpuUsPerAnswer } = await measureSlice(subject, { connections, durationS: sliceS, signal });
    return {
      seats: rows * cols,
      createS,
      hydrateS,
      rssMb: memory / 1e6,
      ...snapshot,
      perSecond,
      cpuUsPerCommand: cpuUsPerAnswer,
    };
  } finally {
    await services.stop();
  }
}

async function measureSnapshot(url: string): Promise<{ snapshotMb: number; snapshotMs: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < snapshots; i++) {
    const startedAtMs = performance.now();
    bytes = (await (await fetch(url)).arrayBuffer()).byteLength;
    times.push(performance.now() - startedAtMs);
  }
  return { snapshotMb: bytes / 1e6, snapshotMs: median(times) };
}
