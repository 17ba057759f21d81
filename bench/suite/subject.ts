import pidusage from 'pidusage';
import type { ClientContext } from '../clients/client-context.ts';
import { type Conversation, closedLoop } from '../http/closed-loop.ts';
import { percentileMs, Recorder } from '../measure/recorder.ts';

/** A measured system: ours, an older commit of ours, or a yardstick. */
export interface Subject extends Omit<ClientContext, 'recorder'> {
  name: string;
  urls: string[];
  /** Its Node processes; Redis and NATS are the same for all. */
  pids: number[];
  /** Creates one client. */
  converse: (context: ClientContext) => Conversation;
}

export interface Slice {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU time of the subject's processes per reply. */
  cpuUsPerAnswer: number;
  /** CPU of the load generator, in % of one core. Near 100, the generator was the limit. */
  loaderCpuPercent: number;
  errors: number;
}

/** Loads a subject for a short time and measures it. */
export async function measureSlice(
  subject: Subject,
  { connections, durationS, signal }: { connections: number; durationS: number; signal: AbortSignal },
): Promise<Slice> {
  const recorder = new Recorder();
  const { log, show, newUserId } = subject;
  const context = { recorder, log, show, newUserId };
  const cpuBeforeMs = await cpuMs(subject.pids);
  const loaderBefore = process.cpuUsage();
  recorder.start();
  await closedLoop({ urls: subject.urls, connections, durationS, signal, converse: () => subject.converse(context) });
  recorder.stop();
  const usedMs = (await cpuMs(subject.pids)) - cpuBeforeMs;
  const { user, system } = process.cpuUsage(loaderBefore);
  return {
    perSecond: recorder.answers / recorder.elapsedS,
    p50Ms: percentileMs(recorder.latency, 50),
    p99Ms: percentileMs(recorder.latency, 99),
    cpuUsPerAnswer: (usedMs * 1000) / Math.max(1, recorder.answers),
    loaderCpuPercent: (user + system) / 10_000 / recorder.elapsedS,
    errors: recorder.totals.error,
  };
}

/** User and system time so far, summed over the processes. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  const used = await Promise.all(pids.map((pid) => pidusage(pid)));
  return used.reduce((sum, { ctime }) => sum + ctime, 0);
}
