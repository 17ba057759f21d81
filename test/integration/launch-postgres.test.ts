import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { judgePostgres } from '../../src/launch/given-postgres.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { patience } from '../support/patience.ts';
import { startPostgresPair } from '../support/postgres-pair.ts';
import { queried } from '../support/queried.ts';
import { freePort, startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { fakeProgram, freeSettings, Launch, type Settings } from './launch-fixture.ts';

async function launched(settings: Settings): Promise<Launch> {
  const launch = new Launch(settings);
  onTestFinished(() => launch.cleanUp());
  return launch.isUp();
}

const secretsOf = ({ DATA_DIR }: Settings) => JSON.parse(readFileSync(join(DATA_DIR, 'secrets.json'), 'utf8'));

describe('[R720] the Postgres of start.sh', { timeout: 120_000 }, () => {
  test('is private, keeps the history over a restart, and takes new passwords', async () => {
    const settings = await freeSettings();
    const folder = join(settings.DATA_DIR, 'postgres');
    // A start that was interrupted while it created the database.
    mkdirSync(join(folder, 'data.new'), { recursive: true });
    writeFileSync(join(folder, 'data.new', 'PG_VERSION'), '15');
    const first = new Launch(settings);
    onTestFinished(() => first.cleanUp());
    await first.isUp();
    const files = ['address', 'admin-password', 'clients.conf', 'viewer.pgpass'];
    expect(readdirSync(folder).sort()).toEqual([...files, 'data'].sort());
    for (const file of files) {
      expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600);
    }
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    const pid = String(first.pids().postgres);
    expect(execFileSync('ps', ['-o', 'uid=', '-p', pid], { encoding: 'utf8' }).trim()).not.toBe('0');
    const [other] = Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
    );
    const viewer = readFileSync(join(folder, 'viewer.pgpass'), 'utf8').trim().split(':').at(-1);
    const urlOf = (user: string, password: unknown, host = '127.0.0.1') =>
      `postgres://${user}:${password}@${host}:${settings.DATABASE_PORT}/booking`;
    if (other)
      await expect(queried(urlOf('viewer', viewer, other.address), 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await expect(queried(urlOf('viewer', ''), 'SELECT 1')).rejects.toThrow();

    const body = JSON.stringify({ seat_id: 'A1', user_id: 'ann' });
    const api = `http://127.0.0.1:${settings.HTTP_PORT}/api/seats`;
    expect((await fetch(`${api}/select`, { method: 'POST', body })).status).toBe(200);
    const history = () => queried(urlOf('viewer', viewer), 'SELECT type, seat_id, user_id FROM seat_events');
    await expect.poll(history, patience).toEqual([{ type: 'held', seat_id: 'A1', user_id: 'ann' }]);
    await expect(queried(urlOf('viewer', viewer), 'DELETE FROM seat_events')).rejects.toMatchObject({ code: '42501' });
    expect(first.output).toContain('viewer.pgpass psql');
    const before = secretsOf(settings);
    expect(first.output).not.toContain(before.postgresBookingPassword);
    first.signal('SIGINT');
    expect(await first.exitCode).toBe(0);

    rmSync(join(settings.DATA_DIR, 'secrets.json'));
    await launched(settings);
    const { postgresBookingPassword: next } = secretsOf(settings);
    expect(next).not.toBe(before.postgresBookingPassword);
    await expect(queried(urlOf('booking', before.postgresBookingPassword), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
    expect(await queried(urlOf('booking', next), 'SELECT seat_id FROM seat_events WHERE seq = 1')).toEqual([
      { seat_id: 'A1' },
    ]);
  });

  test('[R721] if it is too old, the others start, with a warning that there is no ledger', async () => {
    const settings = await freeSettings();
    const PATH = fakeProgram('postgres', 'echo "postgres (PostgreSQL) 12.22"');
    const launch = await launched({ ...settings, PATH });
    expect(launch.output).toMatch(/NO LEDGER: .*\n.*Postgres 12\.22 \(.*\) is too old: version 13\.0 or newer/);
    expect(Object.keys(launch.pids())).not.toContain('postgres');
    expect((await fetch(`http://127.0.0.1:${settings.HTTP_PORT}/api/seats`)).status).toBe(200);
  });
});

describe('[R722] a given Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.stop();
  });

  const judged = (url: string, ownerUrl?: string) => judgePostgres({ url, ownerUrl }, { timeoutMs: 1_500 });
  const portOf = async (listener: Server): Promise<number> => {
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void listener.close());
    return (listener.address() as AddressInfo).port;
  };
  const at = (port: number) => `postgres://booking:a-secret@127.0.0.1:${port}/booking`;

  test('is used if it can be the ledger', async () => {
    expect(await judged(server.url, server.ownerUrl)).toEqual([]);
    expect(await judged(server.ownerUrl)).toEqual([]);
  });

  test('that loses commits is used with a warning', async () => {
    await queried(server.adminUrl, 'ALTER ROLE booking SET synchronous_commit = off');
    onTestFinished(async () => {
      await queried(server.adminUrl, 'ALTER ROLE booking RESET synchronous_commit');
    });
    expect(await judged(server.url, server.ownerUrl)).toEqual([expect.stringMatching(/synchronous_commit is off/)]);
  });

  test('[R1014] whose standby may lack confirmed orders is used with a warning', async () => {
    const { primary, url, ownerUrl, stop } = await startPostgresPair({ isSynchronous: false });
    onTestFinished(stop);
    const asynchronous = [expect.stringMatching(/a failover loses the last orders/)];
    expect(await judged(url, ownerUrl)).toEqual(asynchronous);
    await queried(primary.adminUrl, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await queried(primary.adminUrl, 'SELECT pg_reload_conf()');
    await vi.waitFor(async () => expect(await judged(url, ownerUrl)).toEqual([]), patience);
    await queried(primary.adminUrl, 'ALTER ROLE booking SET synchronous_commit = local');
    expect(await judged(url, ownerUrl)).toEqual(asynchronous);
  });

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['nobody listens', async () => at(await freePort()), /does not answer .*unset DATABASE_URL/],
    ['a server that says nothing', async () => at(await portOf(createServer(() => {}))), /does not answer/],
    [
      'an HTTP server',
      async () => at(await portOf(createHttpServer((_, response) => response.end('hello')))),
      /is not a Postgres server/,
    ],
    ['a wrong password', () => server.url.replace('booking-password', 'a-secret'), /refuses the user or the password/],
    ['an unknown user', () => server.url.replace('//booking:', '//nobody:'), /refuses the user or the password/],
    ['an unknown database', () => server.adminUrl.replace(/booking$/, 'nowhere'), /has no database of this name/],
    ['TLS that it does not have', () => `${server.url}?sslmode=require`, /has no TLS/],
    ['no address', () => 'postgres://booking:a-secret@127.0.0.1:port/booking', /is not an address.*postgres:\/\/user/],
  ])('is refused with the reason: %s', async (_, address, reason) => {
    const failure = await judged(await address()).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'GivenServerError', message: expect.stringMatching(reason) });
    expect(String(failure)).not.toMatch(/a-secret|booking-password/);
  });

  test('is refused if no role may create the tables, and used once they exist', async () => {
    await queried(server.adminUrl.replace(/booking$/, 'postgres'), 'CREATE DATABASE bare OWNER booking_owner');
    const url = server.url.replace(/booking$/, 'bare');
    const ownerUrl = server.ownerUrl.replace(/booking$/, 'bare');
    await expect(judged(url)).rejects.toThrow(/may not create tables .*DATABASE_OWNER_URL/);
    await expect(judged(url, server.ownerUrl)).rejects.toThrow('Use the same');
    await migrate({ url, ownerUrl, name: 'test', logger: silent });
    expect(await judged(url)).toEqual([]);
  });

  test('start.sh reports it before it starts anything', async () => {
    const settings = await freeSettings();
    const launch = new Launch({ ...settings, DATABASE_URL: at(await freePort()) });
    onTestFinished(() => launch.cleanUp());
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain('DATABASE_URL=postgres://booking:***@');
    expect(launch.output).not.toContain('a-secret');
    expect(launch.output).not.toContain('Starting');
  });
});
