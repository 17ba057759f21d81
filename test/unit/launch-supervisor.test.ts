import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import * as terminal from '../../src/launch/print.ts';
import { NotReadyError } from '../../src/launch/probes.ts';
import type { ServiceSpec } from '../../src/launch/service-process.ts';
import { Supervisor } from '../../src/launch/supervisor.ts';
import { patience } from '../support/patience.ts';

const print = vi.spyOn(terminal, 'print').mockImplementation(() => {});

const printed = () => print.mock.calls.map(([text]) => text.trim());
const never = new AbortController().signal;
/** Long enough that a process is seen to run before the next one is started. */
const firstPauseMs = 200;
let dir: string;

beforeEach(() => {
  print.mockClear();
  dir = mkdtempSync(join(tmpdir(), 'concert-booking-supervisor-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true, force: true });
});

/** Each run appends its pid to a file; the test determines the rest. */
function service(script: string, spec: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: 'it',
    command: ['/bin/sh', '-c', `echo $$ >> ${dir}/runs; echo "run $$"; ${script}`],
    env: process.env,
    logFile: join(dir, 'logs', 'it.log'),
    answers: async () => {
      if (runs().length === 0) throw new Error('not started');
    },
    stopTimeoutMs: 1_000,
    hint: 'no hint',
    ...spec,
  };
}

function runs(): string[] {
  try {
    return readFileSync(join(dir, 'runs'), 'utf8').match(/\d+(?=\n)/g) ?? []; // the shell makes the file before it writes to it
  } catch {
    return [];
  }
}

async function supervise(spec: ServiceSpec): Promise<Supervisor> {
  const supervisor = new Supervisor(firstPauseMs, () => {});
  onTestFinished(() => supervisor.stop());
  await supervisor.start([spec], never);
  return supervisor;
}

const running = 'exec sleep 1000';

test('[R302] a service that ends repeatedly is restarted with growing pauses, each of them printed', async () => {
  await supervise(service(`if [ $(wc -l < ${dir}/runs) -ge 4 ]; then ${running}; fi; sleep 0.2; exit 7`));
  await vi.waitFor(() => expect(runs()).toHaveLength(4), patience);
  await vi.waitFor(() => expect(printed().at(-1)).toMatch(/^it is back \(pid \d+\)/), patience);
  const ends = printed().filter((text) => text.startsWith('!!'));
  expect(ends.map((text) => text.replace(/ Log: .*/, ''))).toEqual([
    '!! it ended unexpectedly (exit code 7). Restarting it in 0.2 s.',
    '!! it ended again (exit code 7), 2 times so far. Restarting it in 0.4 s.',
    '!! it ended again (exit code 7), 3 times so far. Restarting it in 0.8 s.',
  ]);
  // Earlier runs were too short: only the last one is reported as back, and the first, whose end came later.
  expect(printed().filter((text) => text.includes('is back')).length).toBeLessThanOrEqual(2);
});

test('[R304] a log that can no longer be opened: the service runs without it, which is printed once', async () => {
  const spec = service(running);
  const supervisor = await supervise(spec);
  rmSync(join(dir, 'logs'), { recursive: true });
  writeFileSync(join(dir, 'logs'), 'in the way');
  process.kill(supervisor.pidOf('it') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(runs()).toHaveLength(2), patience);
  await vi.waitFor(() => expect(printed().at(-1)).toContain('is back'), patience);
  expect(printed().filter((text) => text.includes('runs without a log'))).toHaveLength(1);

  rmSync(join(dir, 'logs'));
  process.kill(supervisor.pidOf('it') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(printed().join()).toContain('has its log again'), patience);
  await vi.waitFor(() => expect(readFileSync(spec.logFile, 'utf8')).toContain('run '), patience);
});

test('[R304] a log that cannot be opened at the first start: the start fails with its path', async () => {
  writeFileSync(join(dir, 'logs'), 'in the way');
  await expect(supervise(service(running))).rejects.toThrow(`${join(dir, 'logs')} cannot be made: a file is where`);
});

test('[R302] a program that is missing at a restart is reported and retried', async () => {
  const program = join(dir, 'program');
  const write = () => writeFileSync(program, `#!/bin/sh\necho $$ >> ${dir}/runs\n${running}\n`, { mode: 0o755 });
  write();
  const supervisor = await supervise(service('', { command: [program] }));
  rmSync(program);
  process.kill(supervisor.pidOf('it') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(printed().join()).toContain(`ended again (spawn ${program} ENOENT)`), patience);
  write();
  await vi.waitFor(() => expect(runs()).toHaveLength(2), patience);
  await vi.waitFor(() => expect(printed().at(-1)).toContain('is back'), patience);
});

test('[R303] a restarted service that does not reply is killed and restarted', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  let started = 1;
  const answers = async () => {
    const { length } = runs();
    if (length === 2) {
      vi.setSystemTime(Date.now() + 1_000); // the 30 s pass with 30 probes
      throw new Error('no answer');
    }
    if (length < started) throw new Error('not started');
  };
  const supervisor = await supervise(service(running, { answers }));
  started = 2;
  process.kill(supervisor.pidOf('it') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(runs(), printed().join('\n')).toHaveLength(3), patience);
  expect(printed().join()).toContain('it did not reply within 30 s: no answer');
  await vi.waitFor(() => expect(printed().at(-1)).toContain('is back'), patience);
});

test('[R303] a restarted service that replies but is not ready keeps running', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  let probes = 0;
  let started = 1;
  const answers = async () => {
    if (runs().length < started) throw new Error('not started');
    if (started === 1 || probes > 100) return;
    probes++;
    vi.setSystemTime(Date.now() + 1_000);
    throw new NotReadyError('GET /ready answers 503');
  };
  const supervisor = await supervise(service(running, { answers }));
  started = 2;
  process.kill(supervisor.pidOf('it') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(printed().at(-1)).toContain('is back'), patience);
  expect(probes).toBeGreaterThan(100);
  expect(runs()).toHaveLength(2);
  expect(printed().filter((text) => text.includes('did not reply'))).toHaveLength(1);
});

test.each([
  ['exit 0', 'shut down in order, as after SIGTERM (exit code 0)'],
  ['exit 3', 'ended unexpectedly (exit code 3)'],
  ['kill -TERM $$', 'ended unexpectedly (signal SIGTERM)'],
])('[R677] a service that ends with "%s" %s', async (end, text) => {
  await supervise(service(`if [ $(wc -l < ${dir}/runs) -ge 2 ]; then ${running}; fi; sleep 0.2; ${end}`));
  await vi.waitFor(() => expect(printed().at(-1)).toMatch(/^it is back/), patience);
  expect(printed()[0]).toMatch(`!! it ${text}. Restarting it in 0.2 s.`);
});

test('[R672] shows that a service must not sell are printed once with the reason, and when it sells them again', async () => {
  const reason = 'seat C5 (booked) would be removed';
  const replies: (Record<string, string> | Error)[] = [
    { opening: reason },
    { opening: reason },
    new Error('no reply'),
    { gala: 'x' },
  ];
  const refusedShows = vi.fn(async () => {
    const reply = replies.shift() ?? {};
    if (reply instanceof Error) throw reply;
    return reply;
  });
  await supervise(service(running, { refusedShows }));
  await vi.waitFor(() => expect(refusedShows.mock.calls.length).toBeGreaterThanOrEqual(6), patience);
  expect(printed()).toEqual([
    `!! it does not sell the show opening: ${reason}`,
    '!! it does not sell the show gala: x',
    'it sells the show opening again.',
    'it sells the show gala again.',
  ]);
});
