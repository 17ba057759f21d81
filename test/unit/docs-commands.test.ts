import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readOptions } from '../../bench/options.ts';
import { configuredRules, venueSettings } from '../../src/booking/venue-settings.ts';
import { launchSettingNames, loadLaunchConfig } from '../../src/launch/launch-config.ts';
import { loadBookingConfig } from '../../src/process/config.ts';
import { testAccess } from '../integration/booking-fixture.ts';
import {
  commandsIn,
  documentedCommands,
  documents,
  isForRunningSystem,
  isStartByHand,
} from '../support/documented-commands.ts';
import { type OneShow, oneShow } from '../support/one-show.ts';

interface Runner {
  /** The commands that this file runs. */
  runs: RegExp | ((command: string) => boolean);
  file: string;
  /** The part of the file that shows this. */
  essential: string;
}

const launch = (name: string) => `test/integration/launch${name}.test.ts`;

const runners: Runner[] = [
  { runs: /^npm (?:cit|ci|test)$/, file: '.ci/run', essential: '\nnpm cit\n' },
  { runs: /^npm run check$/, file: 'package.json', essential: '"pretest": "npm run check && ' },
  { runs: /^npm ci && npm run build$/, file: 'package.json', essential: ' && npm run build && ' },
  { runs: /^npm run dev$/, file: 'test/integration/dev.test.ts', essential: "['run', 'dev']" },
  {
    runs: /^npm run events$/,
    file: launch('-documented-commands'),
    essential: 'npm run events, with this data folder',
  },
  { runs: /^npm run orders -- /, file: 'test/integration/orders-tool.test.ts', essential: "'dist/orders/main.js'" },
  { runs: /^npm run load -- /, file: 'test/bench/load.test.ts', essential: "['dist/bench/main.js', ...args]" },
  { runs: /^npm run (?:-s )?shows -- /, file: 'test/shows/shows-tool.test.ts', essential: 'documentedCommands()' },
  { runs: /^\.\/start\.sh$/, file: launch('-script'), essential: 'start.sh' },
  { runs: /^BOOKING_PORTS=\S+ \.\/start\.sh$/, file: launch(''), essential: 'BOOKING_PORTS: ' },
  { runs: /^REDIS_URL=\S+ \.\/start\.sh$/, file: launch('-given-servers'), essential: 'REDIS_URL: ' },
  {
    runs: /^TLS_CERT=self-made \.\/start\.sh$/,
    file: 'test/integration/tls.test.ts',
    essential: "TLS_CERT: 'self-made'",
  },
  { runs: /^SERVERS=embedded \.\/start\.sh$/, file: launch(''), essential: "SERVERS: 'embedded'" },
  { runs: /^npm ci && npm run compose-secrets$/, file: launch('-compose'), essential: 'writeComposeSecrets(' },
  {
    runs: /^docker-compose -f docker-compose\.yml -f docker-compose\.ha\.yml up --build$/,
    file: 'test/integration/launch-compose-ha.test.ts',
    essential: "'docker-compose.ha.yml'",
  },
  {
    runs: /^kubectl (?:apply|-n concert-booking) /,
    file: 'test/integration/deploy-kubernetes.test.ts',
    essential: "'docs/deploy.md'",
  },
  { runs: /^docker-compose (?:up --build|exec .*)$/, file: launch('-compose'), essential: "'docker-compose'" },
  { runs: isStartByHand, file: launch('-by-hand'), essential: 'isStartByHand' },
  { runs: isForRunningSystem, file: launch('-documented-commands'), essential: 'isForRunningSystem' },
  { runs: /FUZZ_\w+=.* npx vitest run test\/fuzz$/, file: 'test/fuzz/fuzz.test.ts', essential: 'FUZZ_MESSAGES' },
  { runs: /npx vitest run test\/integration\/hoarding/, file: 'test/integration/hoarding.test.ts', essential: 'test(' },
  { runs: /npx vitest run test\/abuse$/, file: 'test/abuse/abuse.test.ts', essential: 'ABUSE_ATTACKS' },
];

/** No test can run these: they run the tests themselves, for minutes or hours, or need an account of a cloud. */
const notRun = [/^npm run proof -- --minutes \d+ --seed \d+$/, /^npm run mutate$/];
const inCloud = /^(?:gcloud|docker (?:build|push)) /;

