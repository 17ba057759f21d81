import {
  actionOf,
  type CommandAction,
  dueOf,
  haveOneEnd,
  isPossibleLimit,
  isSameSeat,
  seatAfter,
} from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { describe, type Operation, type Outcome } from './operation.ts';

export interface Commit {
  event: SeatEvent;
  /** On the clock of the operations. */
  atMs: number;
}

/** The log of one life of the store's data. */
export interface CommittedLog {
  initial: ReadonlyMap<string, Seat>;
  commits: readonly Commit[];
}

/**
 * Whether one order of all operations on all seats explains every reply and every event (strict serializability).
 * A check seat by seat cannot detect this: each seat may have an order of its own in which half of a group is right.
 *
 * The log is that order, if
 * 1. it can be cut into moments, each of them the expiry of one hold, or the whole change that one command makes of the
 *    seats as they were; and
 * 2. each reply is the result of the rules for the seats after one moment: its own, or one that changed nothing for it. That
 *    moment was not over when the request was sent, had come when the reply arrived, and is not before the moment of an
 *    operation that had returned by then.
 * All operations in the order of their moments are then a sequential history that keeps the order of real time.
 * Without a search over orders, this takes a time that is nearly linear in the number of events and operations.
 *
 * Returns the unexplained replies and events. `clockErrorMs`: between the clocks of the operations and of the log.
 */
export function findUnexplained(
  operations: readonly Operation[],
  log: CommittedLog,
  { clockErrorMs = 0 }: { clockErrorMs?: number } = {},
): string[] {
  const { moments, unexplained } = cutIntoMoments(operations, log, clockErrorMs);
  return [...unexplained, ...new Placement(log, moments, clockErrorMs).misplaced(operations)];
}

const shownRequests = 5;

/** One change of the venue: no client sees a state between its first and last event. */
interface Moment {
  /** Commits up to this index, exclusive. */
  end: number;
  atMs: number;
  /** Undefined: an expiry. */
  maker: Operation | undefined;
}

function cutIntoMoments(operations: readonly Operation[], { initial, commits }: CommittedLog, clockErrorMs: number) {
  const requests = requestsBySeat(operations);
  const seats = new Map(initial);
  const unexplained: string[] = [];
  /** The start of a moment by the index of its end. Several ways to cut the log are followed at once. */
  const cuts = new Map<number, { from: number; maker: Operation | undefined }>();
  let furthest = 0;
  const reach = (end: number, from: number, maker: Operation | undefined) => {
    furthest = Math.max(furthest, end);
    const known = cuts.get(end);
    // A reply that names these seqs is the maker. Of several, and if there is none, more moments explain more replies.
    if (!isSure(known?.maker) || (isSure(maker) && from > (known?.from ?? 0))) cuts.set(end, { from, maker });
  };
  for (const [i, { event }] of commits.entries()) {
    if (i === 0 || cuts.has(i)) {
      const action = actionOf(event);
      if (!action) reach(i + 1, i, undefined);
      else {
        const possible = requests.get(keyOf(event.user_id, action, event.seat_id)) ?? [];
        for (const operation of possible) {
          const length = changeLength(operation, seats, commits, i, clockErrorMs);
          if (length > 0) reach(i + length, i, operation);
        }
        if (furthest === i) {
          const some = possible.slice(-shownRequests).map(describe);
          unexplained.push(`no request explains ${JSON.stringify(event)}; requests: ${some.join('; ')}`);
          reach(i + 1, i, undefined);
        }
      }
    }
    const seat = seats.get(event.seat_id);
    if (seat) seats.set(seat.id, seatAfter(seat, event));
  }
  const moments: Moment[] = [];
  for (let end = commits.length; end > 0; ) {
    const { from, maker } = cuts.get(end) as { from: number; maker: Operation | undefined };
    moments.push({ end, atMs: (commits[end - 1] as Commit).atMs, maker });
    end = from;
  }
  return { moments: moments.reverse(), unexplained };
}

const isSure = (maker: Operation | undefined): boolean => maker !== undefined && maker.outcome !== 'unknown';

function requestsBySeat(operations: readonly Operation[]): Map<string, Operation[]> {
  const requests = new Map<string, Operation[]>();
  for (const operation of operations) {
    const { action, userId, seatIds, outcome } = operation;
    if (action === 'read' || (outcome !== 'unknown' && outcome.refusal)) continue;
    for (const seatId of seatIds) {
      const key = keyOf(userId, action, seatId);
      const same = requests.get(key);
      if (same) same.push(operation);
      else requests.set(key, [operation]);
    }
  }
  return requests;
}

const keyOf = (userId: string, action: CommandAction, seatId: string): string => `${userId} ${action} ${seatId}`;

