import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { SeatingPlan } from '../venue/seating-plan.ts';

export interface VenueLayout {
  rows: number;
  cols: number;
}

/** All seats of a new venue, in row-major order. */
export function* emptySeats(layout: VenueLayout): Generator<Seat> {
  for (const planned of SeatingPlan.rectangular(layout).seats) {
    yield { ...planned, status: SeatStatus.available, seq: 0 };
  }
}

export function inRowMajorOrder(seats: Seat[]): Seat[] {
  return seats.sort((a, b) => a.row - b.row || a.col - b.col);
}

export const seatCount = ({ rows, cols }: VenueLayout): number => rows * cols;

export type NamedLayout = VenueLayout & { name?: string | undefined };

/** From the fields of `venue:about`; undefined if it has none. */
export function knownLayout({ venue, rows, cols }: Record<string, string>): NamedLayout | undefined {
  return rows && cols ? { name: venue, rows: Number(rows), cols: Number(cols) } : undefined;
}

const ofRedis = { holder: 'It', otherPlace: 'set another REDIS_KEY_PREFIX.' };

/**
 * Why a venue must not be opened where another one was sold before, with the remedy; undefined if it may. A venue may
 * grow, but a seat that was sold must not go.
 */
export function venueMismatch(
  known: NamedLayout,
  wanted: NamedLayout,
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
