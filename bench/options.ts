import { parseArgs } from 'node:util';
import { Compile } from 'typebox/compile';
import { messageOf } from '../src/process/error-facts.ts';
import { ShowId } from '../src/protocol/show.ts';
import { parseThreshold, type Threshold } from './report/threshold.ts';
import type { LoadSettings, Scenario } from './scenarios/scenario.ts';
import { scenarios } from './scenarios/scenarios.ts';

export interface LoadOptions {
  scenario: Scenario;
  settings: Partial<LoadSettings>;
  /** Of a running system; default: the run starts one. */
  url: string | undefined;
  edgeUrls: string[];
  redisUrl: string | undefined;
  databaseUrl: string | undefined;
  jsonFile: string | undefined;
  htmlFile: string | undefined;
  compareFile: string | undefined;
  thresholds: Threshold[];
}

export class UsageError extends Error {
  override name = 'UsageError';
}

const isShowId = Compile(ShowId);

type NumberSetting = {
  [Key in keyof LoadSettings]-?: LoadSettings[Key] extends number ? Key : never;
}[keyof LoadSettings];

const numbers = {
  connections: { key: 'connections', help: 'HTTP connections, or sockets (100)' },
  duration: { key: 'durationS', help: 'seconds (10)' },
  rate: { key: 'ratePerSecond', help: 'events per second; rush: users per second of the first step' },
  seats: { key: 'seats', help: 'contend: the number of seats that everyone wants (1)' },
  rows: { key: 'rows', help: 'rows of the default show of the system to start' },
  cols: { key: 'cols', help: 'seats per row' },
  hold: { key: 'holdSeconds', help: 'length of a hold there, in seconds (2)' },
  bookings: { key: 'bookings', help: 'booking processes to start (1)' },
  edges: { key: 'edges', help: 'edges to start (2)' },
} as const satisfies Record<string, { key: NumberSetting; help: string }>;

export function usage(): string {
  const line = (left: string, right: string) => `  ${left.padEnd(26)} ${right}`.trimEnd();
  return [
    'npm run load -- <scenario> [options]',
    '',
    ...scenarios.map(({ name, summary }) => line(name, summary)),
    '',
    ...Object.entries(numbers).map(([name, { help }]) => line(`--${name} N`, help)),
    line('--show ID', 'the show to load and audit; default: the default show'),
    line('--protocol v1|v2', 'what the sockets of fanout, reconnect and soak speak: every event, or paced states (v1)'),
    line('--best', 'groups: waves of --connections users who ask for the best 2 to 4 seats at once'),
    line('--url http://…', 'load a running system; default: start one on free ports'),
    line('--edge http://…', 'its edges, if --url does not serve /ws (may be repeated)'),
    line('--redis redis://…', 'its Redis, for the audit; default: the audit reads over HTTP'),
    line('--database postgres://…', 'its ledger, for the audit of checkout'),
    line('--threshold "p99Ms<20"', 'a bound of a figure; exit code 3 if it is missed (may be repeated)'),
    line('--json f, --html f', 'write the report to a file'),
    line('--compare base.json', 'compare with an earlier report: rates, marked better or worse'),
    '',
    'Exit codes: 0 passed, 1 could not be run or audited, 2 the audit found a violation, 3 a threshold was missed.',
  ].join('\n');
}

/** Throws a `UsageError` with the reason. Undefined: `--help`. */
export function readOptions(args: string[]): LoadOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [name, ...rest] = positionals;
  if (!name || rest.length > 0) throw new UsageError('Name one scenario');
  const scenario = scenarios.find((each) => each.name === name);
  if (!scenario) throw new UsageError(`There is no scenario "${name}"`);
  return {
    scenario,
    settings: readSettings(values, scenario),
    url: values.url,
    edgeUrls: values.edge ?? [],
    redisUrl: values.redis,
    databaseUrl: values.database,
    jsonFile: values.json,
    htmlFile: values.html,
    compareFile: values.compare,
    thresholds: [...(values.best ? (scenario.best?.thresholds ?? []) : []), ...(values.threshold ?? [])].map(
      parseThreshold,
    ),
  };
}

/** The command line of a report: as typed, without the passwords of URLs. */
export function commandLine(args: readonly string[]): string {
  const words = args.map((arg) => {
    const shown = arg.replace(/^((?:--[\w-]+=)?[\w+.-]+:\/\/[^/@\s]*?):[^/@\s]*@/, '$1:***@');
    return /^[\w@%+=:,./*-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
  });
  return ['npm run load --', ...words].join(' ');
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const numberOptions: Record<string, typeof text> = Object.fromEntries(
    Object.keys(numbers).map((name) => [name, text] as const),
  );
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...numberOptions,
        show: text,
        best: { type: 'boolean' },
        protocol: text,
        url: text,
        edge: { type: 'string', multiple: true },
        redis: text,
        database: text,
        json: text,
        html: text,
        compare: text,
        threshold: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function readSettings(
  values: { show?: string; best?: boolean; protocol?: string } & Record<string, unknown>,
  { name, best }: Scenario,
): Partial<LoadSettings> {
  const { show, best: isBest = false, protocol } = values;
  if (protocol !== undefined && protocol !== 'v1' && protocol !== 'v2')
    throw new UsageError('--protocol must be v1 or v2');
  if (show !== undefined && !isShowId.Check(show)) throw new UsageError('--show must be the id of a show');
  if (isBest && !best) throw new UsageError(`${name} has no --best`);
  return {
    ...(isBest && { isBest, ...best?.defaults }),
    ...(show !== undefined && { show }),
    ...(protocol !== undefined && { protocol }),
    ...readNumbers(values),
  };
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