const isRunBy = ({ runs }: Runner, command: string): boolean =>
  runs instanceof RegExp ? runs.test(command) : runs(command);

const commands = documentedCommands();
const matching = (pattern: RegExp): string[] =>
  commands.map(({ command }) => command).filter((command) => pattern.test(command));
const scripts: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;

/** The faults of the table for these commands. */
function faultsOf(table: readonly Runner[], given: readonly string[]): string[] {
  const unknown = given.filter((command) => ![...notRun, inCloud].some((pattern) => pattern.test(command)));
  return [
    ...unknown.flatMap((command) => {
      const count = table.filter((runner) => isRunBy(runner, command)).length;
      return count === 1 ? [] : [`${count} runners of ${command}`];
    }),
    ...table.flatMap((runner) => {
      const isUsed = given.some((command) => isRunBy(runner, command));
      const isRun = existsSync(runner.file) && readFileSync(runner.file, 'utf8').includes(runner.essential);
      return [
        ...(isUsed ? [] : [`no document has the command of ${runner.file}: ${runner.runs}`]),
        ...(isRun ? [] : [`${runner.file} does not contain ${runner.essential}`]),
      ];
    }),
  ];
}

describe('[R490] each command in the documents is run by a test', () => {
  const given = commands.map(({ command }) => command);

  test('which the table names', () => {
    expect(given.length).toBeGreaterThan(50);
    expect(faultsOf(runners, given)).toEqual([]);
    for (const pattern of notRun) expect(matching(pattern), String(pattern)).toHaveLength(1);
  });

  test('a new command, an outdated row and a file without the command are faults', () => {
    const row: Runner = { runs: /^true$/, file: 'package.json', essential: 'no such text' };
    expect(faultsOf(runners, [...given, 'npm run nothing'])).toEqual(['0 runners of npm run nothing']);
    expect(faultsOf([...runners, row], given)).toEqual([
      'no document has the command of package.json: /^true$/',
      'package.json does not contain no such text',
    ]);
  });

  test('comments are no commands, and a loop is one', () => {
    const block = ['```sh', './start.sh   # starts', '# only a comment', 'for i in 1 2; do', '  echo $i; done', '```'];
    expect(commandsIn(`${block.join('\n')}\n`)).toEqual(['./start.sh', 'for i in 1 2; do\n  echo $i; done']);
  });
});

