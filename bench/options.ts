import { parseArgs } from 'node:util';
import { parseThreshold, type Threshold } from './report/threshold.ts';
import type { LoadSettings } from './scenarios/scenario.ts';
import { scenarios } from './scenarios/scenarios.ts';

export interface LoadOptions {
  scenario: string;
  settings: Partial<LoadSettings>;
  /** Of a running system; without it one is started. */
  url: string | undefined;
  edgeUrls: string[];
  redisUrl: string | undefined;
  jsonFile: string | undefined;
  htmlFile: string | undefined;
  compareFile: string | undefined;
  thresholds: Threshold[];
}

export class UsageError extends Error {
  override name = 'UsageError';
}

const numbers = {
  connections: { key: 'connections', help: 'HTTP connections, or sockets (100)' },
  duration: { key: 'durationS', help: 'seconds (10)' },
  rate: { key: 'ratePerSecond', help: 'events per second; of rush: the first step' },
  seats: { key: 'seats', help: 'contend: how many seats everyone wants (1)' },
  rows: { key: 'rows', help: 'of the venue that is started' },
  cols: { key: 'cols', help: '' },
  hold: { key: 'holdSeconds', help: 'seconds that a hold lasts there (2)' },
  bookings: { key: 'bookings', help: 'booking processes to start (1)' },
  edges: { key: 'edges', help: 'edges to start (2)' },
} as const satisfies Record<string, { key: keyof LoadSettings; help: string }>;

export function usage(): string {
  const line = (left: string, right: string) => `  ${left.padEnd(26)} ${right}`.trimEnd();
  return [
    'npm run load -- <scenario> [options]',
    '',
    ...scenarios.map(({ name, summary }) => line(name, summary)),
    '',
    ...Object.entries(numbers).map(([name, { help }]) => line(`--${name} N`, help)),
    line('--url http://…', 'load a running system, as it is; else one is started on free ports'),
    line('--edge http://…', 'its edges, where /ws is not at --url (may be repeated)'),
    line('--redis redis://…', 'its Redis, for the audit; else the audit asks over HTTP'),
    line('--threshold "p99Ms<20"', 'a figure and its bound; missed: exit code 3 (may be repeated)'),
    line('--json f, --html f', 'write the report to a file'),
    line('--compare base.json', 'show an earlier report beside this one'),
    '',
    'Exit codes: 0 all is well, 1 it could not be run, 2 the audit found a violation, 3 a threshold was missed.',
  ].join('\n');
}

/** Throws a `UsageError` that says what is wrong. Undefined: help was asked for. */
export function readOptions(args: string[]): LoadOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [scenario, ...rest] = positionals;
  if (!scenario || rest.length > 0) throw new UsageError('Name one scenario');
  if (!scenarios.some(({ name }) => name === scenario)) throw new UsageError(`There is no scenario "${scenario}"`);
  return {
    scenario,
    settings: readNumbers(values),
    url: values.url,
    edgeUrls: values.edge ?? [],
    redisUrl: values.redis,
    jsonFile: values.json,
    htmlFile: values.html,
    compareFile: values.compare,
    thresholds: (values.threshold ?? []).map(parseThreshold),
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...(Object.fromEntries(Object.keys(numbers).map((name) => [name, text])) as Record<
          keyof typeof numbers,
          typeof text
        >),
        url: text,
        edge: { type: 'string', multiple: true },
        redis: text,
        json: text,
        html: text,
        compare: text,
        threshold: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readNumbers(values: Record<string, unknown>): Partial<LoadSettings> {
  const settings: Partial<LoadSettings> = {};
  for (const [name, { key }] of Object.entries(numbers)) {
    const text = values[name];
    if (text === undefined) continue;
    const value = Number(text);
    if (!(value > 0) || !Number.isFinite(value)) throw new UsageError(`--${name} must be a number above 0`);
    settings[key] = value;
  }
  return settings;
}
