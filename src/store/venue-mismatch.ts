import type { GridSize } from '../shows/default-show.ts';

export type NamedGrid = GridSize & { name?: string | undefined };

const ofRedis = { holder: 'It', otherPlace: 'set another REDIS_KEY_PREFIX.' };

/**
 * Why the default show must not be opened where another one was sold before, with the remedy; undefined if it may. The
 * launcher checks this before it starts anything; `RedisVenue` compares the whole plan, seat by seat.
 */
export function venueMismatch(
  known: NamedGrid,
  wanted: NamedGrid,
  { holder, otherPlace } = ofRedis,
): string | undefined {
  const { name, rows, cols } = known;
  if (name !== undefined && wanted.name !== undefined && name !== wanted.name)
    return `${holder} holds the venue "${name}", not "${wanted.name}". Set VENUE=${name}, or ${otherPlace}`;
  if (rows <= wanted.rows && cols <= wanted.cols) return undefined;
  return (
    `${holder} holds a venue of ${rows} rows and ${cols} columns, which may grow but not shrink to ${wanted.rows} and ${wanted.cols}. ` +
    `Set VENUE_ROWS=${rows} VENUE_COLS=${cols}, or ${otherPlace}`
  );
}
