import type { Audit } from '../audit/audit.ts';
import { countedBetween, type EdgeCounters, readEdgeCounters } from '../measure/edge-counters.ts';
import { type FanOutResult, runFanOut } from '../sockets/fan-out-run.ts';
import type { Findings, Scenario } from './scenario.ts';

/** Many browsers watch while seats change. */
export const fanout: Scenario = {
  name: 'fanout',
  summary: '--connections sockets receive --rate events per second: how late, and whether all of them',
  defaults: { ratePerSecond: 100, holdSeconds: 30, edges: 1 },
  async run({ venue, settings, recorder, log, show, newUserId, auditor, signal, onProgress }) {
    const { connections, ratePerSecond, durationS } = settings;
    let before: EdgeCounters | undefined;
    let after: EdgeCounters | undefined;
    const result = await runFanOut({
      ...venue,
      truth: auditor.truth,
      client: { recorder, log, show, newUserId },
      sockets: connections,
      protocol: settings.protocol,
      ratePerSecond,
      durationS,
      signal,
      onProgress: (doing) => onProgress(before ? 0.5 : 0.1, doing),
      onBegin: async () => {
        before = await readEdgeCounters(venue.edgeUrls);
      },
      onEnd: async () => {
        after = await readEdgeCounters(venue.edgeUrls);
      },
    });
    judgeFanOut(auditor.audit, result);
    return fanOutFindings(result, durationS, before && after && countedBetween(before, after));
  },
};

/** Reports missing, repeated and wrong messages of the sockets as problems of their views. */
export function judgeFanOut(audit: Audit, result: FanOutResult): void {
  audit.viewsChecked(result.received);
  const { missed, repeated, outOfOrder, different, lost, wrong, isComplete } = result;
  for (const [name, count] of Object.entries({ missed, repeated, outOfOrder, different, lost, wrong })) {
    // A client that reads too slowly receives a snapshot in place of the updates that it contains.
    if (count > 0 && !(name === 'missed' && result.resyncs > 0))
      audit.viewProblem(`${count} events or states ${name}, over all sockets`);
  }
  if (!isComplete) audit.viewProblem('Not every socket reached the last seq of the venue');
}

function fanOutFindings(result: FanOutResult, durationS: number, edges: EdgeCounters | undefined): Findings {
  const { fromSent, fromCommitted, delivered, events, closeCodes } = result;
  return {
    figures: {
      ...(fromSent && {
        receiptP50Ms: fromSent.p50Ms,
        receiptP99Ms: fromSent.p99Ms,
        receiptMaxMs: fromSent.maxMs,
      }),
      ...(fromCommitted && {
        committedToReceiptP50Ms: fromCommitted.p50Ms,
        committedToReceiptP99Ms: fromCommitted.p99Ms,
        committedToReceiptMaxMs: fromCommitted.maxMs,
      }),
      events,
      delivered,
      behindMs: result.behindMs,
      missed: result.missed,
      repeated: result.repeated,
      outOfOrder: result.outOfOrder,
      resyncs: result.resyncs,
      receivedBytes: result.bytes,
      connectMs: result.connectMs,
      sendLateP99Ms: result.sendLateP99Ms,
      skipped: result.skipped,
      ...(edges && {
        slowClients: edges.slow,
        closedByEdge: edges.terminated,
        edgeCpuMsPerS: edges.cpuMs / (durationS + result.behindMs / 1000),
        edgeCpuUsPerDelivery: (edges.cpuMs * 1000) / Math.max(1, delivered),
      }),
    },
    tables:
      Object.keys(closeCodes).length > 0
        ? [{ title: 'Closed by the edge', columns: ['code', 'sockets'], rows: Object.entries(closeCodes) }]
        : [],
    plots: [
      {
        title: 'From a click to every screen',
        xLabel: 'share of receipts',
        yLabel: 'ms',
        isLogY: true,
        xScale: 'percentile',
        series: [fromSent, fromCommitted].flatMap((each) => (each ? [{ name: each.kind, points: each.curve }] : [])),
      },
    ],
  };
}
