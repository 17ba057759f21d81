import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

const run = promisify(execFile);
const documents = ['README.md', 'DEMO.md', 'docs/operations.md'];
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, as in the document
const prompt = "redis-cli --user viewer --pass '' --no-auth-warning -p ${REDIS_PORT:-6379}";

/** Commands of redis-cli, also with a password before it, and of curl with a port from a variable: on a line or in backquotes of their own. */
const commandsIn = (document: string): string[] =>
  [
    ...readFileSync(document, 'utf8').matchAll(
      /^(?:REDISCLI_AUTH=\S+ .*)?redis-cli .*$|^curl .*\$\{.*$|`(?:redis-cli |curl (?=.*\$\{))[^`]+`/gm,
    ),
  ]
    .map(([text]) => text.replaceAll('`', '').replace(/ +# .*$/, ''))
    .filter((command) => command !== prompt);

async function ask(action: string, seat_id: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${settings.HTTP_PORT}/api/seats/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seat_id, user_id: 'user123' }),
  });
  expect(response.status).toBe(200);
}

let settings: Settings;
let launch: Launch;
beforeAll(async () => {
  settings = await freeSettings();
  launch = new Launch(settings);
  await launch.isUp();
  for (const action of ['select', 'book']) await ask(action, 'D5');
  await ask('select', 'A1');
}, 60_000);
afterAll(() => launch.cleanUp());

/** This machine may have no curl. */
const curl = `curl() { '${process.execPath}' -e 'fetch(process.argv[1]).then(async (reply) => {
  process.stdout.write(await reply.text());
  process.exitCode = reply.ok ? 0 : 22;
})' "$1"; }`;

/** As typed into a shell that has this run's ports and data folder. */
async function typed(command: string): Promise<string> {
  const here = command.replace(/\bredis-cli (?!.*-p )/, `redis-cli -p ${settings.REDIS_PORT} `);
  const [edgePort] = settings.EDGE_PORTS.split(',');
  const env = { ...process.env, ...settings, BOOKING_PORT: settings.BOOKING_PORTS, EDGE_PORT: edgePort };
  const { stdout, stderr } = await run('sh', ['-c', `${curl}\n${here}`], { env });
  expect(stderr).toBe('');
  expect(stdout).not.toMatch(/NOPERM|NOAUTH|WRONGPASS|^\(?(error|ERR)/im);
  return stdout;
}

describe('[R229] [R368] what the documents tell to type', () => {
  test.each(documents.flatMap((document) => commandsIn(document).map((command) => [document, command] as const)))(
    '%s: %s',
    async (_, command) => expect(await typed(command)).toMatch(/\S/),
    20_000,
  );

  test('each document tells something', () => {
    for (const document of documents) expect(commandsIn(document).length, document).toBeGreaterThan(1);
  });

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
    await ask('select', 'A3');
    const [line] = await once(events.stdout, 'data');
    expect(String(line)).toMatch(/^seats\.held \{.*"seat_id":"A3"/);
  });

  test('at the prompt, what the troubleshooting asks Redis', async () => {
    const text = readFileSync('docs/operations.md', 'utf8');
    expect(text).toContain(`\`${prompt}\` gives a prompt`);
    const asked = [...text.matchAll(/`((?:TTL|HGET|TIME|XREVRANGE|SLOWLOG)\b[^`]*)`/g)].map(([, command]) => command);
    expect(asked).toContain('TTL seat:D5:lock');
    await typed(`${prompt} <<'END'\n${asked.join('\n')}\nEND`);
  });

  test('start.sh itself', async () => {
    const [, command = ''] = / {2}Redis {5}(redis-cli .*)/.exec(launch.output) ?? [];
    expect((await typed(`${command} TTL seat:D5:lock`)).trim()).toBe('-1');
    const [, natsUrl = ''] = /nats sub "seats\.>" -s (\S+)/.exec(launch.output) ?? [];
    const nats = await connect({ servers: natsUrl });
    const heard = nats.subscribe('seats.>', { max: 1 });
    await nats.flush();
    await ask('select', 'A2');
    for await (const message of heard) expect(message.subject).toBe('seats.held');
    await nats.close();
  });
});
