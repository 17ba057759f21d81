import { sampleKinds } from './samples.ts';
import type { Measured, Round } from './siege.ts';

const allowedFactor = 3;
/**
 * A p99 below this is good, whatever the baseline. A measurement (ABUSE_FLOOR_MS=150) is strict: a reply within 150 ms feels immediate. Where other
 * tests share the cores, pauses are longer; the attacks without a defence cost others 1,000 to 5,000 ms, or failed requests.
 */
const floorMs = Number(process.env.ABUSE_FLOOR_MS ?? 1_000);
/** As much as one line of log for each request of a busy day: rotated logs then reach hours back. */
const maxLogBytesPerSecond = 64 * 1024;
/** The young generation of our Node processes may grow to 3 × 64 MB; without a bound it was as much again within seconds. */
const maxGrownMegabytes = (process: string): number => (/^(booking|edge)/.test(process) ? 200 : 100);

/**
 * The harm of the attack to others, by its kind: a real attack does it in every round, a pause of the machine or the start of a flood only in one.
 * Without `before` every latency beyond the floor counts.
 */
export function harmOf(round: Round, before?: Measured): Map<string, string> {
  const { during, logBytesPerSecond, grownMegabytes, forgedEvents } = round;
  const harm = new Map<string, string>();
  for (const kind of sampleKinds) {
    const boundMs = Math.max(allowedFactor * (before?.p99[kind] ?? 0), floorMs);
    if (during.p99[kind] > boundMs)
      harm.set(kind, `p99 of ${kind}: ${during.p99[kind].toFixed()} ms, bound ${boundMs.toFixed()}`);
  }
  const { failures } = during;
  if (failures.length > 0) harm.set('failures', `${failures.length}: ${[...new Set(failures)].slice(0, 3).join('; ')}`);
  if (logBytesPerSecond > maxLogBytesPerSecond) harm.set('logs', `grow by ${kib(logBytesPerSecond)} KiB/s`);
  for (const [name, megabytes] of Object.entries(grownMegabytes)) {
    if (megabytes > maxGrownMegabytes(name)) harm.set('memory', `${name} grew by ${megabytes.toFixed()} MB`);
  }
  if (forgedEvents > 0) harm.set('events', `${forgedEvents} forged ones on NATS`);
  return harm;
}

export function describeRound(round: Round, before?: Measured): string {
  const { during, outcome, logBytesPerSecond, grownMegabytes } = round;
  const fromTo = (figure: (measured: Measured) => string) =>
    before ? `${figure(before)} → ${figure(during)}` : figure(during);
  const p99s = sampleKinds.map((kind) => `${kind} ${fromTo((measured) => measured.p99[kind].toFixed())}`);
  const [grown] = Object.entries(grownMegabytes).sort(([, a], [, b]) => b - a);
  return [
    `p99 in ms: ${p99s.join(', ')}`,
    `failures ${fromTo(({ failures }) => String(failures.length))}`,
    `${fromTo(({ cores }) => cores.toFixed(2))} cores`,
    `log ${kib(logBytesPerSecond)} KiB/s`,
    `${grown?.[0]} +${grown?.[1].toFixed()} MB`,
    `in ${during.seconds.toFixed(1)} s ${JSON.stringify(outcome)}`,
  ].join('; ');
}

const kib = (bytes: number): string => (bytes / 1_024).toFixed();
