import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readShow } from '../../src/shows/read-shows.ts';
import { documentedCommands } from '../support/documented-commands.ts';
import { severalShows, testShow } from '../support/several-shows.ts';

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shows-'));
  await run('npm', ['run', '-s', 'shows', '--', '--help']); // builds it
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, args: string[]) =>
  new Promise<Result>((resolve) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });

/** As `npm run -s shows -- …`, without building it again. */
const tool = (...args: string[]) => run(process.execPath, ['dist/shows/main.js', ...args]);

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('npm run shows', () => {
  test('[R535] a hall is generated, checked, changed and compared', async () => {
    const made = await tool(
      'generate',
      '--rows',
      '12',
      '--seats',
      '20',
      '--aisle-after',
      '10',
      '--name',
      'My hall',
      '--currency',
      'EUR',
      '--price',
      'adult=2500',
      '--price',
      'child=1000',
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const hall = file('my-hall.json', made.stdout);
    const checked = await tool('check', hall);
    expect(checked.stdout).toContain('240 seats in 1 section and 12 rows');
    expect(checked.stdout).toContain('Standard: 240 seats, adult EUR 25.00, child EUR 10.00');
    const smaller = file('smaller.json', made.stdout.replace('"rows": 12', '"rows": 11').replace('2500', '2600'));
    const compared = await tool('check', smaller, '--against', hall);
    expect(compared.code).toBe(0);
    expect(compared.stdout).toContain('20 seats removed: L1; L2; L3; L4; L5; L6; L7; L8; L9; L10; and 10 more');
    expect(compared.stdout).toContain('price of Standard, adult: EUR 2500 → EUR 2600');
    expect(compared.stdout).toContain('if one of them is held or sold, the change is refused');
  });

  test('[R535] the commands of docs/shows.md put a hall on sale', async () => {
    const path = join(folder, 'opening.json');
    const commands = documentedCommands().filter(({ document }) => document === 'docs/shows.md');
    const outputs: string[] = [];
    for (const { command } of commands) {
      const { code, stdout } = await run('sh', ['-c', command.replaceAll('shows/opening.json', path)]);
      expect(code, command).toBe(0);
      outputs.push(stdout);
    }
    expect(commands).toHaveLength(2);
    const example = /^shows\/opening\.json: "Opening night"(?:.*\n){3}/m.exec(readFileSync('docs/shows.md', 'utf8'));
    const shown = example?.[0].replace('shows/opening.json', path) ?? 'no example';
    expect(outputs[1]).toContain(shown);
  });

  test('[R535] the errors of several files are on standard error, one line each, and the exit code is 1', async () => {
    const unnamed = file('unnamed.json', {});
    const misnamed = file('My Hall.json', {});
    const { code, stdout, stderr } = await tool(
      'check',
      unnamed,
      misnamed,
      'shows/chamber.json',
      join(folder, 'none.json'),
    );
    expect([code, stdout]).toEqual([1, '']);
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('unnamed.json: .name is missing; must be');
    expect(lines[3]).toContain('My Hall.json: the name of the file is the id of the show');
    expect(lines[4]).toContain('none.json: cannot be read: ENOENT');
  });

  test('[R535] without a file, all shows of the folder are checked', async () => {
    const { code, stdout } = await tool('check');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shows\/arena\.json: .*\n {2}9930 seats in 26 sections/);
    expect(stdout).toContain('shows/chamber.json: ');
  });

  test('[R676] a file is compared with a running server: what would move, what is taken, whether it would be refused', async () => {
    const text = (
      await tool('generate', '--rows', '2', '--seats', '5', '--name', 'Opening', '--starts-at', '2099-01-01T20:00:00Z')
    ).stdout;
    const path = file('opening.json', text);
    const { app, post } = await severalShows({ shows: [testShow('main'), readShow(path)] });
    const server = await app.listen({ host: '127.0.0.1', port: 0 });
    await post('opening/holds', { seats: ['B2'], user_id: 'ann' });
    await post('opening/holds', { seats: ['B3'], user_id: 'bob' });
    await post('opening/holds/book', { user_id: 'bob' });

    const same = await tool('check', path, '--server', server);
    expect([same.code, same.stdout]).toEqual([
      0,
      expect.stringContaining('1 seat is held and 1 booked now:\n  no difference'),
    ]);
    const larger = file('opening.json', text.replace('"rows": 2', '"rows": 3').replace('"Opening"', '"Second night"'));
    const accepted = await tool('check', larger, '--server', `${server}/`);
    expect(accepted).toMatchObject({ code: 0, stderr: '' });
    expect(accepted.stdout).toContain('5 seats added: C1; C2; C3; C4; C5');
    expect(accepted.stdout).toContain('name: Opening → Second night');

    const refused = await tool(
      'check',
      file('opening.json', text.replace('"rows": 2', '"rows": 1')),
      '--server',
      server,
    );
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('5 seats removed: B1; B2; B3; B4; B5');
    expect(refused.stderr).toContain(
      'opening: the server would refuse this change now: seat B2 (held) would be removed, seat B3 (booked) would be removed',
    );

    const unknown = await tool('check', file('gala.json', text), '--server', server);
    expect([unknown.code, unknown.stdout]).toEqual([0, expect.stringContaining('it does not have the show gala yet')]);
    await app.close();
    const gone = await tool('check', path, '--server', server);
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/api\/shows\/opening: cannot be read: .*ECONNREFUSED/),
    ]);
  });

  test('[R675] warnings are printed, and do not fail the check', async () => {
    const { stdout } = await tool('generate', '--rows', '2', '--seats', '5', '--starts-at', '2020-01-01T20:00:00Z');
    const path = file('past.json', stdout);
    const checked = await tool('check', path);
    expect([checked.code, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toContain(
      `${path}: warning: .starts_at is "2020-01-01T20:00:00Z"; the time is over, so nothing can be sold`,
    );
  });

  test('[R535] a show is exported to pretix and imported again, with a line for each seat', async () => {
    const exported = await tool('export', 'chamber');
    const imported = await tool('import', file('plan.json', exported.stdout));
    expect([exported.code, imported.code]).toEqual([0, 0]);
    expect(imported.stdout.split('\n').filter((line) => line.includes('"id"'))).toHaveLength(120);
    expect(imported.stderr).toContain('Next: set starts_at');
    const compared = await tool('check', file('imported.json', imported.stdout), '--against', 'chamber');
    expect(compared.stdout).not.toMatch(/seats? (added|removed|moved|in another category)/);
    expect(compared.stdout).toContain('6 seats with other flags');
  });

  test('[R535] an inline plan is the plan of the layout', async () => {
    const size = ['--rows', '3', '--seats', '7', '--curved', '--distance', '200'];
    const layout = file('layout.json', (await tool('generate', ...size)).stdout);
    const inline = file('inline.json', (await tool('generate', ...size, '--inline')).stdout);
    expect((await tool('check', inline, '--against', layout)).stdout).toContain('no difference');
  });

  test('[R535] a file that is too large or reserved is refused', async () => {
    const large = await tool('check', file('large.json', ' '.repeat(8 * 1024 * 1024 + 1)));
    expect(large.stderr).toContain('has 8388609 bytes, must have at most 8388608');
    expect((await tool('check', file('main.json', {}))).stderr).toContain('the show "main" is built in');
  });

  test('[R535] a command line that is wrong gets its reason and the usage', async () => {
    for (const [args, reason] of [
      [[], 'A command is missing'],
      [['chek'], 'chek: no such command'],
      [['generate', '--rows', '3'], 'generate needs --rows and --seats'],
      [['generate', '--rows', 'x', '--seats', '3'], '--rows x: must be a whole number'],
      [['generate', '--row', '3'], "Unknown option '--row'"],
    ] as const) {
      const { code, stdout, stderr } = await tool(...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(reason);
      expect(stderr).toContain('npm run shows -- COMMAND');
    }
    expect(await tool('check', '--help')).toMatchObject({ code: 0, stderr: '' });
  });

  test('[R535] the schema is that of the repository, and the costs of a show are measured', async () => {
    const schema = JSON.parse((await tool('schema')).stdout);
    expect(schema).toEqual(JSON.parse(readFileSync('shows/show.schema.json', 'utf8')));
    const { code, stdout } = await tool('measure', 'chamber');
    expect(code).toBe(0);
    expect(stdout).toMatch(/chamber, 120 seats: opened in [\d.]+ ms with its hash, [1-9]\d* KiB of memory/);
    expect(stdout.match(/bestSeats .* ms/g)).toHaveLength(12);
  });
});
