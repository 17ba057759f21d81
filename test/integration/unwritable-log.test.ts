import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { freePort } from '../support/servers.ts';

/** Rejects a promise that nothing handles, on a signal that nothing else uses. */
const failOnSignal = `data:text/javascript,process.on('SIGWINCH',()=>{Promise.reject(new Error('a fault of the test'))})`;

interface Service {
  child: ChildProcess;
  select(seatId: string): Promise<number>;
}

/** The embedded process with every decision logged; the test chooses the destination of its output. */
async function startService(output: number, errorOutput = output): Promise<Service> {
  const port = await freePort();
  const child = spawn(process.execPath, ['--import', failOnSignal, 'dist/embedded/server.js'], {
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'debug', RATE_LIMIT: 'off' },
    stdio: ['ignore', output, errorOutput],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/ready`)).status).toBe(200), patience);
  return {
    child,
    async select(seatId) {
      const response = await fetch(`${url}/api/seats/select`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ seat_id: seatId, user_id: 'user1' }),
        signal: AbortSignal.timeout(2_000),
      });
      return response.status;
    },
  };
}

function opened(path: string, flags: string | number = 'a'): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** The next write to it blocks, because there is no reader. */
function openedFullPipe(): number {
  const path = join(mkdtempSync(join(tmpdir(), 'concert-booking-log-')), 'pipe');
  execFileSync('mkfifo', [path]);
  const filler = opened(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(filler, Buffer.alloc(4_096));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
  }
  return opened(path, 'w');
}

/** The exit of the process, which must be in time. */
async function endOf({ child }: Service): Promise<string> {
  const late = setTimeout(() => child.emit('exit', null, 'too late'), 20_000);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(late);
  return String(signal ?? code);
}

test('[R300] a log on a full disk: the process decides, and ends in good order on SIGTERM', async () => {
  const service = await startService(opened('/dev/full'));
  for (const seatId of ['A1', 'A2', 'A3', 'A4']) expect(await service.select(seatId)).toBe(200);
  service.child.kill('SIGTERM');
  expect(await endOf(service)).toBe('0');
});

test('[R301] a log on a full disk: a fault of the process itself ends it with code 1', async () => {
  const service = await startService(opened('/dev/full'));
  service.child.kill('SIGWINCH');
  expect(await endOf(service)).toBe('1');
});

test('[R301] an unhandled rejection ends the process with code 1; the cause is in its log', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'concert-booking-log-')), 'embedded.log');
  const service = await startService(opened(file));
  service.child.kill('SIGWINCH');
  expect(await endOf(service)).toBe('1');
  const entries = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(entries.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ level: 'fatal', err: expect.objectContaining({ message: 'a fault of the test' }) }),
  );
});

test('[R300] a log whose reader does not read: the process decides, and ends on SIGTERM', async () => {
  const service = await startService(openedFullPipe(), opened('/dev/null'));
  for (const seatId of ['A1', 'A2', 'A3', 'A4']) expect(await service.select(seatId)).toBe(200);
  service.child.kill('SIGTERM');
  // The thread that waits for the reader cannot be ended in another way.
  expect(await endOf(service)).toBe('SIGKILL');
});
