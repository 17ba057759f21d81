import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiscardPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { natsAnswers } from '../../src/launch/probes.ts';
import { ServiceProcess } from '../../src/launch/service-process.ts';
import { natsBus } from '../support/nats-bus.ts';
import { patience } from '../support/patience.ts';
import { freePort } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { connected, eventBusContract, eventsOf, listening } from './event-bus.contract.ts';

/** Without JetStream nothing is acknowledged: a test waits this long for an event in vain. */
const noAckMs = 200;

/** A nats-server with only this configuration. */
async function startNatsWith(
  config: string,
  options: { dir?: string; port?: number; stops?: (stop: () => Promise<void>) => void } = {},
) {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'concert-booking-nats-'));
  const port = options.port ?? (await freePort());
  const file = join(dir, 'nats.conf');
  mkdirSync(join(dir, 'js'), { recursive: true });
  writeFileSync(file, `listen: "127.0.0.1:${port}"\n${config.replaceAll('DIR', join(dir, 'js'))}\n`);
  const server = new ServiceProcess({
    name: 'nats',
    command: ['nats-server', '-c', file],
    env: process.env,
    logFile: join(dir, 'nats.log'),
    answers: () => natsAnswers({ host: '127.0.0.1', port }),
    stopTimeoutMs: 1_000,
    hint: '',
  });
  (options.stops ?? onTestFinished)(async () => {
    await server.stop();
    if (!options.dir) rmSync(dir, { recursive: true, force: true });
  });
  await server.ready();
  return { url: `nats://127.0.0.1:${port}`, port, dir, stop: () => server.stop() };
}

/** `ackTimeoutMs`: short in tests without an acknowledgement. */
async function newBus(url: string, ackTimeoutMs?: number) {
  const logged: { level: number; msg: string; reason?: string; maxMebibytes?: number; error?: string }[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line));
  const bus = natsBus({
    url,
    logger: pino({ level: 'info' }, { write }),
    ...(ackTimeoutMs !== undefined && { ackTimeoutMs }),
  });
  await connected(bus);
  return Object.assign(bus, { logged, warned: () => logged.filter(({ level }) => level === 40) });
}

async function observe(url: string): Promise<{ nats: NatsConnection; manager: JetStreamManager }> {
  const nats = await connect({ servers: url });
  onTestFinished(() => nats.close());
  return { nats, manager: await jetstreamManager(nats, { checkAPI: false }) };
}

/** Publishes to a bus and expects it at another within a second, as fast as a plain message. */
async function expectLive(url: string, reason: RegExp | string) {
  const [from, to] = [await newBus(url, noAckMs), await newBus(url)];
  expect([from.connected, from.storesEvents]).toEqual([true, false]);
  const heard = await listening(to);
  const { held } = eventsOf('live-1');
  const deliveries = Promise.all(Array.from({ length: 200 }, (_, i) => from.publish(held(i + 1))));
  await vi.waitFor(() => expect(heard.events).toHaveLength(200), { timeout: 1_500, interval: 5 });
  expect(heard.events).toEqual(Array.from({ length: 200 }, (_, i) => held(i + 1)));
  expect(new Set(await deliveries)).toEqual(new Set(['sent']));
  const reasons = from.warned().filter(({ msg }) => msg.startsWith('JetStream is unavailable'));
  expect(reasons).toMatchObject([{ reason: expect.stringMatching(reason) }]);
}

describe('NatsEventBus without JetStream', () => {
  let url = '';
  let stopNats: (() => Promise<void>) | undefined;
  const stops = (stop: () => Promise<void>) => {
    stopNats = stop;
  };
  beforeAll(async () => {
    ({ url } = await startNatsWith('', { stops }));
  });
  afterAll(() => stopNats?.());
  eventBusContract((show) => natsBus({ url, ackTimeoutMs: noAckMs, show }));
});

describe('[R276] events reach the subscribers, and the reason why they are not stored is logged once', () => {
  test('without -js', async () => {
    await expectLive((await startNatsWith('')).url, /jetstream is not enabled/i);
  });

  test('with less space than the smallest stream', async () => {
    const config = 'jetstream { store_dir: "DIR", max_file_store: 8MB }';
    await expectLive((await startNatsWith(config)).url, /insufficient storage/i);
  });

  test('without permission to use its API', async () => {
    const config = `jetstream { store_dir: "DIR" }
      authorization { users [{ user: u, password: p, permissions {
        publish { allow: ["seats.>", "venue.>", "presence.>"] }, subscribe { allow: [">"] } } }] }`;
    const { url } = await startNatsWith(config);
    await expectLive(url.replace('//', '//u:p@'), /permissions violation/i);
  });

  test('with a stream of this name for other subjects', async () => {
    const { url } = await startNatsWith('jetstream { store_dir: "DIR" }');
    const { manager } = await observe(url);
    await manager.streams.add({ name: 'SEATS', subjects: ['chairs.>'] });
    await expectLive(url, /takes \["chairs\.>"\], not seats\.>/);
  });
});

