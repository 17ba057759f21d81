import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { venueSettings } from '../../src/booking/venue-settings.ts';
import { recordVenue, requireSameVenue } from '../../src/launch/venue-record.ts';
import { loadBookingConfig } from '../../src/process/config.ts';

function launch(rows: number) {
  const dataDir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'concert-booking-venue-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  mkdirSync(join(dataDir, 'redis'));
  return { dataDir, keyPrefix: '', venue: venueSettings(loadBookingConfig({ VENUE_ROWS: String(rows) })) };
}

test('[R293] a recorded venue is accepted with its size or a larger one, and refused with a smaller one', () => {
  const config = launch(10);
  recordVenue(config);
  requireSameVenue(config);
  requireSameVenue({ ...config, venue: { ...config.venue, rows: 12 } });
  expect(() => requireSameVenue({ ...config, venue: { ...config.venue, rows: 9 } })).toThrow('DATA_DIR');
});

test.each(['', '{', '[]', '{"": 5}', '{"": {"venue": "main", "rows": "10", "cols": 10}}'])(
  '[R461] a damaged venue.json is reported with the remedy: %j',
  (text) => {
    const config = launch(10);
    writeFileSync(join(config.dataDir, 'redis', 'venue.json'), text);
    expect(() => requireSameVenue(config)).toThrow(/venue\.json is damaged: .* Delete it/);
  },
);
