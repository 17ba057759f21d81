import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Report } from '../../bench/report/report.ts';
import { startBooking } from '../support/servers.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

const dir = mkdtempSync(join(tmpdir(), 'concert-booking-load-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const showsDir = join(dir, 'shows');
mkdirSync(showsDir);
writeFileSync(
  join(showsDir, 'hall.json'),
  JSON.stringify({
    name: 'A hall',
    starts_at: '2099-01-01T20:00:00Z',
    categories: [{ name: 'All', colour: '#1e8449' }],
    limits: { hold_seconds: 1 },
    layout: { sections: [{ name: 'Hall', rows: 6, seats: 10, category: 'All' }] },
  }),
);

let venue: TestVenue;

/** A venue of the describe that calls this: the seats that one test books are not free for the next. */
function useVenue(): void {
  beforeAll(async () => {
    venue = await startVenue({ edges: 1, env: { HOLD_SECONDS: '1', RATE_LIMIT: 'off', SHOWS_DIR: showsDir } });
  });
  afterAll(() => venue?.stop());
}

function startLoad(args: string[]): { child: ChildProcess; ended: Promise<{ exitCode: number; output: string }> } {
  const child = spawn(process.execPath, ['dist/bench/main.js', ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number, output }));
  return { child, ended };
}

const load = (...args: string[]) => startLoad(args).ended;
const readReport = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Report;
const given = () => ['--url', venue.url, '--redis', venue.redis.url];

// These runs do not disturb each other: each has users of its own.
describe.concurrent('npm run load', { timeout: 180_000 }, () => {
  useVenue();

  it('[R216] starts a venue, loads it, audits every socket, also if an edge dies, and writes the report', async ({
    expect,
  }) => {
    const [json, html] = [join(dir, 'reconnect.json'), join(dir, 'reconnect.html')];
    const size = ['--connections', '60', '--duration', '2', '--rate', '50'];
    const { exitCode, output } = await load('reconnect', ...size, '--json', json, '--html', html);
    expect(output).toContain('PASSED: no violations');
    expect(exitCode).toBe(0);
    const { verdict, figures } = readReport(json);
    expect(verdict.ok).toBe(true);
    expect(figures.cutOff).toBe(30);
    expect(figures.delivered).toBeGreaterThan(0);
    expect(readFileSync(html, 'utf8')).toContain('</html>');
  });

  it('[R216] loads a given venue and audits it', async ({ expect }) => {
    const json = join(dir, 'journey.json');
    const { exitCode, output } = await load(
      'journey',
      ...given(),
      '--connections',
      '10',
      '--duration',
      '1',
      '--json',
      json,
    );
    expect(output).toContain('PASSED: no violations');
    expect(exitCode).toBe(0);
    const report = readReport(json);
    expect(report.verdict.ok).toBe(true);
    expect(report.figures.answers).toBeGreaterThan(0);
    const checked = Object.fromEntries(report.verdict.checks.map((check) => [check.name, check.checked]));
    expect(checked.successes).toBeGreaterThan(0);
    expect(checked.transitions).toBeGreaterThanOrEqual(checked.successes ?? 0);
  });

  it('[R585] groups --best starts a system with the show, and shows the share with seats in the verdict', async ({
    expect,
  }) => {
    const json = join(dir, 'best.json');
    const size = ['--connections', '10', '--duration', '1', '--hold', '1'];
    const { exitCode, output } = await load('groups', '--best', '--show', 'chamber', ...size, '--json', json);
    expect(output).toContain('show chamber');
    expect(output).toMatch(/seated at first reply \(%\): \d.*the threshold is seatedAtFirstReplyPercent>=95/);
    expect(exitCode).toBe(0);
    const { verdict, settings } = readReport(json);
    expect(verdict).toMatchObject({ ok: true, truth: 'Redis' });
    expect(verdict.checks.find(({ name }) => name === 'groups')?.checked).toBeGreaterThan(0);
    expect(settings).toMatchObject({ show: 'chamber', isBest: true });
  });

  it('[R897] checkout starts a system with a ledger and the sandbox, and audits ledger, provider and Redis', async ({
    expect,
  }) => {
    const json = join(dir, 'checkout.json');
    const size = ['--show', 'chamber', '--connections', '6', '--duration', '2'];
    const { exitCode, output } = await load('checkout', ...size, '--json', json);
    expect(output).toContain('PASSED: no violations');
    expect(exitCode).toBe(0);
    const { verdict, figures } = readReport(json);
    for (const check of ['orders', 'money', 'tickets']) {
      expect(verdict.checks.find(({ name }) => name === check)?.checked, check).toBeGreaterThan(3);
    }
    expect(figures.ordersPerSecond).toBeGreaterThan(0);
    expect(figures.payToTicketP99Ms).toBeGreaterThan(0);
    expect(figures.unfinishedOrders, output).toBe(0);
  });

  it('[R583] loads the sockets of a given show, and audits its keys', async ({ expect }) => {
    const size = ['--connections', '20', '--duration', '1', '--rate', '50'];
    const { exitCode, output } = await load('fanout', ...given(), '--show', 'hall', ...size);
    expect(output).toContain('PASSED: no violations (audited against Redis)');
    expect(output).toContain('show hall');
    expect(exitCode).toBe(0);
  });

  it('[R217] a missed threshold is exit code 3, an unknown scenario is 1', async ({ expect }) => {
    const short = ['read', ...given(), '--connections', '2', '--duration', '1'];
    const missed = await load(...short, '--threshold', 'perSecond<1');
    expect([missed.exitCode, missed.output.includes('Missed: perSecond<1')]).toEqual([3, true]);
    expect((await load('walk')).exitCode).toBe(1);
  });

  it('[R219] without --redis, the audit reads over HTTP', async ({ expect }) => {
    const { exitCode, output } = await load('contend', '--url', venue.url, '--connections', '5', '--duration', '1');
    expect(output).toContain('audited against HTTP');
    expect(exitCode).toBe(0);
  });

  it('[R434] a venue with rate limits cannot be audited: exit code 1, with the remedy', async ({ expect }) => {
    const links = { redisUrl: venue.redis.url, natsUrl: venue.nats.url };
    // Loopback is no trusted proxy here: its requests count as those of one address.
    const limits = { RATE_LIMIT: 'on', REQUESTS_PER_SECOND_PER_ADDRESS: '1', TRUSTED_PROXIES: '127.0.0.2' };
    const limited = await startBooking({ ...links, env: { HOLD_SECONDS: '1', ...limits } });
    try {
      const where = ['--url', limited.url, '--edge', venue.url, '--redis', venue.redis.url];
      const { exitCode, output } = await load('contend', ...where, '--connections', '20', '--duration', '1');
      expect(output).toMatch(/COULD NOT AUDIT.*RATE_LIMIT=off/);
      expect(output).not.toContain('VIOLATIONS');
      expect(exitCode).toBe(1);
    } finally {
      await limited.stop();
    }
  });
});

describe('npm run load, interrupted', { timeout: 180_000 }, () => {
  let redis: Redis;

  useVenue();
  beforeAll(() => {
    redis = new Redis(venue.redis.url);
  });
  afterAll(() => redis?.disconnect());

  /** Starts when no earlier hold can expire any more: from then on only this load changes the venue. */
  async function startLoadAlone(...args: string[]): Promise<ReturnType<typeof startLoad>> {
    while ((await redis.exists('venue:holds')) === 1) await sleep(20);
    return startLoad(args);
  }

  /** Until the show changes: then requests are being sent. */
  async function begun(seqKey = 'venue:seq'): Promise<void> {
    // A show that is opened only now begins at 0.
    const seq = async () => Number((await redis.get(seqKey)) ?? 0);
    const before = await seq();
    while ((await seq()) === before) await sleep(20);
  }

  /** Writes a holder into the seat without the log. Returns the seat as it was. */
  async function falsify(seatsKey: string, seatId: string, heldBy: string): Promise<string> {
    const json = (await redis.hget(seatsKey, seatId)) as string;
    await redis.hset(seatsKey, seatId, JSON.stringify({ ...JSON.parse(json), status: 2, held_by: heldBy }));
    return json;
  }

  it('[R217] a seat that was changed without the log is a violation: exit code 2', async ({ expect }) => {
    const { child, ended } = await startLoadAlone('contend', ...given(), '--connections', '5', '--duration', '600');
    await begun();
    const json = await falsify('venue:seats', 'J10', 'nobody');
    child.kill('SIGINT');
    const { exitCode, output } = await ended;
    await redis.hset('venue:seats', 'J10', json);
    expect(output).toContain('VIOLATIONS');
    expect(output).toContain('nobody');
    expect(exitCode).toBe(2);
  });

  it('[R584] so is a seat of the show of --show; another show does not matter', async ({ expect }) => {
    const ofHall = ['--show', 'hall', '--connections', '5', '--duration', '600'];
    const { child, ended } = await startLoadAlone('contend', ...given(), ...ofHall);
    await begun('{hall}:venue:seq');
    const json = await falsify('venue:seats', 'J10', 'somebody-else');
    await falsify('{hall}:venue:seats', 'F10', 'nobody');
    child.kill('SIGINT');
    const { exitCode, output } = await ended;
    await redis.hset('venue:seats', 'J10', json);
    expect(output).toContain('VIOLATIONS');
    expect(output).toContain('nobody');
    expect(output).not.toContain('somebody-else');
    expect(exitCode).toBe(2);
  });

  it('[R218] Ctrl-C gives the report so far, audited', async ({ expect }) => {
    const json = join(dir, 'interrupted.json');
    const { child, ended } = await startLoadAlone(
      'contend',
      ...given(),
      '--connections',
      '5',
      '--duration',
      '600',
      '--json',
      json,
    );
    await begun();
    child.kill('SIGINT');
    const { exitCode, output } = await ended;
    expect(output).toContain('interrupted');
    expect(exitCode).toBe(0);
    expect(readReport(json)).toMatchObject({ isInterrupted: true, verdict: { ok: true } });
  });
});
