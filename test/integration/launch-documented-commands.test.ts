import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

const run = promisify(execFile);
const documents = ['README.md', 'DEMO.md', 'docs/operations.md'];
const prompt = "redis-cli --user viewer --pass '' --no-auth-warning";

/** What begins with redis-cli, or a password for it, and stands on a line or in backquotes of its own. */
const commandsIn = (document: string): string[] =>
  [...readFileSync(document, 'utf8').matchAll(/^(?:REDISCLI_AUTH=\S+ .*)?redis-cli .*$|`redis-cli [^`]+`/gm)]
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
  launch = await new Launch(settings).isUp();
  for (const action of ['select', 'book']) await ask(action, 'D5');
  await ask('select', 'A1');
}, 60_000);
afterAll(() => launch.cleanUp());

/** As typed into a shell, on this run's port and data. */
async function typed(command: string): Promise<string> {
  const here = command.replace(/\bredis-cli (?!.*-p \d)/, `redis-cli -p ${settings.REDIS_PORT} `);
  const { stdout, stderr } = await run('sh', ['-c', here], { env: { ...process.env, DATA_DIR: settings.DATA_DIR } });
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
