import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { describe, expect, type onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { mountDisk } from '../support/small-disk.ts';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

/** Shorter than in use: the pauses grow to 30 times this one. */
const RESTART_PAUSE_MS = '150';
/** R305: within 40 s after space is back everything works, with pauses of 30 s. */
const healsWithinMs = 40_000 - 30 * (1_000 - Number(RESTART_PAUSE_MS));
/** JetStream reserves 1 GiB, of three quarters of the disk. Only the used part takes memory. */
const roomForJetStream = '1600m';

type AtEnd = typeof onTestFinished;

interface Sale {
  seatId: string;
  user: string;
  action: 'select' | 'book';
}

/** A system under start.sh, and all replies to its users. */
class Run {
  readonly settings: Settings;
  readonly launch: Launch;
  readonly confirmed: Sale[] = [];
  #seats = 0;

  private constructor(settings: Settings, launch: Launch) {
    this.settings = settings;
    this.launch = launch;
  }

  static async start(settings: Settings, atEnd: AtEnd): Promise<Run> {
    const launch = new Launch({
      ...settings,
      RATE_LIMIT: 'off',
      HOLD_SECONDS: '300',
      VENUE_ROWS: '26',
      RESTART_PAUSE_MS,
    });
    atEnd(() => launch.cleanUp());
    await launch.isUp();
    return new Run(settings, launch);
  }

  /** A seat that was never requested. */
  nextSeat(): string {
    const [row, column] = [Math.floor(this.#seats / 10), this.#seats % 10];
    this.#seats++;
    return `${String.fromCharCode(65 + row)}${column + 1}`;
  }

  async command(action: Sale['action'], seatId: string): Promise<number> {
    const user = `user-of-${seatId}`;
    const response = await fetch(`http://127.0.0.1:${this.settings.HTTP_PORT}/api/seats/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seat_id: seatId, user_id: user }),
      signal: AbortSignal.timeout(5_000),
    }).catch(() => undefined);
    if (response?.status === 200) this.confirmed.push({ seatId, user, action });
    return response?.status ?? 0;
  }

  /** Selects until this has been printed. Returns the statuses of the replies. */
  async selectUntil(isOver: () => boolean, atMostMs: number): Promise<number[]> {
    const statuses: number[] = [];
    const deadline = Date.now() + atMostMs;
    while (!isOver() && Date.now() < deadline) {
      statuses.push(await this.command('select', this.nextSeat()));
      await sleep(200);
    }
    return statuses;
  }

  /** From now on: a user's select and book succeed through nginx, an open page shows it, JetStream has it. */
  async heals(): Promise<void> {
    const deadline = Date.now() + healsWithinMs;
    const seatId = this.nextSeat();
    const sinceMs = Date.now();
    const retried = async (what: string, attempt: () => Promise<boolean>) => {
      while (!(await attempt().catch(() => false))) {
        if (Date.now() > deadline)
          throw new Error(`${what} does not work ${healsWithinMs} ms after space is back:\n${this.launch.output}`);
        await sleep(200);
      }
    };
    await retried('select', async () => (await this.command('select', seatId)) === 200);
    await retried('JetStream', () => this.#reachesJetStream(sinceMs));
    await retried('the live page', () => this.#isLive());
    await retried('book', async () => (await this.command('book', seatId)) === 200);
  }

  /** The seats' statuses as an edge shows them, and an update that it pushes. */
  async #isLive(): Promise<boolean> {
    const seatId = this.nextSeat();
    const socket = new WebSocket(`ws://127.0.0.1:${this.settings.HTTP_PORT}/ws`);
    try {
      const isSeen = new Promise<boolean>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', async (message) => {
          const { type, data } = JSON.parse(String(message));
          if (type === 'VENUE_STATE' && !data.stale && (await this.command('select', seatId)) !== 200) resolve(false);
          if (type === 'SEAT_UPDATE' && JSON.stringify(data).includes(`"${seatId}"`)) resolve(true);
        });
      });
      return await Promise.race([isSeen, sleep(3_000, false)]);
    } finally {
      socket.terminate();
    }
  }

  /** Every committed event is in the stream, one of them since then. */
  async #reachesJetStream(sinceMs: number): Promise<boolean> {
    const metrics = await fetch(`http://127.0.0.1:${this.settings.BOOKING_PORTS}/metrics`);
    if (!/^booking_events_unrelayed 0$/m.test(await metrics.text())) return false;
    const port = /-s nats:\/\/127\.0\.0\.1:(\d+)/.exec(this.launch.output)?.[1];
    const secrets = JSON.parse(readFileSync(join(this.settings.DATA_DIR, 'secrets.json'), 'utf8'));
    const login = { user: 'booking', pass: secrets.natsBookingPassword };
    const nats = await connect({ servers: `127.0.0.1:${port}`, ...login, timeout: 1_000, reconnect: false });
    try {
      const { streams } = await jetstreamManager(nats, { checkAPI: false, timeout: 1_000 });
      const { state } = await streams.info('SEATS');
      return Date.parse(state.last_ts) >= sinceMs;
    } finally {
      await nats.close();
    }
  }

  /** Each success that a user got is in the log, in the user's name; no other user has the seat. */
  async expectNothingLost(): Promise<void> {
    const redis = new Redis({ port: Number(this.settings.REDIS_PORT), username: 'viewer', password: '-' });
    try {
      for (const { seatId, user, action } of this.confirmed) {
        const seat = JSON.parse((await redis.hget('venue:seats', seatId)) ?? '{}');
        expect(seat, `${action} of ${seatId}`).toMatchObject({ held_by: user });
        if (action === 'book') expect(seat).toMatchObject({ status: 2 });
      }
    } finally {
      redis.disconnect();
    }
  }
}

