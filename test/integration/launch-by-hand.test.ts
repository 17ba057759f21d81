import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { documentedCommands, isStartByHand } from '../support/documented-commands.ts';
import { freePort } from '../support/servers.ts';

const commands = documentedCommands()
  .filter(({ document, command }) => document === 'docs/operations.md' && isStartByHand(command))
  .map(({ command }) => command);

const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children.reverse()) {
    const ended = once(child, 'close');
    if (child.kill()) await ended;
  }
});

test('[R493] the commands of docs/operations.md that start each process by hand give a working system', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-by-hand-'));
  const port = async () => String(await freePort());
  const [redis, nats, monitor, booking] = [await port(), await port(), await port(), await port()];
  const edges: string[] = [];
  const settings = {
    REDIS_URL: `redis://127.0.0.1:${redis}`,
    NATS_URL: `nats://127.0.0.1:${nats}`,
    BOOKING_URLS: `http://127.0.0.1:${booking}`,
  };
  let exported = '';
  let output = '';
  for (const command of commands) {
    if (command.startsWith('export ')) exported = `${command}; `;
    let here = command
      .replace(/^redis-server .*/, `$& --port ${redis} --dir ${folder}`)
      .replace('.data/nats', join(folder, 'nats'))
      .replace('-m 8222', `-m ${monitor} -p ${nats}`);
    if (/^PORT=\d+ /.test(here)) {
      edges.push(await port());
      here = here.replace(/^PORT=\d+/, `PORT=${edges.at(-1)}`);
    }
    const env = { ...process.env, ...settings, PORT: booking };
    const child = spawn('sh', ['-c', `${exported}${here.replace(/^(PORT=\d+ )?(?!export)/, '$1exec ')}`], { env });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
      });
    }
    if (!command.startsWith('export ')) children.push(child);
  }
  expect(children.length).toBe(5);
  expect(edges).toHaveLength(2);
  for (const each of [booking, ...edges]) {
    const ready = async () => (await fetch(`http://127.0.0.1:${each}/ready`)).status;
    await expect.poll(() => ready().catch(() => output), { timeout: 30_000 }).toBe(200);
  }
  const select = { method: 'POST', body: JSON.stringify({ seat_id: 'A1', user_id: 'ann' }) };
  expect((await fetch(`http://127.0.0.1:${booking}/api/seats/select`, select)).status).toBe(200);
});
