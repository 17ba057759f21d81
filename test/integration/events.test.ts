import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { natsUsers } from '../../src/launch/nats-users.ts';
import { patience } from '../support/patience.ts';
import { freePort, startNats, type TestServer } from '../support/servers.ts';

let nats: TestServer;
let publisher: NatsConnection;
let dataDir: string;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-events-'));
  const users = natsUsers({ bookingPassword: 'secret', edgePassword: 'other' });
  const dir = join(dataDir, 'nats');
  mkdirSync(dir);
  nats = await startNats({ users, dir });
  publisher = await connect({ servers: nats.url, user: 'booking', pass: 'secret' });
});
afterAll(async () => {
  await publisher?.close();
  await nats?.stop();
});

/** The program of `npm run events`, once it is built. */
function events(env: NodeJS.ProcessEnv, ...args: string[]) {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { events: string } };
  const [, file = ''] = /node (\S+)$/.exec(scripts.events) ?? [];
  const child = spawn(process.execPath, [file, ...args], { env: { PATH: process.env.PATH, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { out: '', notes: '' };
  child.stdout.on('data', (data) => {
    output.out += data;
  });
  child.stderr.on('data', (data) => {
    output.notes += data;
  });
  return { child, output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

const says = (text: () => string, part: string) => vi.waitFor(() => expect(text()).toContain(part), patience);

/** Repeated, because NATS may need a moment for the subscription of another account. */
const publishUntil = (text: () => string, subject: string, body: string) =>
  vi.waitFor(
    () => {
      publisher.publish(subject, body);
      expect(text()).toContain(`${subject} ${body}`);
    },
    { ...patience, interval: 100 },
  );

test('[R444] npm run events prints subject and JSON of each event, and ends with Ctrl-C', async () => {
  const { child, output, ended } = events({ NATS_URL: nats.url });
  await says(() => output.notes, 'Ctrl-C ends it');
  await publishUntil(() => output.out, 'seats.held', '{"seat_id":"A1","seq":1}');
  publisher.publish('venue.heartbeat', '{}');
  publisher.publish('seats.booked', '\u001b[31mno JSON');
  await says(() => output.out, 'seats.booked');
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  const lines = new Set(output.out.trimEnd().split('\n'));
  expect([...lines]).toEqual(['seats.held {"seat_id":"A1","seq":1}', 'seats.booked "\\u001b[31mno JSON"']);
});

test('[R444] it finds the NATS of a running system by its data folder, on any port', async () => {
  const { child, output, ended } = events({ DATA_DIR: dataDir }, 'venue.heartbeat');
  await says(() => output.notes, 'Ctrl-C ends it');
  await publishUntil(() => output.out, 'venue.heartbeat', '{"seq":7}');
  child.kill('SIGINT');
  expect(await ended).toBe(0);
});

test('[R444] a NATS that does not reply is named, with the remedy and without the password', async () => {
  const port = await freePort();
  const { output, ended } = events({ NATS_URL: `nats://viewer:secret@127.0.0.1:${port}` });
  expect(await ended).toBe(1);
  expect(output.notes).toContain(`NATS_URL="nats://…@127.0.0.1:${port}": NATS does not answer`);
  expect(output.notes).toContain('set NATS_URL or DATA_DIR');
});

test('[R444] a subject that may not be read is refused, and an option explains the usage', async () => {
  const refused = events({ NATS_URL: nats.url }, '$JS.>');
  expect(await refused.ended).toBe(1);
  expect(refused.output.notes).toMatch(/\$JS\.>: .*permission/i);
  const help = events({}, '--help');
  expect(await help.ended).toBe(0);
  expect(help.output.out).toContain('npm run events');
});
