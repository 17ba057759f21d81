import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { parse } from 'yaml';
import { writeComposeSecrets } from '../../src/launch/compose-secrets.ts';
import { natsAnswers, ownRedisAnswers } from '../../src/launch/probes.ts';
import type { ServiceProcess } from '../../src/launch/service-process.ts';
import { freePort, startBooking, startEdge } from '../support/servers.ts';
import { startAsContainer } from './compose-fixture.ts';

interface Service {
  command: string[];
  environment?: Record<string, string>;
  networks: Record<string, { aliases?: string[] } | null>;
  secrets: { source: string }[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  volumes?: string[];
}

const dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-ha-'));
const folder = writeComposeSecrets(dataDir);
const secrets = Object.fromEntries(
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]),
);
let services: Record<string, Service>;
const serviceOf = (name: string): Service => services[name] ?? expect.unreachable(name);
const commandOf = (name: string): string[] => serviceOf(name).command;

// As docker-compose merges them.
beforeAll(() => {
  const files = ['docker-compose.yml', 'docker-compose.ha.yml'].flatMap((file) => ['-f', file]);
  const text = execFileSync('docker-compose', [...files, 'config'], { encoding: 'utf8', stdio: 'pipe' });
  services = (parse(text) as { services: Record<string, Service> }).services;
}, 120_000);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const spare = ['nats', 'nats-1', 'nats-2', 'redis', 'redis-replica-1', 'redis-replica-2'];
const natsServers = ['nats', 'nats-1', 'nats-2'];

test('[R981] the spare servers have the rights of the others, and the same settings as theirs', () => {
  for (const name of spare) {
    const service = serviceOf(name);
    expect(service, name).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.stringMatching(/^\d+[mg]$/),
    });
    expect(Object.keys(service.networks), name).toEqual([name.startsWith('nats') ? 'events' : 'store']);
    expect(service.volumes, name).toHaveLength(1);
    for (const { source } of service.secrets) expect(Object.keys(secrets), name).toContain(source);
  }
  expect(new Set(spare.flatMap((name) => serviceOf(name).volumes)).size, 'a volume for each').toBe(spare.length);
  const plain = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }).services.redis.command;
  // A replica may become the primary.
  const replicated = [...plain, '--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];
  expect(commandOf('redis')).toEqual(replicated);
  for (const name of ['redis-replica-1', 'redis-replica-2']) {
    const [program, , , , ...args] = commandOf(name);
    expect([program, ...args]).toEqual(replicated);
  }
  const { cluster } = JSON.parse(secrets['nats-cluster-settings'] ?? '');
  const hosts = natsServers.flatMap((name) => [name, ...(serviceOf(name).networks.events?.aliases ?? [])]);
  for (const route of cluster.routes) expect(hosts).toContain(new URL(route).hostname);
  expect(natsServers.map((name) => commandOf(name).at(-1))).toEqual(['nats-0', 'nats-1', 'nats-2']);
});

test('[R986] docker-compose.tls.yml gives nginx a certificate, and publishes it on this machine only', () => {
  const files = ['docker-compose.yml', 'docker-compose.tls.yml'].flatMap((file) => ['-f', file]);
  const env = { ...process.env, TLS_CERT: '/cert.pem', TLS_KEY: '/key.pem', HTTPS_PORT: '9443' };
  const text = execFileSync('docker-compose', [...files, 'config'], { encoding: 'utf8', stdio: 'pipe', env });
  const { services: merged, secrets: given } = parse(text);
  expect(given).toMatchObject({ 'tls-cert': { file: '/cert.pem' }, 'tls-key': { file: '/key.pem' } });
  const { environment, ports, secrets: own } = merged.nginx;
  expect(own.map(({ source }: { source: string }) => source)).toEqual(['tls-cert', 'tls-key']);
  expect(environment).toMatchObject({ TLS_CERT: '/run/secrets/tls-cert', TLS_KEY: '/run/secrets/tls-key' });
  expect(String(environment.HTTPS_PORT)).toBe('9443');
  expect(ports).toContain('127.0.0.1:9443:8443/tcp');
  expect(readFileSync('nginx/rules.envsh', 'utf8'), 'where nginx listens').toMatch(/listen \$\{TLS_LISTEN:-8443\} ssl/);
});

