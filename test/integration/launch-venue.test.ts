import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

function start(settings: Settings): Launch {
  const launch = new Launch(settings);
  onTestFinished(() => launch.cleanUp());
  return launch;
}

async function refusal(settings: Settings): Promise<string> {
  const launch = new Launch(settings);
  expect(await launch.exitCode).toBe(1);
  expect(launch.output).not.toContain('Starting');
  return launch.output;
}

test('[R293] a data folder keeps its venue: growing is allowed, another name or a smaller size is not', async () => {
  const settings = { ...(await freeSettings()), VENUE: 'friday', VENUE_ROWS: '4', VENUE_COLS: '5' };
  const first = await start(settings).isUp();
  first.signal('SIGTERM');
  await first.exitCode;

  const file = join(settings.DATA_DIR, 'redis', 'venue.json');
  const recorded = readFileSync(file, 'utf8');
  expect(await refusal({ ...settings, VENUE: 'saturday' })).toContain(
    `${settings.DATA_DIR} holds the venue "friday", not "saturday". Set VENUE=friday, or give this venue its own folder`,
  );
  const smaller = await refusal({ ...settings, VENUE_ROWS: '8', VENUE_COLS: '4' });
  expect(smaller).toContain('holds a venue of 4 rows and 5 columns, which may grow but not shrink to 8 and 4');
  expect(smaller).toContain('VENUE_ROWS=4 VENUE_COLS=5');
  writeFileSync(file, '{');
  expect(await refusal(settings)).toContain(`${file} is damaged`);
  writeFileSync(file, recorded);

  const grown = await start({ ...settings, VENUE_ROWS: '6' }).isUp();
  const seats = await fetch(`http://127.0.0.1:${settings.HTTP_PORT}/api/seats`);
  expect(await seats.json()).toHaveLength(30);
  grown.signal('SIGTERM');
  await grown.exitCode;
  expect(await refusal({ ...settings, VENUE_ROWS: '5' })).toContain('6 rows and 5 columns');
}, 120_000);
