import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/servers.ts';

/** An edge, until it ends or listens. */
async function startedEdge(env: NodeJS.ProcessEnv): Promise<{ code: number | null; stderr: string; log: string }> {
  const child = spawn(process.execPath, ['dist/edge/server.js'], { env: { PATH: process.env.PATH, ...env } });
  let [stderr, log] = ['', ''];
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdout.on('data', (data) => {
    log += data;
    if (log.includes('"msg":"Listening"')) child.kill('SIGKILL');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr, log };
}

test('[R440] [R441] a process that cannot use a setting ends with 1; it names the setting, its value, the remedy, and misspelt settings', async () => {
  const { code, stderr } = await startedEdge({ PORT: 'abc', HOLD_SECOND: '5' });
  expect(code).toBe(1);
  expect(stderr).toBe(
    `HOLD_SECOND is not a setting and has no effect. Did you mean HOLD_SECONDS?
These settings cannot be used:
  PORT="abc": must be a whole number from 1 to 65535
docs/configuration.md explains every setting.
`,
  );
});

test('[R440] a port that is in use, and an address of another machine, are named with the remedy', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const [inUse, elsewhere] = await Promise.all([
    startedEdge({ PORT: String(port) }),
    startedEdge({ PORT: String(await freePort()), HOST: '203.0.113.7' }),
  ]);
  expect(inUse.code).toBe(1);
  expect(inUse.stderr).toBe(
    `PORT=${port}: another program listens on this port of 127.0.0.1. Stop it, or set PORT to another port.\n`,
  );
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.stderr).toContain('HOST="203.0.113.7": must be an address of this machine');
});

test('[R441] [R442] a misspelt setting is logged as a warning, with the name of its level and ISO time', async () => {
  const { log } = await startedEdge({ PORT: String(await freePort()), HOLD_SECOND: '5' });
  const entries = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(entries).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'HOLD_SECOND is not a setting and has no effect. Did you mean HOLD_SECONDS?',
    }),
  );
});
