import { readMetrics } from './process-monitor.ts';

/** The edges' counters of slow clients, and their CPU time. */
export interface EdgeCounters {
  slow: number;
  resynced: number;
  terminated: number;
  cpuMs: number;
}

/** The sum over all edges. An edge without a reply counts as 0. */
export async function readEdgeCounters(edgeUrls: readonly string[]): Promise<EdgeCounters> {
  const sum: EdgeCounters = { slow: 0, resynced: 0, terminated: 0, cpuMs: 0 };
  for (const url of edgeUrls) {
    const metrics = await readMetrics(`${url}/metrics`).catch(() => new Map<string, number>());
    sum.slow += metrics.get('edge_clients_slow_total') ?? 0;
    sum.resynced += metrics.get('edge_clients_resynced_total') ?? 0;
    sum.terminated += metrics.get('edge_clients_terminated_total') ?? 0;
    sum.cpuMs += (metrics.get('process_cpu_seconds_total') ?? 0) * 1000;
  }
  return sum;
}

export function countedBetween(before: EdgeCounters, after: EdgeCounters): EdgeCounters {
  return {
    slow: after.slow - before.slow,
    resynced: after.resynced - before.resynced,
    terminated: after.terminated - before.terminated,
    cpuMs: after.cpuMs - before.cpuMs,
  };
}
