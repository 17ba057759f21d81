import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StateLog } from '../../src/process/state-log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const lines: [level: string, text: string, fields: object][] = [];
  const at = (level: string) => (fields: object, text: string) => void lines.push([level, text, fields]);
  return { lines, log: new StateLog({ info: at('info'), warn: at('warn') }) };
}

test('[R278] a state is logged when it begins, not while it lasts', () => {
  const { lines, log } = setUp();
  for (let i = 0; i < 100; i++) {
    log.warn('down', { error: 'refused' });
    vi.advanceTimersByTime(1_000);
  }
  log.info('up');
  log.info('up');
  expect(lines).toEqual([
    ['warn', 'down', { error: 'refused' }],
    ['info', 'up', {}],
  ]);
});

test('[R278] a different reason is a different state', () => {
  const { lines, log } = setUp();
  log.warn('down', { error: 'refused' });
  log.warn('down', { error: 'timeout' });
  expect(lines).toHaveLength(2);
});

test('[R278] a flapping state is logged a few times in 10 s, its last change always', () => {
  const { lines, log } = setUp();
  for (let i = 0; i < 300; i++) {
    log.warn('down');
    vi.advanceTimersByTime(50);
    log.info('up');
    vi.advanceTimersByTime(50);
  }
  expect(lines.length).toBeGreaterThan(4);
  expect(lines.length).toBeLessThanOrEqual(16);
  vi.advanceTimersByTime(10_000);
  const [level, text, fields] = lines.at(-1) as (typeof lines)[0];
  expect([level, text]).toEqual(['info', 'up']);
  expect(fields).toMatchObject({ changes: expect.any(Number) });
  const { length } = lines;
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(length);
});