/** The number of events from an index on that are the whole change by the operation; 0: another operation made it. */
function changeLength(
  { action, userId, seatIds, invokedAtMs, returnedAtMs = Number.POSITIVE_INFINITY, outcome }: Operation,
  seats: ReadonlyMap<string, Seat>,
  commits: readonly Commit[],
  from: number,
  clockErrorMs: number,
): number {
  const { event: first, atMs } = commits[from] as Commit;
  if (action === 'read' || invokedAtMs > atMs + clockErrorMs) return 0;
  if (outcome !== 'unknown' && returnedAtMs < atMs - clockErrorMs) return 0;
  const due = dueOf(
    action,
    userId,
    seatIds.flatMap((id) => seats.get(id) ?? []),
  );
  if ('refused' in due) return 0;
  const isWhole = due.changing.every(({ id }, place) => {
    const event = commits[from + place]?.event;
    if (event?.seat_id !== id || event.user_id !== userId || actionOf(event) !== action) return false;
    if (event.timestamp !== first.timestamp) return false;
    const shown = outcome === 'unknown' ? undefined : outcome.seats?.find((seat) => seat.id === id);
    return !shown || shown.seq === event.seq;
  });
  const made = commits.slice(from, from + due.changing.length).map(({ event }) => event);
  return isWhole && haveOneEnd(made, due.changing) ? due.changing.length : 0;
}

/** Finds a moment for each reply. Moments are counted from 1; 0 is the venue before the log. */
class Placement {
  readonly #moments: readonly Moment[];
  readonly #clockErrorMs: number;
  /** By seat: its states, and the moments from which on it had them. */
  readonly #states = new Map<string, { from: number; seat: Seat }[]>();
  readonly #made = new Map<Operation, number>();

  constructor({ initial, commits }: CommittedLog, moments: readonly Moment[], clockErrorMs: number) {
    this.#moments = moments;
    this.#clockErrorMs = clockErrorMs;
    for (const [id, seat] of initial) this.#states.set(id, [{ from: 0, seat }]);
    let i = 0;
    for (const [index, { end, maker }] of moments.entries()) {
      if (maker) this.#made.set(maker, index + 1);
      for (; i < end; i++) {
        const { event } = commits[i] as Commit;
        const states = this.#states.get(event.seat_id);
        const before = states?.at(-1);
        if (before) states?.push({ from: index + 1, seat: seatAfter(before.seat, event) });
      }
    }
  }

  misplaced(operations: readonly Operation[]): string[] {
    const answered = operations.filter(({ outcome }) => outcome !== 'unknown' && outcome.seats);
    const byInvocation = [...answered].sort((a, b) => a.invokedAtMs - b.invokedAtMs);
    const byReturn = [...answered].sort((a, b) => returnOf(a) - returnOf(b));
    const places = new Map<Operation, number>();
    const problems: string[] = [];
    let [returned, past, floor] = [0, 0, 0];
    for (const operation of byInvocation) {
      const { invokedAtMs } = operation;
      for (; returnOf(byReturn[returned]) < invokedAtMs; returned++) {
        floor = Math.max(floor, places.get(byReturn[returned] as Operation) ?? 0);
      }
      while ((this.#moments[past]?.atMs ?? Number.POSITIVE_INFINITY) < invokedAtMs - this.#clockErrorMs) past++;
      const place = this.#earliest(operation, Math.max(floor, past));
      if (place === undefined) problems.push(`no moment explains ${describe(operation)}`);
      else places.set(operation, place);
    }
    return problems;
  }

  /** The earliest possible moment: it leaves the most possibilities for later operations. */
  #earliest(operation: Operation, floor: number): number | undefined {
    const made = this.#made.get(operation);
    if (made !== undefined) return made > floor && this.#fits(operation, made, true) ? made : undefined;
    if (this.#fits(operation, floor, false)) return floor;
    const latestMs = returnOf(operation) + this.#clockErrorMs;
    return operation.seatIds
      .flatMap((id) => (this.#states.get(id) ?? []).flatMap(({ from }) => (from > floor ? from : [])))
      .sort((a, b) => a - b)
      .find((place) => (this.#moments[place - 1] as Moment).atMs <= latestMs && this.#fits(operation, place, false));
  }

  /** Whether the reply is the result of the rules for the seats at this moment. */
  #fits({ action, userId, seatIds, outcome }: Operation, place: number, isMaker: boolean): boolean {
    const { refusal, seats: shown = [] } = outcome as Outcome;
    const seats = seatIds.flatMap((id) => this.#states.get(id)?.findLast(({ from }) => from <= place)?.seat ?? []);
    if (!shown.every((seat) => seats.some((one) => isSameSeat(one, seat)))) return false;
    if (!refusal && shown.length !== seats.length) return false;
    if (action === 'read' || isMaker) return true;
    const due = dueOf(action, userId, seats);
    if ('refused' in due) return refusal === due.refusal && isSameList(shown, due.refused);
    if (!refusal) return due.changing.length === 0;
    return shown.length > 0 && shown.every((seat) => isPossibleLimit(refusal, seat, action, userId));
  }
}

const returnOf = (operation: Operation | undefined): number => operation?.returnedAtMs ?? Number.POSITIVE_INFINITY;

const isSameList = (a: readonly Seat[], b: readonly Seat[]): boolean =>
  a.length === b.length && a.every(({ id }, i) => id === b[i]?.id);
