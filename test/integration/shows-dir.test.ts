import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ShowList } from '../../src/protocol/show.ts';
import { freePort, startEmbedded } from '../support/servers.ts';

const show = (changes: object = {}) => ({
  name: 'Quartet',
  starts_at: '2099-01-01T20:00:00Z',
  categories: [{ name: 'Standard', colour: '#1e8449' }],
  layout: { sections: [{ name: 'Hall', rows: 2, seats: 3, category: 'Standard' }] },
  ...changes,
});

/** A folder of show files, deleted after the test. A text is written as it is. */
function folderOf(files: Record<string, object | string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'shows-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

/** Runs a process that must not start, and returns what it writes to stderr. */
async function refusedStart(server: string, env: NodeJS.ProcessEnv): Promise<string> {
  const port = String(await freePort());
  const child = spawn(process.execPath, [`dist/${server}/server.js`], {
    env: { PATH: process.env.PATH, PORT: port, RATE_LIMIT: 'off', ...env },
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  // A process that starts after all would run until the end of the test.
  child.stdout.on('data', (data) => String(data).includes('"msg":"Listening"') && child.kill('SIGKILL'));
  expect(await once(child, 'close')).toEqual([1, null]);
  return stderr;
}

async function idsAt(env: NodeJS.ProcessEnv): Promise<string[]> {
  const server = await startEmbedded({ env });
  onTestFinished(() => server.stop());
  const { shows } = (await (await fetch(`${server.url}/api/shows`)).json()) as ShowList;
  return shows.map(({ id }) => id);
}

test.each(['booking', 'embedded'])(
  '[R629] [R511] one bad file stops the start of a %s process: file, path, problem',
  async (server) => {
    const layout = { sections: [{ name: 'Hall', rows: 0, seats: 3, category: 'Rear' }] };
    const folder = folderOf({ 'good.json': show(), 'quartet.json': show({ layout }) });
    const stderr = await refusedStart(server, { SHOWS_DIR: folder });
    expect(stderr).toContain(`${join(folder, 'quartet.json')}: .layout.sections[0].rows is 0; must be `);
    expect(stderr, 'no stack').not.toContain('    at ');
  },
);

test.each([
  ['cut off', { 'quartet.json': '{"name": "Quar' }, 'quartet.json'],
  ['empty', { 'quartet.json': '' }, 'quartet.json'],
  ['named with capital letters', { 'Quartet.json': show() }, 'Quartet.json: the name of the file is the id'],
  ['named with dots', { 'quar.tet.json': show() }, 'quar.tet.json: the name of the file is the id'],
  ['named with 33 characters', { [`${'q'.repeat(33)}.json`]: show() }, 'the name of the file is the id'],
  ['main.json', { 'main.json': show() }, 'main.json: the show "main" is built in'],
])('[R629] a file that is %s stops the start', async (_, files, problem) => {
  const folder = folderOf(files as Record<string, object | string>);
  expect(await refusedStart('booking', { SHOWS_DIR: folder })).toContain(problem);
});

test('[R629] a file named like VENUE is refused: the default show has this id', async () => {
  const folder = folderOf({ 'quartet.json': show() });
  const stderr = await refusedStart('booking', { SHOWS_DIR: folder, VENUE: 'quartet' });
  expect(stderr).toBe(`${folder}/quartet.json: the default show has this id (VENUE). Rename one of them\n`);
});

test('[R629] a folder that does not exist, or a directory named like a file, is refused', async () => {
  const folder = folderOf({});
  mkdirSync(join(folder, 'quartet.json'));
  expect(await refusedStart('booking', { SHOWS_DIR: folder })).toContain(
    `${join(folder, 'quartet.json')}: cannot be read: `,
  );
  const missing = join(folder, 'nowhere');
  expect(await refusedStart('booking', { SHOWS_DIR: missing })).toContain(`${missing}: cannot be read: ENOENT`);
});

test('[R629] the shows of the folder are on sale in the order of their ids; two files cannot have one id', async () => {
  const files = { 'b.json': show(), 'a.json': show(), 'notes.txt': 'no show', 'show.schema.json': '{}' };
  expect(await idsAt({ SHOWS_DIR: folderOf(files), VENUE: 'hall' })).toEqual(['hall', 'a', 'b']);
});

test("[R629] an empty SHOWS_DIR means the default show only; without it, the project's own shows are on sale", async () => {
  expect(await idsAt({ SHOWS_DIR: '' })).toEqual(['main']);
  expect(await idsAt({})).toEqual(['main', 'arena', 'chamber']);
});
