import { expect, test } from 'vitest';
import { createProcessLogger } from '../../src/process/process-logger.ts';

function logged(entry: object, message = ''): { text: string; lines: string[] } {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  createProcessLogger('test', 'info', destination).info(entry, message);
  const text = written.join('');
  return { text, lines: text.trimEnd().split('\n') };
}

test('[R242] credentials are never written, wherever in an entry they are', () => {
  const secret = 'eyJhbGciOiJIUzI1NiJ9.secret';
  const headers = { authorization: `Bearer ${secret}`, cookie: `session=${secret}`, 'set-cookie': secret };
  for (const entry of [
    { token: secret },
    headers,
    { headers },
    { request: { headers } },
    { options: { password: secret } },
  ]) {
    expect(logged({ ...entry, kept: 'kept' }).text).not.toContain('secret');
    expect(logged({ ...entry, kept: 'kept' }).text).toContain('"kept":"kept"');
  }
});

test('[R442] an entry has the name of its level, and the time as ISO 8601', () => {
  const before = Date.now();
  const { level, time } = JSON.parse(logged({}).text) as { level: string; time: string };
  expect(level).toBe('info');
  expect(new Date(time).toISOString()).toBe(time);
  expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
});

test('[R242] an entry is one line, whatever is in it', () => {
  const forged = 'a\n{"level":"fatal","msg":"forged"}\r\n\u2028\u001b[2J';
  const { lines } = logged({ path: forged }, forged);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('\u001b');
  expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'info', path: forged, msg: forged });
});
