import type { Problem } from '../process/recent-problems.ts';

/** One process on `/status`. */
export interface ProcessStatus {
  /** `host:port`. */
  address: string;
  /** `ready`, `not ready`, or why it does not reply. */
  state: string;
  /** Absent: it does not reply. */
  startedAtMs?: number;
  /** In the order of the columns; a rate is absent until the second reading. */
  figures: Record<string, string>;
  problems: Problem[];
}

interface Sample {
  atMs: number;
  totals: ReadonlyMap<string, number>;
}

const replyTimeoutMs = 2_000;
/** Rates over a shorter time are meaningless. */
const minRateMs = 1_000;
const failedOutcomes = /outcome="(STORE_UNAVAILABLE|TIMEOUT|BUSY)"/;

/** Reads the state of processes over HTTP, and compares each reading with an earlier one. */
export class ProcessStatuses {
  readonly #urls: readonly string[];
  readonly #now: () => number;
  readonly #samples = new Map<string, Sample>();

  /** `urls`: http://host:port of each booking process and edge. `now`: in milliseconds. */
  constructor(urls: readonly string[], now: () => number = Date.now) {
    this.#urls = urls;
    this.#now = now;
  }

  /** Never rejects: a process that does not reply is one of the statuses. */
  look(): Promise<ProcessStatus[]> {
    return Promise.all(this.#urls.map((url) => this.#statusOf(url)));
  }

  async #statusOf(url: string): Promise<ProcessStatus> {
    const address = new URL(url).host;
    try {
      const [ready, metrics, problems] = await Promise.all(
        ['/ready', '/metrics', '/status/problems'].map((path) =>
          fetch(url + path, { signal: AbortSignal.timeout(replyTimeoutMs) }),
        ),
      );
      const totals = totalsOf((await metrics?.text()) ?? '');
      await ready?.arrayBuffer();
      return {
        address,
        state: ready?.status === 200 ? 'ready' : 'not ready',
        startedAtMs: (totals.get('process_start_time_seconds') ?? 0) * 1_000,
        figures: figuresOf(totals, this.#rates(url, totals)),
        problems: problems?.ok ? ((await problems.json()) as Problem[]) : [],
      };
    } catch {
      return { address, state: `no reply within ${replyTimeoutMs / 1_000} s`, figures: {}, problems: [] };
    }
  }

  /** The growth of a counter per second, since an earlier reading. */
  #rates(url: string, totals: ReadonlyMap<string, number>): (name: string) => number | undefined {
    const atMs = this.#now();
    const before = this.#samples.get(url);
    if (!before || atMs - before.atMs >= minRateMs) this.#samples.set(url, { atMs, totals });
    return (name) => {
      if (!before || atMs === before.atMs) return undefined;
      const growth = (totals.get(name) ?? 0) - (before.totals.get(name) ?? 0);
      return growth < 0 ? undefined : growth / ((atMs - before.atMs) / 1_000); // the process was restarted
    };
  }
}

/** The sum of the series of each metric; and of the failed commands, under `failed`. */
function totalsOf(text: string): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  const add = (name: string, value: number) => totals.set(name, (totals.get(name) ?? 0) + value);
  for (const [, name = '', labels = '', value] of text.matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)) {
    add(name, Number(value));
    if (name === 'booking_commands_total' && failedOutcomes.test(labels)) add('failed', Number(value));
  }
  return totals;
}

function figuresOf(
  totals: ReadonlyMap<string, number>,
  rate: (name: string) => number | undefined,
): Record<string, string> {
  const number = (value: number | undefined) =>
    value === undefined ? '' : Number(value.toPrecision(3)).toLocaleString('en');
  const total = (name: string) => totals.get(name);
  const cpu = rate('process_cpu_seconds_total');
  const [decisions, seconds] = [rate('booking_decision_seconds_count'), rate('booking_decision_seconds_sum')];
  return {
    'commands/s': total('booking_shows_open') === undefined ? '' : number(rate('booking_commands_total')),
    'failed/s': total('booking_shows_open') === undefined ? '' : number(rate('failed')),
    'decision ms': decisions ? number(((seconds ?? 0) / decisions) * 1_000) : '',
    'not relayed': number(total('booking_events_unrelayed')),
    withheld: number(total('booking_seats_withheld')),
    'open shows': number(total('booking_shows_open')),
    browsers: number(total('edge_connections')),
    'changes/s': total('edge_connections') === undefined ? '' : number(rate('edge_updates_total')),
    'unread KiB': total('edge_connections') === undefined ? '' : number((total('edge_buffered_bytes') ?? 0) / 1024),
    'catch-ups/s': total('edge_connections') === undefined ? '' : number(rate('edge_catch_ups_total')),
    'CPU %': number(cpu === undefined ? undefined : cpu * 100),
    'memory MiB': number((total('process_resident_memory_bytes') ?? 0) / 1024 ** 2),
    'loop lag ms': number((total('nodejs_eventloop_lag_p99_seconds') ?? 0) * 1_000),
  };
}
