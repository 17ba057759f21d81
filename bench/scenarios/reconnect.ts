import { setTimeout as sleep } from 'node:timers/promises';
import { runFanOut } from '../sockets/fan-out-run.ts';
import { judgeFanOut } from './fanout.ts';
import type { Scenario } from './scenario.ts';

const killAfterShare = 0.3;

/** An edge is killed: how long until each of its sockets is live at another edge, with the state of Redis? */
export const reconnect: Scenario = {
  name: 'reconnect',
  summary: 'one of --edges is killed under its share of --connections sockets: until all are live again',
  defaults: { connections: 1_000, ratePerSecond: 50, holdSeconds: 30 },
  async run(context) {
    const { venue, settings, auditor, signal, onProgress } = context;
    const { own } = venue;
    if (!own || venue.edgeUrls.length < 2)
      throw new Error('reconnect kills an edge: run it without --url, and with --edges 2 or more');
    const { durationS } = settings;
    const result = await runFanOut({
      ...venue,
      truth: auditor.truth,
      client: context,
      sockets: settings.connections,
      protocol: settings.protocol,
      ratePerSecond: settings.ratePerSecond,
      durationS,
      signal,
      onProgress: (doing) => onProgress(0.2, doing),
      during: async () => {
        await sleep(durationS * killAfterShare * 1000);
        auditor.dismissWitness(0);
        onProgress(0.5, 'an edge is killed');
        await own.killEdge(0);
      },
    });
    const returned = [...result.outagesMs].sort((a, b) => a - b);
    const at = (share: number) => returned[Math.ceil(returned.length * share) - 1] ?? 0;
    // A disconnected client receives the events later, or a snapshot in their place.
    judgeFanOut(auditor.audit, { ...result, missed: 0 });
    return {
      figures: {
        cutOff: returned.length,
        outageP50Ms: at(0.5),
        outageP99Ms: at(0.99),
        outageMaxMs: at(1),
        events: result.events,
        delivered: result.delivered,
        replacedBySnapshot: result.missed,
        repeated: result.repeated,
        outOfOrder: result.outOfOrder,
        connectMs: result.connectMs,
      },
      plots: [
        {
          title: 'Sockets that are live again',
          xLabel: 'ms since they were cut off',
          yLabel: 'sockets',
          series: [{ name: 'live', points: returned.map((ms, index) => [ms, index + 1]) }],
        },
      ],
    };
  },
};
