import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type BestRequest, bestSeats } from '../best-seats.ts';
import { parseShow } from '../parse-show.ts';
import { planHash } from '../plan-hash.ts';
import type { SeatingPlan } from '../seating-plan.ts';
import { leavesSingleSeat } from '../single-seats.ts';
import { generateCommand } from './generate-command.ts';
import { openShow } from './open-show.ts';
import { UsageError } from './usage-error.ts';

const smallShows = 200;
/** Together, so that the memory of small shows can be measured too. */
const measuredSeats = 50_000;
const calls = 200;
const requests: BestRequest[] = [{ count: 2 }, { count: 4 }, { count: 10 }, { count: 4, accessible: true }];
const freeShares = [1, 0.5, 0.2];

/** Measures the cost of shows on this machine: time and memory to open them, and the time of best available seats. */
export function measureCommand(args: string[]): string {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError('measure takes one show: its file or its id');
  const text = generateCommand(['--rows', '20', '--seats', '25', '--aisle-after', '12']);
  const { plan } = openShow(name);
  const small = opened(smallShows, (i) => parseShow(`show-${i}`, text, 'show').plan);
  const own = opened(Math.ceil(measuredSeats / plan.size), () => openShow(name).plan);
  const json = JSON.stringify(plan.toDocument());
  return [
    `a show of 500 seats: ${costText(small)} (mean of ${smallShows})`,
    `${name}, ${plan.size} seats: ${costText(own)}`,
    `  its plan as JSON: ${json.length} bytes, ${gzipSync(json).length} with gzip`,
    ...freeShares.flatMap((share) => bestSeatsLines(plan, share)),
    '',
  ].join('\n');
}

interface Cost {
  ms: number;
  bytes: number;
}

const costText = ({ ms, bytes }: Cost): string =>
  `opened in ${ms.toFixed(1)} ms with its hash, ${(bytes / 1024).toFixed(0)} KiB of memory`;

/** The mean of several shows: the memory of a single small one would be lost in that of the process itself. */
function opened(count: number, open: (i: number) => SeatingPlan): Cost {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const usedBytes = () => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = usedBytes();
  const startMs = performance.now();
  const shows = Array.from({ length: count }, (_, i) => {
    const plan = open(i);
    return { plan, hash: planHash(plan) };
  });
  const ms = performance.now() - startMs;
  const bytes = usedBytes() - before;
  return { ms: ms / shows.length, bytes: bytes / shows.length };
}

function bestSeatsLines(plan: SeatingPlan, freeShare: number): string[] {
  const free = new Set(plan.ids.filter(() => Math.random() < freeShare));
  const isFree = (id: string) => free.has(id);
  const heading = `  ${Math.round(freeShare * 100)} % of the seats free, by chance:`;
  const lines = requests.map((request) => {
    const times = timesOf((seed) => bestSeats(plan, isFree, request, seed));
    return `    bestSeats ${JSON.stringify(request)}: ${times}`;
  });
  const chosen = plan.ids.slice(1, 3);
  return [heading, ...lines, `    leavesSingleSeat: ${timesOf(() => leavesSingleSeat(plan, isFree, chosen))}`];
}

function timesOf(call: (seed: number) => unknown): string {
  for (let seed = 0; seed < calls; seed++) call(seed); // until it is compiled
  const times = Array.from({ length: calls }, (_, seed) => {
    const startMs = performance.now();
    call(seed);
    return performance.now() - startMs;
  }).sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * calls)] ?? 0).toFixed(2);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}
