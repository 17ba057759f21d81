import { readFileSync } from 'node:fs';

const sampleMs = 20;

interface Sample {
  wallMs: number;
  /** Sums over all processes. */
  ranMs: number;
  waitedMs: number;
}

/**
 * How much of the CPU that some processes were ready to use they got (`/proc/<pid>/schedstat`). Whatever else runs on the
 * machine makes a time longer by that factor, which says nothing about the system under test.
 */
export class MachineShare {
  readonly #pids: () => readonly number[];
  readonly #timer = setInterval(() => this.mark(), sampleMs);
  readonly #lastOf = new Map<number, { ranMs: number; waitedMs: number }>();
  #sample: Sample = { wallMs: Number.NEGATIVE_INFINITY, ranMs: 0, waitedMs: 0 };

  /** `pids`: of the processes that are on the path of a message now. */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
  }

  mark(): Sample {
    const wallMs = performance.now();
    if (wallMs - this.#sample.wallMs < sampleMs) return { ...this.#sample, wallMs };
    let { ranMs, waitedMs } = this.#sample;
    for (const pid of this.#pids()) {
      const now = schedstatOf(pid);
      if (!now) continue;
      const last = this.#lastOf.get(pid) ?? now;
      ranMs += now.ranMs - last.ranMs;
      waitedMs += now.waitedMs - last.waitedMs;
      this.#lastOf.set(pid, now);
    }
    this.#sample = { wallMs, ranMs, waitedMs };
    return this.#sample;
  }

  /** The share since a mark, from 0 to 1. */
  since({ ranMs, waitedMs }: Sample): number {
    const now = this.mark();
    const [ran, waited] = [now.ranMs - ranMs, now.waitedMs - waitedMs];
    return ran + waited > 0 ? ran / (ran + waited) : 1;
  }

  /** The time since a mark, as it would be with all of the CPU that the processes were ready to use. */
  msSince(mark: Sample): number {
    return (performance.now() - mark.wallMs) * this.since(mark);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Of the main thread. undefined: the process has ended. */
function schedstatOf(pid: number): { ranMs: number; waitedMs: number } | undefined {
  try {
    const [ranNs, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return { ranMs: Number(ranNs) / 1e6, waitedMs: Number(waitedNs) / 1e6 };
  } catch {
    return undefined;
  }
}

/** Such as the workers of nginx. */
export function childrenOf(pid: number): number[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return pids.trim().split(' ').filter(Boolean).map(Number);
}
