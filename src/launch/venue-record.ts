import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../process/config-error.ts';
import { messageOf } from '../process/error-facts.ts';
import { isObject } from '../process/is-object.ts';
import { venueMismatch } from '../store/venue-mismatch.ts';
import type { LaunchConfig } from './launch-config.ts';
import { print } from './print.ts';
import { writePrivately } from './write-privately.ts';

type VenueLaunch = Pick<LaunchConfig, 'dataDir' | 'keyPrefix' | 'venue'>;

interface Venue {
  venue: string;
  rows: number;
  cols: number;
}

/** Keyed by REDIS_KEY_PREFIX: each prefix has its own venue. */
type VenueRecord = Record<string, Venue>;

/** In the folder of our Redis: deleting its data deletes the record, too. */
const recordFile = (dataDir: string) => join(dataDir, 'redis', 'venue.json');

/** Throws a ConfigError if the data folder holds another or a larger venue: its sold seats would be shown wrongly. */
export function requireSameVenue(config: VenueLaunch): void {
  const known = readRecord(config.dataDir)[config.keyPrefix];
  if (!known) return;
  const { venue: name, rows, cols } = known;
  const problem = venueMismatch({ name, rows, cols }, config.venue, {
    holder: config.dataDir,
    otherPlace: 'give this venue its own folder with DATA_DIR=…',
  });
  if (problem) throw new ConfigError(problem);
}

/** Called once the venue is open. Does not throw: a full disk must not stop a running system. */
export function recordVenue(config: VenueLaunch): void {
  try {
    const { name: venue, rows, cols } = config.venue;
    const record: VenueRecord = { ...readRecord(config.dataDir), [config.keyPrefix]: { venue, rows, cols } };
    writePrivately(recordFile(config.dataDir), `${JSON.stringify(record, undefined, 2)}\n`);
  } catch (error) {
    print(`!! The venue is not recorded in the data folder: ${messageOf(error)}`);
  }
}

function readRecord(dataDir: string): VenueRecord {
  const file = recordFile(dataDir);
  if (!existsSync(file)) return {};
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    assert(isVenueRecord(record), 'it is not a record of venues');
    return record;
  } catch (cause) {
    throw new ConfigError(`${file} is damaged: ${messageOf(cause)}. Delete it; Redis has the venue itself.`, {
      cause,
    });
  }
}

const isVenueRecord = (value: unknown): value is VenueRecord => isObject(value) && Object.values(value).every(isVenue);

const isVenue = (value: unknown): value is Venue =>
  isObject(value) &&
  typeof value.venue === 'string' &&
  typeof value.rows === 'number' &&
  typeof value.cols === 'number';