/** All of `spare` as processes of this machine, each with a folder and ports of its own. */
async function startSpare(): Promise<Record<string, { process: ServiceProcess; port: number }>> {
  const [redisPort, ...natsPorts] = await Promise.all([1, 2, 3, 4].map(freePort));
  const routePorts = await Promise.all([1, 2, 3].map(freePort));
  const started: Record<string, { process: ServiceProcess; port: number }> = {};
  const startRedis = async (name: string, port = 0) => {
    const here = join(dataDir, name);
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', join(here, 'data')];
    // redis-server takes its file of settings as the first argument.
    const command = [...commandOf(name), ...args];
    const addresses = { 'redis 6379': `127.0.0.1 ${redisPort}` };
    const answers = () => ownRedisAnswers({ host: '127.0.0.1', port });
    started[name] = { process: await startAsContainer({ name, command, secrets, here, addresses, answers }), port };
  };
  await startRedis('redis', redisPort);
  for (const name of ['redis-replica-1', 'redis-replica-2']) await startRedis(name, await freePort());
  const startNats = async (name: string, index: number) => {
    const port = natsPorts[index] ?? 0;
    const routes = Object.fromEntries(routePorts.map((each, to) => [`@nats-${to}:6222`, `@127.0.0.1:${each}`]));
    const addresses = {
      ...routes,
      '"port": 6222': `"host": "127.0.0.1", "port": ${routePorts[index]}`,
      '127.0.0.1:8222': `127.0.0.1:${await freePort()}`,
    };
    const command = ['nats-server', ...commandOf(name), '-a', '127.0.0.1', '-p', String(port)];
    const answers = () => natsAnswers({ host: '127.0.0.1', port });
    const here = join(dataDir, name);
    started[name] = { process: await startAsContainer({ name, command, secrets, here, addresses, answers }), port };
  };
  await Promise.all(natsServers.map(startNats));
  return started;
}

test('[R982] any NATS server and any replica may end; without a replica nothing is sold', {
  timeout: 120_000,
}, async () => {
  const started = await startSpare();
  const serverOf = (name: string) => started[name] ?? expect.unreachable(name);
  const urlFrom = (name: string, host: string, port: number) =>
    (secrets[name] ?? '').replace(host, `127.0.0.1:${port}`);
  const redisUrl = urlFrom('booking-redis-url', 'redis:6379', serverOf('redis').port);
  const { port: natsPort } = serverOf('nats');
  const booking = await startBooking({ redisUrl, natsUrl: urlFrom('booking-nats-url', 'nats:4222', natsPort) });
  onTestFinished(() => booking.stop());
  const edge = await startEdge({
    natsUrl: urlFrom('edge-nats-url', 'nats:4222', natsPort),
    bookingUrls: [booking.url],
  });
  onTestFinished(() => edge.stop());
  const select = async (seatId: string) => {
    const body = JSON.stringify({ seat_id: seatId, user_id: seatId });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${booking.url}/api/seats/select`, { method: 'POST', headers, body })).status;
  };
  const updates = new Set<string>();
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/ws`);
  onTestFinished(() => socket.terminate());
  socket.on('message', (text) => {
    const { type, data } = JSON.parse(String(text));
    if (type === 'SEAT_UPDATE') updates.add(data.seat_id);
  });
  await expect.poll(() => select('A1')).toBe(200);
  await expect.poll(() => updates).toContain('A1');

  // Every replica has the seat.
  for (const name of ['redis-replica-1', 'redis-replica-2']) {
    const replica = new Redis({ port: serverOf(name).port, username: 'viewer', password: '-' });
    onTestFinished(() => replica.disconnect());
    await expect.poll(() => replica.hget('venue:seats', 'A1')).toContain('"status":1');
  }

  // The server at the address of both processes: they continue with another one.
  await serverOf('nats').process.stop();
  await expect.poll(() => select('A2')).toBe(200);
  await expect.poll(() => updates).toContain('A2');
  const log = readFileSync(edge.logFile, 'utf8');
  expect(log.match(/NATS/g)?.length, 'it was connected again').toBeGreaterThan(1);

  await serverOf('redis-replica-1').process.stop();
  await expect.poll(() => select('A3')).toBe(200);
  await serverOf('redis-replica-2').process.stop();
  await expect.poll(() => select('A4')).toBe(503);
});
