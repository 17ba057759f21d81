import { afterEach, expect, test, vi } from 'vitest';
import { summaryOf } from '../../src/booking/show-replies.ts';
import { localIso, utcOffsetMinutes } from '../../src/shows/local-time.ts';
import { parseShow } from '../../src/shows/parse-show.ts';
import { showChanges } from '../../src/shows/show-changes.ts';
import { timeText, zonedTimeText } from '../../src/shows/time-text.ts';
import { summaryOf as checkSummaryOf } from '../../src/shows/tool/summary.ts';

afterEach(() => void vi.unstubAllEnvs());

const show = (times: Record<string, string>) =>
  parseShow(
    'opera',
    JSON.stringify({
      name: 'Opera',
      categories: [{ name: 'Standard', colour: '#1e8449' }],
      layout: { sections: [{ name: 'Hall', rows: 2, seats: 4, category: 'Standard' }] },
      ...times,
    }),
    'opera.json',
  );

test('[R650] each time of a show keeps the offset that its file has; the end of the sale is that of the show', () => {
  const summary = summaryOf(
    show({ starts_at: '2026-12-01T20:00:00+01:00', sale_opens_at: '2026-07-01T10:00-03:30' }),
    0,
  );
  expect(summary).toMatchObject({
    starts_at: '2026-12-01T20:00:00+01:00',
    sale_opens_at: '2026-07-01T10:00:00-03:30',
    sale_closes_at: '2026-12-01T20:00:00+01:00',
  });
  expect(summaryOf(show({ starts_at: '2026-12-01T20:00:00Z' }), 0).starts_at).toBe('2026-12-01T20:00:00.000Z');
});

test.each(['2026-12-01T20:00:00+01:00', '2030-01-01T00:15:00-11:45', '2030-01-01T00:15:00+00:00'])(
  '[R650] %s is the same text again',
  (iso) => expect(localIso(Date.parse(iso), utcOffsetMinutes(iso))).toBe(iso),
);

test('[R650] the hall comes first, and the time of the viewer only if it differs', () => {
  vi.stubEnv('TZ', 'Europe/Berlin');
  expect(timeText('2026-12-01T20:00:00+01:00', 'en')).toBe('Tue, December 1, 2026 at 20:00');
  // Summer time counts at the time of the show.
  expect(timeText('2026-07-01T20:00:00+02:00', 'en')).toBe('Wed, July 1, 2026 at 20:00');
  expect(timeText('2026-12-01T20:00:00-05:00', 'en')).toBe(
    'Tue, December 1, 2026 at 20:00 UTC−5 (your time: Wed, December 2, 2026 at 02:00)',
  );
  expect(timeText('2026-12-01T20:00:00+02:00', 'en'), 'the same day').toContain('20:00 UTC+2 (your time: 19:00)');
  expect(timeText('2026-12-01T20:00:00Z', 'en'), 'a hall without an offset').toBe('Tue, December 1, 2026 at 21:00');
  expect(timeText('2026-12-01T20:00:00+00:00', 'en'), 'a hall in UTC').toContain('at 20:00 UTC (your time:');
});

test('[R650] without JavaScript times have the offset of the hall', () => {
  expect(zonedTimeText('2026-12-01T20:00:00+01:00', 'en')).toBe('Tue, December 1, 2026 at 20:00 UTC+1');
  expect(zonedTimeText('2026-12-01T20:00:00-03:30', 'en')).toBe('Tue, December 1, 2026 at 20:00 UTC−3:30');
  expect(zonedTimeText('2026-12-01T20:00:00Z', 'en')).toBe('Tue, December 1, 2026 at 20:00 UTC');
});

test('[R1053] `check` prints the start in the time of the hall with the name of its zone', () => {
  const start = (starts_at: string) => checkSummaryOf(show({ starts_at }), 0).split('\n')[0];
  expect(start('2026-12-01T20:00:00+01:00')).toBe('"Opera", starts Tue, December 1, 2026 at 20:00 UTC+1, sale open');
  expect(start('2026-12-01T20:00:00Z')).toContain('starts Tue, December 1, 2026 at 20:00 UTC, ');
});

test('[R1053] the changes of a show have times as its file has them', () => {
  const { facts } = showChanges(
    show({ starts_at: '2026-12-01T20:00:00+01:00' }),
    show({ starts_at: '2026-12-01T19:30:00Z' }),
  );
  expect(facts[0]).toEqual({ of: 'starts_at', from: '2026-12-01T20:00:00+01:00', to: '2026-12-01T19:30:00.000Z' });
});
