import { setTimeout as sleep } from 'node:timers/promises';
import pidusage from 'pidusage';
import { present } from '../../src/process/present.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { Recorder } from '../measure/recorder.ts';
import { judgeFanOut } from '../scenarios/fanout.ts';
import { CrowdClient } from '../sockets/crowd-client.ts';
import { runFanOut } from '../sockets/fan-out-run.ts';
import { startOwnVenue } from '../venue/own-venue.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { atMost, problemsOf, type Section, type SuiteContext } from './section.ts';
import { cpuMs } from './subject.ts';

/** As many as the usual limit of 20,000 file descriptors allows. */
const idleSockets = 18_000;
const stormSockets = 5_000;
const quickSockets = 1_000;
/** Two rounds of pings. */
const idleMs = 30_000;
const stormS = 12;
const killAfterMs = 3_000;
const sampleEveryMs = 200;
const connectTimeoutMs = 120_000;

/** Sockets that only watch, on one edge; and all sockets of an edge that is killed, each with a session, at the other one. */
export async function stormSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const venue = await startOwnVenue({ bookings: 1, edges: 2, rows: 100, cols: 100, holdSeconds: 60 });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-storm-'));
    const bookingUrl = present(venue.apiUrls[0], 'a URL');
    const other = present(venue.edgeUrls[1], 'a URL');
    const otherPid = present(pidsOf(venue.processes, 'edge')[1], 'a pid');
    const bookingPids = pidsOf(venue.processes, 'booking');

    const idleCount = isQuick ? quickSockets : idleSockets;
    onProgress(`storm: ${idleCount} idle sockets`);
    const idle = await measureIdle(other, otherPid, venue.show.id, idleCount);

    const count = isQuick ? quickSockets : stormSockets;
    onProgress(`storm: ${count} sessions`);
    const tokens = await beginSessions(bookingUrl, count);
    const rss = new PeakRss(otherPid);
    let fromMs = 0;
    let [edgeMs, bookingMs] = [0, 0];
    const result = await runFanOut({
      apiUrls: venue.apiUrls,
      edgeUrls: venue.edgeUrls,
      startsAtFirst: true,
      tokens,
      truth: auditor.truth,
      sockets: count,
      protocol: 'v2',
      ratePerSecond: 20,
      client: { recorder: new Recorder(), log, show: venue.show, newUserId: numbered('load-storm-') },
      durationS: stormS,
      signal,
      onProgress: (doing) => onProgress(`storm: ${doing}`),
      during: async () => {
        await sleep(killAfterMs);
        auditor.dismissWitness(0);
        await rss.start();
        [edgeMs, bookingMs] = [-(await cpuMs([otherPid])), -(await cpuMs(bookingPids))];
        fromMs = performance.now();
        await present(venue.own, 'servers of our own').killEdge(0);
      },
      onEnd: async () => {
        edgeMs += await cpuMs([otherPid]);
        bookingMs += await cpuMs(bookingPids);
      },
    });
    const lastedS = (performance.now() - fromMs) / 1_000;
    const growthMiB = rss.stop() / 1024 / 1024;
    judgeFanOut(auditor.audit, { ...result, missed: 0 });
    const verdict = await auditor.finish();
    const outages = [...result.outagesMs].sort((a, b) => a - b);
    const at = (share: number) => outages[Math.ceil(outages.length * share) - 1] ?? Number.NaN;
    const statesPerSocket = result.states / count;
    return {
      name: 'storm',
      tables: [
        {
          title: `${idleCount} sockets that only watch, on one edge`,
          columns: ['memory per socket (kB)', 'of it heap (kB)', 'edge CPU (ms/s)'],
          rows: [[idle.rssKB, idle.heapKB, idle.cpuMsPerS]],
        },
        {
          title: `${count} sockets with a session each lose their edge, on a show of 10,000 seats`,
          columns: [
            ...['live again', 'p50 (ms)', 'p99 (ms)', 'last (ms)', 'growth of the other edge (MiB)'],
            ...['edge CPU (ms)', 'booking CPU (ms)', 'whole states per socket'],
          ],
          rows: [[outages.length, at(0.5), at(0.99), at(1), growthMiB, edgeMs, bookingMs, statesPerSocket]],
        },
      ],
      targets: [
        atMost('idle sockets: memory per socket (kB)', 9, idle.rssKB),
        atMost('idle sockets: edge CPU (ms/s)', 100, idle.cpuMsPerS),
        atMost(
          'storm: all sockets live again (ms)',
          5_000,
          outages.length === count ? at(1) : Number.POSITIVE_INFINITY,
        ),
        atMost('storm: whole states per socket and second', 1, statesPerSocket / lastedS),
      ],
      violations: problemsOf(verdict),
    };
  } finally {
    await venue.stop();
  }
}

async function measureIdle(url: string, pid: number, venue: string, count: number) {
  const crowd = new CrowdClient();
  try {
    const before = await memoryOf(url, pid);
    await crowd.request('connect', { urls: [url], venue, protocol: 'v2', count, timeoutMs: connectTimeoutMs });
    const fromMs = await cpuMs([pid]);
    await sleep(idleMs);
    const usedMs = (await cpuMs([pid])) - fromMs;
    const after = await memoryOf(url, pid);
    return {
      rssKB: (after.rss - before.rss) / count / 1_000,
      heapKB: (after.heap - before.heap) / count / 1_000,
      cpuMsPerS: (usedMs * 1_000) / idleMs,
    };
  } finally {
    crowd.close();
    await sleep(5_000); // until the edge has closed them
  }
}

async function memoryOf(url: string, pid: number): Promise<{ rss: number; heap: number }> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const heap = Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]);
  return { rss: (await pidusage(pid)).memory, heap };
}

async function beginSessions(url: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const begun = Array.from({ length: Math.min(50, count - tokens.length) }, async () => {
      const reply = await fetch(new URL('/api/session', url), { method: 'POST' });
      return ((await reply.json()) as { token: string }).token;
    });
    tokens.push(...(await Promise.all(begun)));
  }
  return tokens;
}

/** How much the memory of a process grows at most. */
class PeakRss {
  readonly #pid: number;
  #from = 0;
  #most = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  async start(): Promise<void> {
    this.#from = (await pidusage(this.#pid)).memory;
    this.#timer = setInterval(() => {
      void pidusage(this.#pid).then(({ memory }) => {
        this.#most = Math.max(this.#most, memory);
      });
    }, sampleEveryMs).unref();
  }

  /** Bytes. */
  stop(): number {
    clearInterval(this.#timer);
    return Math.max(0, this.#most - this.#from);
  }
}
