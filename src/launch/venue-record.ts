import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBookingConfig } from '../config.ts';
import { ConfigError } from '../config-error.ts';
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
  const { venue, rows, cols } = venueOf(config);
  const known = readRecord(config.dataDir)[prefixOf(config)];
  if (!known) return;
  if (known.venue !== venue)
    throw new ConfigError(
      `${config.dataDir} holds the venue "${known.venue}", not "${venue}". Set VENUE=${known.venue}, or give this venue its own folder with DATA_DIR=…`,
    );
  if (rows < known.rows || cols < known.cols)
    throw new ConfigError(
      `${config.dataDir} holds a venue of ${known.rows} rows and ${known.cols} columns, which may grow but not shrink to ${rows} and ${cols}. ` +
        `Set VENUE_ROWS=${known.rows} VENUE_COLS=${known.cols}, or start a new venue in its own folder with DATA_DIR=…`,
    );
}

/** Once the venue is open. A full disk must not end a system that serves. */
export function recordVenue(config: LaunchConfig): void {
  try {
    const record = { ...readRecord(config.dataDir), [prefixOf(config)]: venueOf(config) };
    writePrivately(recordFile(config.dataDir), `${JSON.stringify(record, undefined, 2)}\n`);
  } catch (error) {
    print(`!! The venue is not recorded in the data folder: ${(error as Error).message}`);
  }
}

function venueOf({ env }: LaunchConfig): Venue {
  const { VENUE: venue, VENUE_ROWS: rows, VENUE_COLS: cols } = loadBookingConfig(env);
  return { venue, rows, cols };
}

const prefixOf = ({ env }: LaunchConfig) => loadBookingConfig(env).REDIS_KEY_PREFIX;

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
