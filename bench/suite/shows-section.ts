import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pidusage from 'pidusage';
import { bookingSpec } from '../../src/launch/node-services.ts';
import { present } from '../../src/process/present.ts';
import { Services, startServers } from '../venue/own-venue.ts';
import { writeHall } from '../venue/write-hall.ts';
import { pidsOf } from './http-sections.ts';
import { atMost, type Section, type SuiteContext } from './section.ts';

const seats = { rows: 20, cols: 25 };
const requestsAtOnce = 8;
const idleMs = 5_000;
const holdSeconds = 2;
/** Shows are idle when the holds of their latest moment have ended, with a margin. */
const untilIdleMs = holdSeconds * 1_000 + 6_000;

interface ManyShows {
  shows: number;
  startS: number;
  /** CPU, which other work on the machine does not change much. */
  startCpuS: number;
  startRssMb: number;
  openCpuMs: number;
  openRssMb: number;
  idleCpuPercent: number;
}

/** One booking process with many show files: its start, its memory once all shows have been opened, and its CPU without bookings. */
export async function showsSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const measured: ManyShows[] = [];
  for (const count of isQuick ? [1, 50] : [1, 50, 200]) {
    if (signal.aborted) break;
    onProgress(`shows: ${count} files`);
    measured.push(await measureShows(count, signal));
  }
  const most = measured.at(-1);
  if (!most) return { name: 'shows', tables: [], targets: [], violations: [] }; // interrupted
  return {
    name: 'shows',
    tables: [
      {
        title: `One booking process with many shows of ${seats.rows * seats.cols} seats`,
        columns: [
          'show files',
          'start (s)',
          'CPU of the start (s)',
          'RSS (MB)',
          'CPU to open a show (ms)',
          'RSS, all open (MB)',
          'idle CPU, all open (%)',
        ],
        rows: measured.map((each) => [
          each.shows,
          each.startS,
          each.startCpuS,
          each.startRssMb,
          each.openCpuMs,
          each.openRssMb,
          each.idleCpuPercent,
        ]),
      },
    ],
    targets: [
      atMost(`shows: CPU of a start with ${most.shows} files (s)`, 5, most.startCpuS),
      atMost(`shows: RSS with ${most.shows} open shows (MB)`, 600, most.openRssMb),
    ],
    violations: [],
  };
}

async function measureShows(count: number, signal: AbortSignal): Promise<ManyShows> {
  const services = new Services();
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-shows-'));
  try {
    const ids = Array.from({ length: count }, (_, i) => `show-${i + 1}`);
    for (const id of ids) writeHall(folder, id, seats);
    const links = await startServers(services);
    const env = { LOG_LEVEL: 'warn', RATE_LIMIT: 'off', HOLD_SECONDS: String(holdSeconds), SHOWS_DIR: folder };
    const startingAtMs = performance.now();
    const [booking] = await services.startNode(1, (place) => bookingSpec({ ...place, ...links, env }));
    const startS = (performance.now() - startingAtMs) / 1000;
    const { name, url } = present(booking, 'the booking process');
    const pid = present(pidsOf(services.monitored(), name)[0], 'the booking process');
    // The metric of the process begins to count when the files have been read.
    const cpuS = async () => (await pidusage(pid)).ctime / 1000;
    const rssMb = async () => (await pidusage(pid)).memory / 1e6;
    const [startCpuS, startRssMb] = [await cpuS(), await rssMb()];
    const waiting = [...ids];
    const open = async () => {
      for (let id = waiting.pop(); id !== undefined && !signal.aborted; id = waiting.pop()) {
        const { status } = await fetch(`${url}/api/shows/${id}`);
        if (status !== 200) throw new Error(`GET /api/shows/${id}: ${status}`);
      }
    };
    await Promise.all(Array.from({ length: requestsAtOnce }, open));
    const openedCpuS = await cpuS();
    await sleep(untilIdleMs, undefined, { signal });
    const idleFromCpuS = await cpuS();
    await sleep(idleMs, undefined, { signal });
    const idleSeconds = (await cpuS()) - idleFromCpuS;
    return {
      shows: count,
      startS,
      startCpuS,
      startRssMb,
      openCpuMs: ((openedCpuS - startCpuS) / count) * 1000,
      openRssMb: await rssMb(),
      idleCpuPercent: (idleSeconds / (idleMs / 1000)) * 100,
    };
  } finally {
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
