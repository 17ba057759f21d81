import type { Seat } from '../../src/protocol/seat.ts';
import { answerKeptMs } from '../../src/store/seat-store.ts';
import type { CheckOptions, SeatOperation } from './linearizability.ts';
import { type Operation, onSeat } from './operation.ts';
import type { StoreServer } from './simulated-store.ts';
import type { CommittedLog } from './strict-serializability.ts';
import type { RecordedOperation } from './users.ts';

/** Times are measured on two clocks of one machine, in whole milliseconds. */
const clockErrorMs = 2;

/** The operations, as the users saw them, from one loss of the store's data to the next. */
interface Life {
  operations: Operation[];
  log: CommittedLog;
}

interface SeatHistory {
  seatId: string;
  operations: SeatOperation[];
  options: CheckOptions;
}

export function* livesOf(
  operations: readonly RecordedOperation[],
  { ledger, losses, jumps }: Pick<StoreServer, 'ledger' | 'losses' | 'jumps'>,
): Generator<Life> {
  const all = [...operations, ...forgottenTries(operations, jumps)];
  const lives = [{ atMs: Number.NEGATIVE_INFINITY, seats: ledger.first, commits: 0 }, ...losses];
  for (const [i, { atMs, seats, commits }] of lives.entries()) {
    const next = lives[i + 1];
    const endMs = next?.atMs ?? Number.POSITIVE_INFINITY;
    yield {
      operations: all
        .filter((operation) => mayBelong(operation, atMs, endMs))
        .map((operation) => (isAcross(operation, atMs, endMs) ? { ...operation, outcome: 'unknown' } : operation)),
      log: { initial: seats, commits: ledger.commits.slice(commits, next?.commits) },
    };
  }
}

/** The part of each seat. */
export function* seatHistories(
  { operations, log: { initial } }: Life,
  { hasJumped, clockOffsetMs }: Pick<StoreServer, 'hasJumped' | 'clockOffsetMs'>,
): Generator<SeatHistory> {
  // If the store's clock has jumped, its times are meaningless.
  const told = (seat: Seat) => (hasJumped ? withoutEnd(seat) : onOurClock(seat, clockOffsetMs));
  for (const [seatId, seat] of initial) {
    yield {
      seatId,
      operations: operations.flatMap((operation) => {
        const ours = onSeat(operation, seatId);
        if (!ours || ours.outcome === 'unknown' || !ours.outcome.seat) return ours ?? [];
        return { ...ours, outcome: { ...ours.outcome, seat: told(ours.outcome.seat) } };
      }),
      options: { clockErrorMs, initial: told(seat) },
    };
  }
}

/**
 * Redis keeps the answer to an attempt for a while, by its own clock: if that clock jumps beyond it, another attempt is decided
 * again, even one that arrives late at a process that the client has abandoned.
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

/** Commands in flight when the data was lost may have been decided before that, or after it. */
function isAcross(
  { invokedAtMs, returnedAtMs = Number.POSITIVE_INFINITY }: Operation,
  fromMs: number,
  untilMs: number,
) {
  return invokedAtMs <= fromMs || (returnedAtMs >= untilMs && untilMs !== Number.POSITIVE_INFINITY);
}

function withoutEnd({ expires_at, ...seat }: Seat): Seat {
  return expires_at === undefined ? seat : { ...seat };
}

function onOurClock(seat: Seat, offsetMs: number): Seat {
  return seat.expires_at === undefined ? seat : { ...seat, expires_at: (seat.expires_at * 1000 - offsetMs) / 1000 };
}
