import type { Seat } from '../../src/protocol/seat.ts';
import { answerKeptMs } from '../../src/store/seat-store.ts';
import type { CheckOptions, SeatOperation } from './linearizability.ts';
import type { StoreServer } from './simulated-store.ts';
import type { RecordedOperation } from './users.ts';

/** Times are told on two clocks of one machine, in whole milliseconds. */
const clockErrorMs = 2;

interface SeatHistory {
  seatId: string;
  operations: SeatOperation[];
  options: CheckOptions;
}

/** What happened to each seat, as its users saw it; one history for each life of the store's data. */
export function* seatHistories(
  seatIds: readonly string[],
  operations: readonly RecordedOperation[],
  store: Pick<StoreServer, 'losses' | 'jumps' | 'hasJumped' | 'clockOffsetMs'>,
): Generator<SeatHistory> {
  // Where the store's clock has jumped, the times that it told say nothing.
  const told = (seat: Seat) => (store.hasJumped ? withoutEnd(seat) : onOurClock(seat, store.clockOffsetMs));
  const all = [...operations, ...forgottenTries(operations, store.jumps)];
  const lives = [{ atMs: Number.NEGATIVE_INFINITY, seats: undefined }, ...store.losses];
  for (const [i, { atMs, seats }] of lives.entries()) {
    const endMs = lives[i + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    for (const seatId of seatIds) {
      const ours = all.filter((operation) => operation.seatId === seatId && mayBelong(operation, atMs, endMs));
      const initial = seats?.get(seatId);
      yield {
        seatId,
        operations: ours.map((operation) => ({ ...operation, outcome: outcomeIn(operation, atMs, endMs, told) })),
        options: { clockErrorMs, ...(initial && { initial: told(initial) }) },
      };
    }
  }
}

/**
 * Redis keeps the answer to a try for a while of its own clock: where that leaps over it, another try is decided anew, be
 * it one that came late to a process that was given up.
 */
function forgottenTries(operations: readonly RecordedOperation[], jumps: StoreServer['jumps']): RecordedOperation[] {
  const leaps = jumps.filter(({ byMs }) => byMs >= answerKeptMs);
  return operations
    .filter(({ wasRepeated, invokedAtMs }) => wasRepeated && leaps.some(({ atMs }) => atMs >= invokedAtMs))
    .map((operation) => ({ ...operation, outcome: 'unknown' }));
}

function mayBelong(operation: RecordedOperation, fromMs: number, untilMs: number): boolean {
  const { invokedAtMs, returnedAtMs, outcome, wasRepeated } = operation;
  const isEnded = outcome !== 'unknown' && returnedAtMs !== undefined && returnedAtMs < fromMs;
  return invokedAtMs <= untilMs && (wasRepeated || !isEnded);
}

function outcomeIn(
  { invokedAtMs, returnedAtMs = Number.POSITIVE_INFINITY, outcome }: SeatOperation,
  fromMs: number,
  untilMs: number,
  told: (seat: Seat) => Seat,
): SeatOperation['outcome'] {
  // What was under way when the data was lost may have been decided before that, or after it.
  const isAcross = invokedAtMs <= fromMs || (returnedAtMs >= untilMs && untilMs !== Number.POSITIVE_INFINITY);
  if (outcome === 'unknown' || isAcross) return 'unknown';
  return outcome.seat ? { ...outcome, seat: told(outcome.seat) } : outcome;
}

function withoutEnd({ expires_at, ...seat }: Seat): Seat {
  return expires_at === undefined ? seat : { ...seat };
}

function onOurClock(seat: Seat, offsetMs: number): Seat {
  return seat.expires_at === undefined ? seat : { ...seat, expires_at: (seat.expires_at * 1000 - offsetMs) / 1000 };
}
