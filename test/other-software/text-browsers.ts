import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post } from '../support/browser.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';
import { installMissing, installTimeoutMs } from './install-missing.ts';

describe.each([
  ['w3m', '/usr/bin/w3m', ['-dump', '-cols', '200']],
  ['lynx', '/usr/bin/lynx', ['-dump', '-width=200']],
])('[R455] %s', (name, program, dumpArgs) => {
  let server: TestServer;
  let page = '';

  beforeAll(async () => {
    await installMissing({ [name]: program });
    server = await startEmbedded();
    for (const id of ['A2', 'A3']) await post(server, 'select', id);
    await post(server, 'book', 'A3');
    const run = (...args: string[]) =>
      execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, HOME: '/tmp' } });
    console.log(run('-version').split('\n')[0]);
    page = run(...dumpArgs, server.url);
  }, installTimeoutMs);
  afterAll(() => server?.stop());

  test('a free, a held and a booked seat differ, and are apart from each other and from their row', () => {
    const row = page.split('\n').find((line) => /^\s*A\s/.test(line)) ?? '';
    expect(
      row
        .replaceAll(/\(BUTTON\)|[[\]]/g, ' ')
        .trim()
        .split(/\s+/),
    ).toEqual(['A', '1', 'h', 'x', '4', '5', '6', '7', '8', '9', '10', 'A']);
    expect(page).toMatch(/\bh Held \(30 s\) 1\b/);
    expect(page).toMatch(/\bx Booked 1\b/);
    expect(page).toContain('Available: 98/100');
  });

  test('what is hidden elsewhere is not shown, and what is missing is said', () => {
    expect(page).toContain('JavaScript is off.');
    for (const hidden of ['Reconnect', 'interrupted', 'Release', 'Book seat', 'Selected seat', 'Your seats:']) {
      expect(page).not.toContain(hidden);
    }
  });
});