describe('[R276] the stream is as large as the available space', () => {
  test.each([
    ['8GB', 1024, 30],
    ['800MB', 512, 40],
    ['100MB', 64, 40],
    ['17MB', 16, 40],
  ])('%s: %i MiB', async (room, maxMebibytes, level) => {
    const { url } = await startNatsWith(`jetstream { store_dir: "DIR", max_file_store: ${room} }`);
    const bus = await newBus(url);
    expect(bus.storesEvents).toBe(true);
    expect(bus.logged.filter((line) => line.maxMebibytes)).toMatchObject([{ maxMebibytes, level }]);
    const { manager } = await observe(url);
    expect((await manager.streams.info('SEATS')).config.max_bytes).toBe(maxMebibytes * 1024 ** 2);
    expect(await bus.publish(eventsOf('size-1').held(1))).toBe('stored');
  });

  test('the limit of the account also applies', async () => {
    const { url } = await startNatsWith(`jetstream { store_dir: "DIR" }
      accounts { A { jetstream { max_file: 40MB }, users [{ user: u, password: p }] } }`);
    const bus = await newBus(url.replace('//', '//u:p@'));
    expect(bus.logged.filter((line) => line.maxMebibytes)).toMatchObject([{ maxMebibytes: 32, level: 40 }]);
  });

  test('a disk of 800 MB', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'concert-booking-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=800m', 'tmpfs', dir]);
    onTestFinished(() => {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true });
    });
    const { url } = await startNatsWith('jetstream { store_dir: "DIR" }', { dir });
    const bus = await newBus(url);
    expect(bus.storesEvents).toBe(true);
    expect(bus.warned()).toMatchObject([{ maxMebibytes: 512 }]);
  });

  test('an existing stream is used unchanged', async () => {
    const { url } = await startNatsWith('jetstream { store_dir: "DIR" }');
    const { manager } = await observe(url);
    await manager.streams.add({ name: 'SEATS', subjects: ['seats.>'], max_bytes: 1024 ** 2 });
    const bus = await newBus(url);
    expect(await bus.publish(eventsOf('size-2').held(1))).toBe('stored');
    expect((await manager.streams.info('SEATS')).config.max_bytes).toBe(1024 ** 2);
    expect(bus.warned()).toEqual([]);
  });
});

describe('[R276] JetStream becomes available again', () => {
  test('enabled by a restart: events are stored again without a restart of ours', async () => {
    const first = await startNatsWith('');
    const bus = await newBus(first.url);
    expect(await bus.publish(eventsOf('back-1').held(1))).toBe('sent');
    await first.stop();
    await vi.waitFor(() => expect(bus.connected).toBe(false), patience);
    await startNatsWith('jetstream { store_dir: "DIR" }', { port: first.port });
    await connected(bus);
    await vi.waitFor(() => expect(bus.storesEvents).toBe(true), patience);
    expect(await bus.publish(eventsOf('back-1').held(2))).toBe('stored');
  });

  test('space becomes free during the connection', async () => {
    const { url } = await startNatsWith('jetstream { store_dir: "DIR", max_file_store: 20MB }');
    const { manager } = await observe(url);
    await manager.streams.add({ name: 'OTHER', subjects: ['other'], max_bytes: 19 * 1024 ** 2 });
    const bus = await newBus(url);
    expect(bus.storesEvents).toBe(false);
    await manager.streams.delete('OTHER');
    await vi.waitFor(() => expect(bus.storesEvents).toBe(true), patience);
  });

  test('a stream that refuses to store does not stop live events, and the next events retry it', async () => {
    const { url } = await startNatsWith('jetstream { store_dir: "DIR" }');
    const { manager } = await observe(url);
    await manager.streams.add({ name: 'SEATS', subjects: ['seats.>'], max_msgs: 2, discard: DiscardPolicy.New });
    const [from, to] = [await newBus(url), await newBus(url)];
    const heard = await listening(to);
    const { held } = eventsOf('back-2');
    for (const seq of [1, 2]) expect(await from.publish(held(seq))).toBe('stored');
    await expect(from.publish(held(3))).rejects.toThrow();
    for (const seq of [4, 5, 6]) expect(await from.publish(held(seq))).toBe('sent');
    await vi.waitFor(() => expect(heard.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]), patience);
    expect(from.warned()).toMatchObject([{ reason: 'maximum messages exceeded' }]);
    await manager.streams.purge('SEATS');
    expect(await from.publish(held(7))).toBe('stored');
    expect([from.storesEvents, from.warned().length]).toEqual([true, 1]);
    expect(await from.publish(held(8))).toBe('stored');
    await vi.waitFor(() => expect(heard.events).toHaveLength(8), patience);
    const [stored, sent] = ['stored', 'sent'];
    expect(heard.intended, '[R412] a trial counts for nobody').toEqual([
      stored,
      stored,
      stored,
      sent,
      sent,
      sent,
      sent,
      stored,
    ]);
  });
});

describe('[R274] a connection that is lost during its set-up', () => {
  test.each([0, 1, 2, 3, 5, 8, 12, 20, 40])('cut %i ms after each accept', async (afterMs) => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const { port } = await startNatsWith('jetstream { store_dir: "DIR" }');
    const proxy = await startTcpProxy(port);
    onTestFinished(() => proxy.close());
    proxy.delay(afterMs);
    const logged: { level: number; msg: string }[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
    const bus = natsBus({ url: `nats://127.0.0.1:${proxy.port}`, logger });
    for (let i = 0; i < 60; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1 + (i % 20)));
      proxy.cut();
    }
    proxy.heal();
    await connected(bus);
    await vi.waitFor(() => expect(bus.storesEvents).toBe(true), patience);
    expect(await bus.publish(eventsOf(`cut-${afterMs}`).held(1))).toBe('stored');
    expect(unhandled).toEqual([]);
    expect(logged.length, 'a flapping connection does not flood the log').toBeLessThan(20);
  });

  test('a bus whose server accepts but stays silent can be closed at once', async () => {
    const { port } = await startNatsWith('');
    const proxy = await startTcpProxy(port);
    onTestFinished(() => proxy.close());
    proxy.hang();
    const bus = natsBus({ url: `nats://127.0.0.1:${proxy.port}` });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const startedAtMs = performance.now();
    await bus.close();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(bus.connected).toBe(false);
  });
});
