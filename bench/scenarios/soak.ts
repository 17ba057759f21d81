import { type FanOutResult, runFanOut } from '../sockets/fan-out-run.ts';
import { judgeFanOut } from './fanout.ts';
import type { Scenario } from './scenario.ts';

const segmentS = 60;

/** A run of hours: does memory grow, do events slow down? All sockets reconnect once a minute. */
export const soak: Scenario = {
  name: 'soak',
  summary: 'sockets and --rate events per second for --duration: does memory or latency grow?',
  defaults: { durationS: 600, ratePerSecond: 200, holdSeconds: 30, edges: 1 },
  async run(context) {
    const { venue, settings, auditor, signal, onProgress } = context;
    const segments: FanOutResult[] = [];
    const startedAtMs = performance.now();
    const elapsedS = () => (performance.now() - startedAtMs) / 1000;
    while (elapsedS() < settings.durationS && !signal.aborted) {
      const result = await runFanOut({
        ...venue,
        truth: auditor.truth,
        client: context,
        sockets: settings.connections,
        protocol: settings.protocol,
        ratePerSecond: settings.ratePerSecond,
        durationS: Math.min(segmentS, Math.max(1, settings.durationS - elapsedS())),
        signal,
        onProgress: (doing) => onProgress(Math.min(0.99, elapsedS() / settings.durationS), doing),
      });
      judgeFanOut(auditor.audit, result);
      segments.push(result);
    }
    const p99s = segments.map(({ fromSent }) => fromSent?.p99Ms ?? 0);
    const sum = (of: 'events' | 'delivered' | 'missed') => segments.reduce((total, segment) => total + segment[of], 0);
    return {
      figures: {
        events: sum('events'),
        delivered: sum('delivered'),
        missed: sum('missed'),
        firstReceiptP99Ms: p99s[0] ?? 0,
        lastReceiptP99Ms: p99s.at(-1) ?? 0,
        worstReceiptP99Ms: Math.max(0, ...p99s),
      },
      plots: [
        {
          title: 'From a click to every screen, minute by minute',
          xLabel: 'minute',
          yLabel: 'ms',
          series: [
            { name: 'p50', points: segments.map(({ fromSent }, index) => [index + 1, fromSent?.p50Ms ?? 0]) },
            { name: 'p99', points: p99s.map((ms, index) => [index + 1, ms]) },
          ],
        },
      ],
    };
  },
};
