import { describe, expect, test } from 'vitest';
import { eventsOfLog } from '../../src/store/event-log.ts';
import { isoTime } from '../../src/store/seat-event.ts';

const entry = (seq: number, change: Record<string, string> = {}): string[] =>
  Object.entries({
    type: 'held',
    seat_id: 'A1',
    user_id: 'ann',
    at_ms: '1700000000123',
    seq: String(seq),
    ...change,
  }).flat();
const after = { epoch: 'e1', seq: 4 };

describe('[R385] the log is read exactly as written, or refused', () => {
  test('events follow the position without gaps', () => {
    const expires = { expires_ms: '1700000030123' };
    const released = { type: 'released', reason: 'expired', at_ms: '1700000031000' };
    expect(eventsOfLog([entry(5, expires), entry(6, released), entry(7, { type: 'booked' })], after)).toMatchObject([
      {
        type: 'held',
        status: 1,
        seq: 5,
        epoch: 'e1',
        expires_at: 1_700_000_030.123,
        timestamp: '2023-11-14T22:13:20.123Z',
      },
      { type: 'released', status: 0, seq: 6, reason: 'expired', timestamp: '2023-11-14T22:13:51.000Z' },
      { type: 'booked', status: 2, seq: 7, timestamp: '2023-11-14T22:13:20.123Z' },
    ]);
  });

  test.each([
    ['a gap at the beginning', [entry(6)]],
    ['a gap in between', [entry(5), entry(7)]],
    ['a repeated event', [entry(5), entry(5)]],
    ['an unknown type', [entry(5, { type: 'sold' })]],
  ])('%s is an error', (_, entries) => {
    expect(() => eventsOfLog(entries, after)).toThrow(/must/);
  });

  test('equal times give equal text, different times different text', () => {
    expect([isoTime(0), isoTime(0), isoTime(1), isoTime(0)].map((text) => text.slice(-5))).toEqual([
      '.000Z',
      '.000Z',
      '.001Z',
      '.000Z',
    ]);
  });
});
