import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../process/config-error.ts';
import { venueMismatch } from '../store/venue-layout.ts';
import type { LaunchConfig } from './launch-config.ts';
import { print } from './print.ts';
import { writePrivately } from './write-privately.ts';

interface Venue {
  venue: string;
  rows: number;
  cols: number;
}

/** By REDIS_KEY_PREFIX: venues of different prefixes have nothing in common. */
type VenueRecord = Record<string, Venue>;

/** Beside the data of the Redis that ./start.sh starts: the record goes when that data is deleted. */
const recordFile = (dataDir: string) => join(dataDir, 'redis', 'venue.json');

/** Throws a ConfigError if the data folder holds another venue, or a larger one: its sold seats would be shown wrongly. */
export function requireSameVenue(config: LaunchConfig): void {
  const known = readRecord(config.dataDir)[config.keyPrefix];
  if (!known) return;
  const { venue: name, rows, cols } = known;
  const problem = venueMismatch({ name, rows, cols }, config.venue, {
    holder: config.dataDir,
    otherPlace: 'give this venue its own folder with DATA_DIR=…',
  });
  if (problem) throw new ConfigError(problem);
}

/** Once the venue is open. A full disk must not end a system that serves. */
export function recordVenue(config: LaunchConfig): void {
  try {
    const { name: venue, rows, cols } = config.venue;
    const record: VenueRecord = { ...readRecord(config.dataDir), [config.keyPrefix]: { venue, rows, cols } };
    writePrivately(recordFile(config.dataDir), `${JSON.stringify(record, undefined, 2)}\n`);
  } catch (error) {
    print(`!! The venue is not recorded in the data folder: ${(error as Error).message}`);
  }
}

function readRecord(dataDir: string): VenueRecord {
  const file = recordFile(dataDir);
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VenueRecord;
  } catch (cause) {
    throw new ConfigError(`${file} is damaged: ${(cause as Error).message}. Delete it; Redis has the venue itself.`, {
      cause,
    });
  }
}
