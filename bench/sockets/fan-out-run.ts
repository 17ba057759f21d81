import { plannedSeats, type VenueTruth } from '../audit/venue-truth.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { EventMaker } from '../clients/event-maker.ts';
import type { CrowdOptions, CrowdResult, Stamp } from './crowd.ts';
import { CrowdClient } from './crowd-client.ts';

const connectTimeoutMs = 60_000;
const arrivalTimeoutMs = 20_000;
/** Each recorded arrival takes 8 bytes. */
const maxArrivals = 200_000_000;

export interface FanOutOptions extends Pick<CrowdOptions, 'protocol' | 'startsAtFirst' | 'tokens'> {
  apiUrls: string[];
  edgeUrls: string[];
  truth: VenueTruth;
  client: ClientContext;
  sockets: number;
  /** Events. */
  ratePerSecond: number;
  /** Default 1. */
  seatsPerCommand?: number | undefined;
  durationS: number;
  signal: AbortSignal;
  onProgress: (doing: string) => void;
  /** Called when all sockets are connected and the events begin, and when the events end. */
  onBegin?: () => Promise<void>;
  onEnd?: () => Promise<void>;
  /** Runs during the events. */
  during?: () => Promise<void>;
}

export interface FanOutResult extends CrowdResult {
  events: number;
  /** Receipts of these events, summed over all sockets. */
  delivered: number;
  /** From the last event until every socket has received it. */
  behindMs: number;
  connectMs: number;
  /** True if every socket reached the last seq of the venue. */
  isComplete: boolean;
  sendLateP99Ms: number;
  skipped: number;
}

/** Connects sockets, changes the venue, and records which events each socket receives, and when. */
export async function runFanOut(options: FanOutOptions): Promise<FanOutResult> {
  const { apiUrls, edgeUrls, truth, client, sockets, protocol, ratePerSecond, durationS, signal, onProgress } = options;
  const seatIds = plannedSeats(await truth.record()).map(({ id }) => id);
  const capacity = Math.ceil(ratePerSecond * durationS * 1.1) + seatIds.length + 100;
  if (capacity * sockets > maxArrivals) {
    throw new RangeError(
      `${sockets} sockets × ${capacity} events do not fit into memory: use a shorter --duration, a lower --rate or fewer --connections`,
    );
  }
  const crowd = new CrowdClient();
  const maker = new EventMaker({ apiUrls, seatIds, seatsPerCommand: options.seatsPerCommand, context: client });
  try {
    onProgress(`connecting ${sockets} sockets`);
    const connectingAtMs = performance.now();
    await crowd.request('connect', {
      urls: edgeUrls,
      venue: client.show.id,
      protocol,
      ...(options.startsAtFirst && { startsAtFirst: true }),
      ...(options.tokens && { tokens: options.tokens }),
      count: sockets,
      timeoutMs: connectTimeoutMs,
    });
    const connectMs = performance.now() - connectingAtMs;
    const before = await truth.record();
    // An earlier event may still be in flight.
    await crowd.request('reach', { seq: before.seq, timeoutMs: arrivalTimeoutMs });
    await crowd.request('begin', { seq: before.seq, capacity });
    await options.onBegin?.();
    onProgress(`${ratePerSecond} events/s to ${sockets} sockets`);
    const [{ sendLateP99Ms, skipped }] = await Promise.all([
      maker.run(ratePerSecond, durationS, signal),
      options.during?.(),
    ]);
    const { seq: untilSeq } = await truth.record();
    const endedAtMs = performance.now();
    await crowd.request('reach', { seq: untilSeq, timeoutMs: arrivalTimeoutMs });
    const behindMs = performance.now() - endedAtMs;
    await crowd.request('end', undefined);
    await options.onEnd?.();
    await maker.close();
    const last = await truth.record();
    const { seq: lastSeq } = last;
    const isComplete = await crowd.request('reach', { seq: lastSeq, timeoutMs: arrivalTimeoutMs });
    const statuses = plannedSeats(last)
      .map(({ status }) => status)
      .join('');
    const stamps = (await truth.eventsAfter(before)).flatMap(({ seq, timestamp }): Stamp[] =>
      seq > untilSeq ? [] : [[seq, maker.sentAtMs.get(seq) ?? 0, Date.parse(timestamp)]],
    );
    const result = await crowd.request('result', { untilSeq, stamps, statuses });
    const delivered = stamps.length * sockets - result.missed;
    return { ...result, events: stamps.length, delivered, behindMs, connectMs, isComplete, sendLateP99Ms, skipped };
  } finally {
    crowd.close();
  }
}