/** `folder` is on a small disk: a part of DATA_DIR, or all of it. */
async function settingsOn(
  folder: 'DATA_DIR' | 'redis' | 'nats' | 'nginx' | 'logs',
  size: string,
  atEnd: AtEnd,
  env = {},
) {
  const settings = { ...(await freeSettings()), ...env };
  const disk = mountDisk(size, atEnd);
  if (folder === 'DATA_DIR') settings.DATA_DIR = join(disk.path, 'data');
  else symlinkSync(disk.path, join(settings.DATA_DIR, folder));
  return { settings, disk };
}

// They wait for most of their time, so they run at the same time.
describe.concurrent('a full disk', { timeout: 150_000 }, () => {
  // Until the sixth end: a launcher that gives a service up does so by then.
  test.for([
    ['DATA_DIR', roomForJetStream],
    ['redis', '16m'],
  ] as const)(
    '[R305] %s: commands are refused, and work again after space is back',
    async ([folder, size], { onTestFinished }) => {
      const { settings, disk } = await settingsOn(folder, size, onTestFinished);
      const run = await Run.start(settings, onTestFinished);
      const booked = run.nextSeat();
      expect(await run.command('select', booked)).toBe(200);
      expect(await run.command('book', booked)).toBe(200);
      disk.fill();
      const isOver = () => run.launch.output.includes('redis ended again (exit code 1), 6 times so far');
      const statuses = await run.selectUntil(isOver, 60_000);
      expect(isOver(), run.launch.output).toBe(true);
      expect(statuses.filter((status) => status !== 200 && status !== 503 && status !== 504)).toEqual([]);
      expect(statuses.filter((status) => status !== 200).length).toBeGreaterThan(10);
      disk.free();
      await run.heals();
      await run.expectNothingLost();
      await run.launch.says('redis is back');
      // One message for each growth of the pause, not one for each consequence.
      expect(run.launch.output.match(/^!!/gm)?.length).toBeLessThan(12);
    },
  );

  test('[R305] only the folder of the logs, with every decision logged: nothing but log entries is lost', async ({
    onTestFinished,
  }) => {
    const { settings, disk } = await settingsOn('logs', '1m', onTestFinished, { LOG_LEVEL: 'debug' });
    const run = await Run.start(settings, onTestFinished);
    disk.fill();
    const pids = run.launch.pids();
    const statuses = await run.selectUntil(() => run.confirmed.length === 40, 60_000);
    expect(statuses).toEqual(Array(40).fill(200));
    // A process that ends meanwhile is replaced, too.
    process.kill(pids[`booking-${settings.BOOKING_PORTS}`] as number, 'SIGKILL');
    await run.launch.says(`booking-${settings.BOOKING_PORTS} is back`);
    expect(await run.command('select', run.nextSeat())).toBe(200);
    const { [`booking-${settings.BOOKING_PORTS}`]: _, ...others } = run.launch.pids();
    expect(pids).toMatchObject(others);
    disk.free();
    await run.heals();
    await run.expectNothingLost();
    const log = join(settings.DATA_DIR, 'logs', `booking-${settings.BOOKING_PORTS}.log`);
    await expect.poll(() => readFileSync(log, 'utf8')).toContain(`user-of-${run.confirmed.at(-1)?.seatId}`);
  });

  test("[R305][R306] only NATS's folder: selling continues, and NATS is restarted when that helps", async ({
    onTestFinished,
  }) => {
    const { settings, disk } = await settingsOn('nats', roomForJetStream, onTestFinished);
    const run = await Run.start(settings, onTestFinished);
    expect(await run.command('select', run.nextSeat())).toBe(200);
    disk.fill();
    const isOver = () => run.launch.output.includes('nats: JetStream');
    const statuses = await run.selectUntil(isOver, 25_000);
    expect(new Set(statuses)).toEqual(new Set([200]));
    // Then it starts on the full disk, and uses the remaining space as its limit.
    const printed = run.launch.output.length;
    process.kill(run.launch.pids().nats as number, 'SIGKILL');
    const isBack = () => run.launch.output.slice(printed).includes('nats is back');
    await run.selectUntil(isBack, 20_000);
    expect(isBack(), run.launch.output).toBe(true);
    disk.free();
    await run.heals();
    await run.expectNothingLost();
  });

  test("[R305] only nginx's folder: an nginx that ends there is back after space is", async ({ onTestFinished }) => {
    const { settings, disk } = await settingsOn('nginx', '1m', onTestFinished);
    const run = await Run.start(settings, onTestFinished);
    disk.fill();
    expect(await run.command('select', run.nextSeat())).toBe(200);
    process.kill(run.launch.pids().nginx ?? 0, 'SIGKILL');
    await run.selectUntil(() => run.launch.output.includes('5 times so far'), 20_000);
    disk.free();
    await run.heals();
    await run.expectNothingLost();
  });
});

describe('a data folder that cannot be used', { timeout: 60_000 }, () => {
  test.each(['/proc/x', '/proc/x/y'])('[R308] DATA_DIR=%s: named at once', async (DATA_DIR) => {
    const launch = new Launch({ ...(await freeSettings()), DATA_DIR });
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toContain(DATA_DIR);
    expect(launch.output).toContain('DATA_DIR=');
    expect(launch.output).not.toContain('    at ');
  });

  test('[R308] a folder without space: named at the start', async ({ onTestFinished }) => {
    const { settings, disk } = await settingsOn('DATA_DIR', '64k', onTestFinished);
    disk.fill();
    const launch = new Launch(settings);
    expect(await launch.exitCode).toBe(1);
    expect(launch.output).toMatch(/launcher\.lock\S* cannot be written: the disk is full\. Free space on it/);
    expect(launch.output).not.toContain('    at ');
  });
});