describe('[R491] everything that a command in the documents names exists', () => {
  test('each npm script, also outside of shell blocks', () => {
    for (const document of [...documents, 'CHANGELOG.md']) {
      for (const [, name = ''] of readFileSync(document, 'utf8').matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)) {
        expect(scripts, `npm run ${name} in ${document}`).toHaveProperty([name]);
      }
    }
  });

  test('each file and folder of tests', () => {
    const paths = matching(/npx vitest run/).map((command) => / run (\S+)$/.exec(command)?.[1] ?? '');
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) expect(existsSync(path), path).toBe(true);
  });

  test.each(matching(/^npm run load -- /))('the scenario and the options of %s', (command) => {
    expect(readOptions(command.split(' ').slice(4))?.scenario.name).toBe(command.split(' ')[4]);
  });

  test('each setting in front of a command, or exported', () => {
    const foreign = ['NODE_OPTIONS', 'REDISCLI_AUTH'];
    const documented = readFileSync('docs/configuration.md', 'utf8');
    const given = commands.flatMap(({ command }) => [...command.matchAll(/(?:^|\s)([A-Z][A-Z_]+)=/g)]);
    const names = new Set(given.flatMap(([, name = '']) => (foreign.includes(name) ? [] : name)));
    expect(names.size).toBeGreaterThan(5);
    for (const name of names) {
      const [, suite] = /^(FUZZ|ABUSE)_/.exec(name) ?? [];
      const text = suite ? sourceOf(suite.toLowerCase()) : documented;
      expect(text, name).toContain(suite ? `process.env.${name}` : `\`${name}\``);
      if (!suite) expect([...launchSettingNames, 'PORT'], name).toContain(name);
    }
  });

  test('each default of a variable, and each port, is that of ./start.sh', async () => {
    const config = await loadLaunchConfig({ HTTP_PORT: '8000' });
    const defaults: Record<string, string> = {
      BOOKING_PORT: String(config.bookingPorts[0]),
      REDIS_PORT: String(config.redis.port),
      NATS_MONITORING: String(config.nats.monitorPort),
      DATA_DIR: '.data',
    };
    const text = commands.map(({ command }) => command).join('\n');
    const variables = [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)];
    expect(variables.length).toBeGreaterThan(5);
    for (const [, name = '', value] of variables) expect(value, name).toBe(defaults[name]);
    const { bookingPorts, edgePorts, nats } = config;
    const ports = new Set([...bookingPorts, 8081, ...edgePorts, nats.port, nats.monitorPort].map(String));
    const given = [...text.matchAll(/(?:localhost[: ]|127\.0\.0\.1:|^PORT=|BOOKING_PORTS=|,| -m )(\d{2,5})\b/gm)];
    expect(given.length).toBeGreaterThan(8);
    for (const [found, port] of given) expect(ports, found).toContain(port);
  });

  test('each service of docker-compose, and the file that runs in it', () => {
    const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
    const exec = matching(/^docker-compose exec/);
    expect(exec.length).toBeGreaterThan(3);
    for (const command of exec) {
      const [, service = '', file] = /^docker-compose exec (\S+) (?:node dist\/(\S+)\.js)?/.exec(command) ?? [];
      expect(services, command).toHaveProperty([service]);
      if (file) expect(existsSync(join('src', `${file}.ts`)), command).toBe(true);
    }
  });

  test('the tests of a command read each variable that it sets', () => {
    const proof = readFileSync('test/proof.mjs', 'utf8');
    const tests = ['simulation', 'faults', 'contract'].map(sourceOf).join('\n');
    const names = [...proof.matchAll(/^ {2}([A-Z]+_[A-Z]+): /gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(tests).toMatch(new RegExp(`\\b${name}\\b`));
    const paths = [...proof.matchAll(/'(test\/[\w/-]+)'/g)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) expect(existsSync(path) || existsSync(`${path}.test.ts`), path).toBe(true);
    const [, stryker = ''] = /stryker run (\S+)/.exec(scripts.mutate ?? '') ?? [];
    const { vitest, mutate } = JSON.parse(readFileSync(stryker, 'utf8'));
    expect(existsSync(vitest.configFile)).toBe(true);
    for (const path of mutate) expect(existsSync(path.replace(/^!|\/\*\*.*$/g, '')), path).toBe(true);
  });
});

describe('[R491] each path of a command of curl or autocannon is a route', () => {
  let booking: OneShow;
  beforeAll(async () => {
    const config = loadBookingConfig({});
    const venue = { ...venueSettings(config), ...configuredRules(config) };
    booking = await oneShow({ venue, access: testAccess() });
    await booking.app.ready();
  });
  afterAll(() => booking.app.close());

  test('of a booking process', () => {
    const paths = documentedCommands().flatMap(({ command }) =>
      [
        ...command.matchAll(
          /(-X POST )?(?:http:\/\/)?(?:localhost|127\.0\.0\.1):(?:8080|\$\{BOOKING_PORT:-8080\})(\/[^\s"]*)/g,
        ),
      ].map(([, post, url = '']) => ({ method: post ? 'POST' : 'GET', url })),
    );
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) {
      expect(booking.app.hasRoute({ method: path.method === 'POST' ? 'POST' : 'GET', url: path.url }), path.url).toBe(
        true,
      );
    }
  });
});

test('[R494] each relative link in the documents leads to a file', () => {
  const decisions = readdirSync('docs/decisions').map((name) => `docs/decisions/${name}`);
  const links = [...documents, ...decisions, 'CHANGELOG.md', 'SECURITY.md'].flatMap((document) =>
    [...readFileSync(document, 'utf8').matchAll(/\]\((?!\w+:)([^)#\s]+)/g)].map(([, path = '']) => ({
      document,
      path,
    })),
  );
  expect(links.length).toBeGreaterThan(50);
  const broken = links.filter(({ document, path }) => !existsSync(join(dirname(document), path)));
  expect(broken).toEqual([]);
});

/** All tests of a folder. */
function sourceOf(folder: string): string {
  return readdirSync(join('test', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join('test', folder, name), 'utf8'))
    .join('\n');
}
