import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/servers.ts';

const neededFiles = ['package.json', 'tsconfig.json', 'src', 'machines', 'public', 'shows', 'docs/machines'];

/** A copy: `npm run dev` rebuilds what the other tests use. */
function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-dev-'));
  for (const file of neededFiles) cpSync(file, join(folder, file), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

test('[R492] npm run dev builds everything and serves the page at the documented address', {
  timeout: 120_000,
}, async () => {
  expect(readFileSync('README.md', 'utf8')).toMatch(/^npm run dev .*http:\/\/localhost:8000$/m);
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), NODE_ENV: undefined };
  const child = spawn('npm', ['run', 'dev'], { cwd: copyOfProject(), env, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  onTestFinished(async () => {
    const ended = once(child, 'close');
    process.kill(-(child.pid ?? 0), 'SIGKILL'); // with the watchers, which are processes of their own
    await ended;
  });
  const page = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();
  await expect.poll(() => page().catch(() => output), { timeout: 90_000 }).toContain('id="seat-J10"');
});
