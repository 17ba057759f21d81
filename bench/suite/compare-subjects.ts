import { median } from '../measure/median.ts';
import { measureSlice, type Slice, type Subject } from './subject.ts';

export interface Comparison {
  subjects: { name: string; median: Slice }[];
  /** Our value divided by that of each yardstick: the median over the rounds. */
  ratios: Record<string, { perSecond: number; cpuUsPerAnswer: number; p99Ms: number }>;
}

export interface RoundsOptions {
  rounds: number;
  sliceS: number;
  connections: number;
  signal: AbortSignal;
  onProgress: (doing: string) => void;
  /** Not measured: audits or discards the replies that the subject's clients got. */
  afterSlice: (subject: Subject) => Promise<unknown>;
}

/** Until V8 has compiled the hot code, after some seconds of load, a reply costs up to twice as much. These rounds do not count. */
const warmUpRounds = 3;

/** By subject, in the order of the rounds. */
export type Slices = Map<string, Slice[]>;

/** A B C, A B C, …: a disturbance of the machine affects all subjects. Adds to `slices`. */
export async function measureInTurns(subjects: Subject[], slices: Slices, options: RoundsOptions): Promise<void> {
  const { rounds, sliceS, connections, signal, onProgress, afterSlice } = options;
  for (let round = 1 - warmUpRounds; round <= rounds && !signal.aborted; round++) {
    for (const subject of subjects) {
      onProgress(round > 0 ? `${subject.name}, round ${round} of ${rounds}` : `${subject.name}, warming up`);
      const slice = await measureSlice(subject, { connections, durationS: sliceS, signal });
      if (round > 0) slices.set(subject.name, [...(slices.get(subject.name) ?? []), slice]);
      await afterSlice(subject);
    }
  }
}

/** The first subject is ours. */
export function compare(slices: Slices): Comparison {
  const [ours, ...yardsticks] = [...slices];
  const ratio = (theirs: Slice[], of: keyof Slice) =>
    median((ours?.[1] ?? []).map((slice, round) => slice[of] / (theirs[round]?.[of] ?? Number.NaN)));
  return {
    subjects: [...slices].map(([name, measured]) => ({ name, median: medianSlice(measured) })),
    ratios: Object.fromEntries(
      yardsticks.map(([name, theirs]) => [
        name,
        {
          perSecond: ratio(theirs, 'perSecond'),
          cpuUsPerAnswer: ratio(theirs, 'cpuUsPerAnswer'),
          p99Ms: ratio(theirs, 'p99Ms'),
        },
      ]),
    ),
  };
}

function medianSlice(slices: Slice[]): Slice {
  const of = (key: keyof Slice) => median(slices.map((slice) => slice[key]));
  return {
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuUsPerAnswer: of('cpuUsPerAnswer'),
    loaderCpuPercent: of('loaderCpuPercent'),
    errors: slices.reduce((sum, { errors }) => sum + errors, 0),
  };
}
