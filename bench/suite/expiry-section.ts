import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { plannedSeats } from '../audit/venue-truth.ts';
import { CommandSender } from '../http/command-sender.ts';
import { Recorder } from '../measure/recorder.ts';
import { startOwnVenue } from '../venue/own-venue.ts';
import { numbered } from './http-sections.ts';
import { atMost, problemsOf, type Section, type SuiteContext } from './section.ts';

const targetP99Ms = 100;
const selectedAtOnce = 200;

interface Expiry {
  seats: number;
  heldAtOnce: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Every seat is held and none is booked: how late do the holds end? */
export async function expirySection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const violations: string[] = [];
  const measured: Expiry[] = [];
  const venues = [
    { rows: 10, cols: 10, holdSeconds: 2 },
    { rows: 100, cols: 100, holdSeconds: 15 },
  ];
  for (const venue of isQuick ? venues.slice(0, 1) : venues) {
    if (signal.aborted) break;
    onProgress(`expiry: ${venue.rows * venue.cols} holds`);
    measured.push(await measureExpiry(venue, violations));
  }
  return {
    name: 'expiry',
    tables: [
      {
        title: 'From the end of a hold to its release in the log',
        columns: ['seats', 'held at once', 'p50 (ms)', 'p99 (ms)', 'max (ms)'],
        rows: measured.map(({ seats, heldAtOnce, p50Ms, p99Ms, maxMs }) => [seats, heldAtOnce, p50Ms, p99Ms, maxMs]),
      },
    ],
    targets: measured.map(({ seats, p99Ms }) => atMost(`expiry of ${seats} holds: p99 (ms)`, targetP99Ms, p99Ms)),
    violations,
  };
}

async function measureExpiry(
  { rows, cols, holdSeconds }: { rows: number; cols: number; holdSeconds: number },
  violations: string[],
): Promise<Expiry> {
  const venue = await startOwnVenue({ bookings: 1, edges: 1, rows, cols, holdSeconds });
  try {
    const log = new ClientLog();
    const auditor = await Auditor.begin(venue, log, (userId) => userId.startsWith('load-expiry-'));
    const newUserId = numbered('load-expiry-');
    const sender = new CommandSender(venue.apiUrls, { recorder: new Recorder(), log, show: venue.show, newUserId });
    const waiting = plannedSeats(await auditor.truth.record()).map(({ id }) => id);
    const select = async () => {
      for (let seatId = waiting.pop(); seatId !== undefined; seatId = waiting.pop()) {
        await sender.send({ action: 'select', seatIds: [seatId], userId: newUserId() }, performance.now());
      }
    };
    await Promise.all(Array.from({ length: selectedAtOnce }, select));
    const { seats } = await auditor.truth.record();
    const heldAtOnce = [...seats.values()].filter(({ status }) => status === 1).length;
    await sender.close();
    const verdict = await auditor.finish();
    violations.push(...problemsOf(verdict));
    const sorted = [...verdict.expiryLatenessMs].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
    return { seats: rows * cols, heldAtOnce, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  } finally {
    await venue.stop();
  }
}
