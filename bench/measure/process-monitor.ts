import pidusage from 'pidusage';
import { request } from 'undici';
import { present } from '../../src/process/present.ts';

export interface MonitoredProcess {
  name: string;
  pid?: number;
  /** Of a Node process: its `/metrics`. */
  metricsUrl?: string;
}

export interface ProcessSample {
  atS: number;
  /** Of one core. */
  cpuPercent: number;
  rssBytes: number;
  /** The worst value of that second; undefined if the process has no metrics. */
  eventLoopP99Ms?: number;
}

export interface ProcessFigures {
  name: string;
  cpuMs: number;
  samples: ProcessSample[];
}

const intervalMs = 1_000;

/** CPU, memory and event-loop delay of each process, once a second; the loader itself is one of them. */
export class ProcessMonitor {
  readonly #processes: MonitoredProcess[];
  readonly #figures: Map<string, ProcessFigures>;
  readonly #lastCpuMs = new Map<string, number>();
  readonly #startedAtMs = performance.now();
  #lastAtMs = performance.now();
  #sampling: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(processes: MonitoredProcess[]) {
    this.#processes = [...processes, { name: 'loader', pid: process.pid }];
    this.#figures = new Map(this.#processes.map(({ name }) => [name, { name, cpuMs: 0, samples: [] }]));
  }

  async start(): Promise<void> {
    await this.#sample();
    for (const figures of this.#figures.values()) {
      figures.cpuMs = 0;
      figures.samples = [];
    }
    this.#timer = setInterval(() => {
      this.#sampling = this.#sampling.then(() => this.#sample());
    }, intervalMs);
  }

  async stop(): Promise<ProcessFigures[]> {
    clearInterval(this.#timer);
    await this.#sampling;
    await this.#sample();
    return [...this.#figures.values()];
  }

  async #sample(): Promise<void> {
    const nowMs = performance.now();
    const elapsedMs = Math.max(1, nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    await Promise.all(this.#processes.map((each) => this.#sampleOne(each, nowMs, elapsedMs)));
  }

  async #sampleOne({ name, pid, metricsUrl }: MonitoredProcess, nowMs: number, elapsedMs: number): Promise<void> {
    const figures = present(this.#figures.get(name), name);
    const metrics = metricsUrl === undefined ? undefined : await readMetrics(metricsUrl).catch(() => undefined);
    const used = pid === undefined ? fromMetrics(metrics) : await usage(pid);
    if (!used) return; // it has ended
    const cpuMs = Math.max(0, used.cpuMs - (this.#lastCpuMs.get(name) ?? used.cpuMs));
    this.#lastCpuMs.set(name, used.cpuMs);
    figures.cpuMs += cpuMs;
    const lagSeconds = metrics?.get('nodejs_eventloop_lag_p99_seconds');
    figures.samples.push({
      atS: (nowMs - this.#startedAtMs) / 1000,
      cpuPercent: (100 * cpuMs) / elapsedMs,
      rssBytes: used.rssBytes,
      ...(lagSeconds !== undefined && { eventLoopP99Ms: lagSeconds * 1000 }),
    });
  }
}

interface Usage {
  cpuMs: number;
  rssBytes: number;
}

async function usage(pid: number): Promise<Usage | undefined> {
  try {
    const { ctime, memory } = await pidusage(pid);
    return { cpuMs: ctime, rssBytes: memory };
  } catch {
    return undefined;
  }
}

function fromMetrics(metrics: Map<string, number> | undefined): Usage | undefined {
  const cpuSeconds = metrics?.get('process_cpu_seconds_total');
  if (cpuSeconds === undefined) return undefined;
  return { cpuMs: cpuSeconds * 1000, rssBytes: metrics?.get('process_resident_memory_bytes') ?? 0 };
}

/** Samples without labels, by name; of those with labels, the sum. */
export async function readMetrics(url: string): Promise<Map<string, number>> {
  const { body } = await request(url, { headersTimeout: 2_000, bodyTimeout: 2_000 });
  return parseMetrics(await body.text());
}

export function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})? ([^ ]+)$/.exec(line) ?? [];
    if (name !== undefined) values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}
