import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { httpAnswers } from '../../src/launch/probes.ts';
import { median } from '../measure/median.ts';
import { atMost, type Section, type SuiteContext } from './section.ts';

const giveUpMs = 60_000;
const probeIntervalMs = 10;

/** The time from `./start.sh`, with everything installed and built, to the first page. */
export async function coldStartSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const rounds = isQuick ? 1 : 5;
  const seconds: Record<'machine' | 'embedded', number[]> = { machine: [], embedded: [] };
  for (let round = 0; round < rounds; round++) {
    for (const servers of ['machine', 'embedded'] as const) {
      if (signal.aborted) break;
      onProgress(`cold start: ${servers}, round ${round + 1} of ${rounds}`);
      seconds[servers].push(await startOnce(servers));
    }
  }
  const [whole, embedded] = [median(seconds.machine), median(seconds.embedded)];
  return {
    name: 'cold-start',
    tables: [
      {
        title: 'From ./start.sh to the first page, everything installed',
        columns: ['', 'median (s)', 'slowest (s)'],
        rows: [
          ['Redis, NATS, booking, two edges, nginx', whole, Math.max(...seconds.machine)],
          ['embedded in one process', embedded, Math.max(...seconds.embedded)],
        ],
      },
    ],
    targets: [
      atMost('cold start: ./start.sh to the first page (s)', 5, whole),
      atMost('cold start: embedded, to the first page (s)', 1.5, embedded),
    ],
    violations: [],
  };
}

async function startOnce(servers: 'machine' | 'embedded'): Promise<number> {
  const port = async () => String(await freePort());
  const httpPort = await port();
  const dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-cold-'));
  const settings = {
    SERVERS: servers,
    HTTP_PORT: httpPort,
    BOOKING_PORTS: await port(),
    EDGE_PORTS: `${await port()},${await port()}`,
    REDIS_PORT: await port(),
    NATS_PORT: await port(),
    DATA_DIR: dataDir,
  };
  const startedAtMs = performance.now();
  const child = spawn(resolve('start.sh'), { env: { ...process.env, ...settings }, stdio: 'ignore' });
  try {
    await answered(`http://${loopback}:${httpPort}/`, startedAtMs + giveUpMs);
    return (performance.now() - startedAtMs) / 1000;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function answered(url: string, deadlineMs: number): Promise<void> {
  for (;;) {
    const isThere = await httpAnswers(url).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    if (performance.now() > deadlineMs) throw new Error(`${url} does not reply within ${giveUpMs} ms`);
    await sleep(probeIntervalMs);
  }
}
