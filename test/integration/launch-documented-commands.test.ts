import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { documentedCommands, documents, isForRunningSystem } from '../support/documented-commands.ts';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

const run = promisify(execFile);
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, as in the document
const prompt = "redis-cli --user viewer --pass '' --no-auth-warning -p ${REDIS_PORT:-6379}";

/** The commands of a document for a running system: in its shell blocks, and those of redis-cli or curl in backquotes. */
const commandsOf = (document: string): string[] => [
  ...documentedCommands().flatMap((each) =>
    each.document === document && isForRunningSystem(each.command) ? each.command : [],
  ),
  ...[...readFileSync(document, 'utf8').matchAll(/`((?:redis-cli |curl (?=.*\$\{))[^`]+)`/g)]
    .map(([, command = '']) => command)
    // Those for a node of a cluster are run by redis-topologies.test.ts.
    .filter((command) => command !== prompt && !command.startsWith('redis-cli -p 7000 ')),
];

const typedCommands = documents.flatMap((document) =>
  commandsOf(document).map((command) => [document, command] as const),
);

async function act(action: string, seat_id: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${settings.HTTP_PORT}/api/seats/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seat_id, user_id: 'user123' }),
  });
  expect(response.status).toBe(200);
}

let settings: Settings;
let launch: Launch;
let functions: string;
beforeAll(async () => {
  settings = { ...(await freeSettings()), RATE_LIMIT: 'off' }; // autocannon is one address
  launch = new Launch(settings);
  await launch.isUp();
  functions = shellFunctions(settings.DATA_DIR);
  for (const action of ['select', 'book']) await act(action, 'D5');
  await act('select', 'A1');
}, 60_000);
afterAll(() => launch.cleanUp());

/** This machine may have no curl, nc or wscat: these take the same arguments. */
const programs = {
  curl: `const { values, positionals: [url] } = parseArgs({ allowPositionals: true,
    options: { s: { type: 'boolean', short: 's' }, X: { type: 'string', short: 'X' }, d: { type: 'string', short: 'd' } } });
  const reply = await fetch(url.includes('://') ? url : 'http://' + url, { method: values.X, body: values.d });
  process.stdout.write(await reply.text() + '\\n');
  process.exitCode = reply.ok || reply.status === 409 ? 0 : 22;`,
  nc: `const [host, port] = process.argv.slice(2);
  const socket = connect({ host, port: Number(port) });
  process.stdin.pipe(socket).pipe(process.stdout);`,
  wscat: `const { values } = parseArgs({
    options: { c: { type: 'string', short: 'c' }, x: { type: 'string', short: 'x' }, w: { type: 'string', short: 'w' } } });
  const socket = new WebSocket(values.c);
  socket.on('message', (text) => console.log(String(text)));
  socket.on('open', () => {
    socket.send(values.x);
    setTimeout(() => socket.close(), values.w * 1000);
  });`,
};
const imports = `import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { WebSocket } from '${pathToFileURL(resolve('node_modules/ws/wrapper.mjs'))}';`;

/** Writes the programs, and returns the shell functions that run them. */
function shellFunctions(folder: string): string {
  const functions = Object.entries(programs).map(([name, script]) => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, `${imports}\n${script}`);
    return `${name}() { '${process.execPath}' '${file}' "$@"; }`;
  });
  return [...functions, 'npx() { if [ "$2" = wscat ]; then shift 2; wscat "$@"; else command npx "$@"; fi; }'].join(
    '\n',
  );
}

/** As typed into a shell that has this run's ports and data folder. */
async function typed(command: string): Promise<string> {
  const here = command
    .replace(/\bredis-cli (?!.*-p )/, `redis-cli -p ${settings.REDIS_PORT} `)
    .replace('localhost:8080', `localhost:${settings.BOOKING_PORTS}`)
    .replace('ws://localhost/', `ws://localhost:${settings.HTTP_PORT}/`)
    .replace('localhost 4222', `localhost ${settings.NATS_PORT}`)
    .replace('sleep 60', 'sleep 1')
    .replace(/^npx autocannon (.*)-d 10 .*/, (line) => `${line.replace('-d 10', '-d 1')} 2>&1`); // its table is on stderr
  const [edgePort] = settings.EDGE_PORTS.split(',');
  const env = { ...process.env, ...settings, BOOKING_PORT: settings.BOOKING_PORTS, EDGE_PORT: edgePort };
  const { stdout, stderr } = await run('sh', ['-c', `${functions}\n${here}`], { env });
  expect(stderr).toBe('');
  expect(stdout).not.toMatch(/NOPERM|NOAUTH|WRONGPASS|^\(?(error|ERR)/im);
  return stdout;
}

describe('[R229] [R368] the commands of the documents for a running system', () => {
  test.each(typedCommands)('%s: %s', { timeout: 20_000 }, async (_, line) => expect(await typed(line)).toMatch(/\S/));

  test('each of these documents has some', () => {
    for (const document of ['README.md', 'DEMO.md', 'docs/operations.md']) {
      expect(commandsOf(document).length, document).toBeGreaterThan(1);
    }
    expect(typedCommands.length).toBeGreaterThan(20);
  });

  test('[R493] of four users who select one seat at once, one gets it', async () => {
    const [line = ''] = commandsOf('DEMO.md').filter((each) => each.startsWith('for user in '));
    const replies = await typed(line.replaceAll('F6', 'F7'));
    expect(replies.match(/"success":true/g)).toHaveLength(1);
    expect(replies.match(/"SEAT_HELD"/g)).toHaveLength(3);
  });

  test('[R493] wscat holds the seat, and nc shows the events', async () => {
    const line = (start: string) => typedCommands.find(([, each]) => each.startsWith(start))?.[1] ?? '';
    expect(await typed(line('npx -y wscat').replaceAll('C3', 'C5'))).toMatch(/"ACK"/);
    const [received, over] = ['nc-received', 'nc-over'].map((name) => join(settings.DATA_DIR, name)) as [
      string,
      string,
    ];
    writeFileSync(received, '');
    const listening = typed(
      `${line('(printf').replace('sleep 60', `until [ -e '${over}' ]; do sleep 0.1; done`)} | tee '${received}'`,
    );
    const isReceived = () => /MSG seats\.held/.test(readFileSync(received, 'utf8'));
    try {
      while (!isReceived()) for (const action of ['select', 'release']) await act(action, 'C6');
    } finally {
      writeFileSync(over, '');
    }
    await listening;
  }, 20_000);

  test('[R444] npm run events, with this data folder', async () => {
    for (const document of ['README.md', 'docs/operations.md']) {
      expect(readFileSync(document, 'utf8'), document).toContain('npm run events');
    }
    expect(launch.output).toContain(`Events    DATA_DIR=${settings.DATA_DIR} npm run events`);
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { events: string } };
    const [, built = ''] = /&& (node \S+)$/.exec(scripts.events) ?? [];
    const events = spawn('sh', ['-c', `exec ${built}`], { env: { ...process.env, DATA_DIR: settings.DATA_DIR } });
    onTestFinished(() => void events.kill('SIGKILL'));
    await once(events.stderr, 'data'); // it has subscribed
    await act('select', 'A3');
    const [line] = await once(events.stdout, 'data');
    expect(String(line)).toMatch(/^seats\.held \{.*"seat_id":"A3"/);
  });

  test('the commands of the troubleshooting, at the prompt of Redis', async () => {
    const text = readFileSync('docs/operations.md', 'utf8');
    expect(text).toContain(`\`${prompt}\` gives a prompt`);
    const commands = [...text.matchAll(/`((?:TTL|HGET|TIME|XREVRANGE|SLOWLOG)\b[^`]*)`/g)].map(
      ([, command]) => command,
    );
    expect(commands).toContain('TTL seat:D5:lock');
    await typed(`${prompt} <<'END'\n${commands.join('\n')}\nEND`);
  });

  test('start.sh itself', async () => {
    const [, command = ''] = / {2}Redis {5}(redis-cli .*)/.exec(launch.output) ?? [];
    expect((await typed(`${command} TTL seat:D5:lock`)).trim()).toBe('-1');
    const [, natsUrl = ''] = /nats sub "seats\.>" -s (\S+)/.exec(launch.output) ?? [];
    const nats = await connect({ servers: natsUrl });
    const messages = nats.subscribe('seats.>', { max: 1 });
    await nats.flush();
    await act('select', 'A2');
    for await (const message of messages) expect(message.subject).toBe('seats.held');
    await nats.close();
  });
});
