import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { checkSeatHistory } from '../simulation/linearizability.ts';
import type { Operation } from './load.ts';
import { type Replay, replay } from './replay.ts';

/** Between the clock of operations and that of Redis. */
const clockErrorMs = 20;
const violationsShown = 8;

/** When the data of one epoch was lost and that of the next began: what was under way then may belong to either. */
export interface Boundary {
  fromMs: number;
  toMs: number;
}

/** What one epoch's log says, and the seats that it began with. */
export interface Era {
  initial: ReadonlyMap<string, Seat>;
  events: readonly SeatEvent[];
}

export interface AuditInput {
  operations: readonly Operation[];
  /** One more than there are boundaries. */
  eras: readonly Era[];
  boundaries?: readonly Boundary[];
  /** What Redis has at the end. */
  seats: ReadonlyMap<string, Seat>;
  holdMs: number;
}

export interface Verdict {
  operations: number;
  decided: number;
  transitions: number;
  /** Bookings that a user was told of. */
  confirmed: number;
  /** Of those: not in the log. */
  lost: number;
  /** Seats that two users were told is theirs for good. */
  doubleSold: number;
  /** Seats whose answers no order explains. */
  notLinearizable: number;
  violations: string[];
}

interface JudgedEra extends Replay {
  initial: ReadonlyMap<string, Seat>;
  certain: Set<Operation>;
  /** Under way when the epoch began or ended. */
  possible: Set<Operation>;
}

/** Holds what the users were told against the log, and the log against the rules. */
export function audit({ operations, eras, boundaries = [], seats, holdMs }: AuditInput): Verdict {
  const violations: string[] = [];
  const judged = eras.map((era, index): JudgedEra => {
    const replayed = replay(era.events, era.initial, holdMs);
    violations.push(...replayed.violations);
    return { ...replayed, initial: era.initial, ...belongingTo(operations, boundaries[index - 1], boundaries[index]) };
  });
  const last = judged[judged.length - 1] as JudgedEra;
  violations.push(...differences(last.seats, seats));
  for (const operation of operations) violations.push(...untruths(operation, judged));
  violations.push(...judged.flatMap(phantoms));
  let [lost, doubleSold, notLinearizable] = [0, 0, 0];
  for (const era of judged) {
    const sold = salesTold(era.certain);
    for (const [seatId, users] of sold) {
      if (users.size > 1) doubleSold++;
      const seat = era.seats.get(seatId);
      for (const user of users) if (seat?.status !== SeatStatus.booked || seat.held_by !== user) lost++;
    }
    const unexplained = notLinearizableSeats(era, holdMs);
    notLinearizable += unexplained.length;
    violations.push(...unexplained);
  }
  if (lost > 0) violations.push(`${lost} confirmed bookings are lost`);
  if (doubleSold > 0) violations.push(`${doubleSold} seats are sold twice`);
  return {
    operations: operations.length,
    decided: operations.filter(({ outcome }) => outcome !== 'unknown').length,
    transitions: judged.reduce((sum, era) => sum + era.after.size, 0),
    confirmed: judged.reduce(
      (sum, era) => sum + [...salesTold(era.certain).values()].reduce((n, u) => n + u.size, 0),
      0,
    ),
    lost,
    doubleSold,
    notLinearizable,
    violations,
  };
}

export interface AnswersVerdict {
  seatsSold: number;
  doubleSold: number;
  notLinearizable: number;
}

/** What can be said from the users' answers alone, of a store that keeps no log. */
export function auditAnswers(operations: readonly Operation[], holdTtlMs: number): AnswersVerdict {
  const sold = [...salesTold(operations).values()];
  const histories = [...groupBy(operations, ({ seatId }) => seatId).values()];
  return {
    seatsSold: sold.length,
    doubleSold: sold.filter((buyers) => buyers.size > 1).length,
    notLinearizable: histories.filter((history) => !checkSeatHistory(history, { clockErrorMs, holdTtlMs }).ok).length,
  };
}

/** For a test's message: not thousands of lines. */
export const firstOf = (violations: readonly string[]): string[] => violations.slice(0, violationsShown);

/** Who was told, of which seat, that it is theirs for good. */
function salesTold(operations: Iterable<Operation>): Map<string, Set<string>> {
  const sold = new Map<string, Set<string>>();
  for (const { action, seatId, userId, outcome } of operations) {
    if (action !== 'book' || outcome === 'unknown' || outcome.refusal) continue;
    sold.set(seatId, (sold.get(seatId) ?? new Set()).add(userId));
  }
  return sold;
}

function belongingTo(operations: readonly Operation[], began: Boundary | undefined, ended: Boundary | undefined) {
  const [mayFromMs, fromMs] = [began?.fromMs ?? 0, began?.toMs ?? 0];
  const [toMs, mayToMs] = [ended?.fromMs ?? Number.POSITIVE_INFINITY, ended?.toMs ?? Number.POSITIVE_INFINITY];
  const certain = new Set<Operation>();
  const possible = new Set<Operation>();
  for (const operation of operations) {
    const { invokedAtMs, outcome } = operation;
    // What was never answered may still be done much later.
    const returnedAtMs = outcome === 'unknown' ? Number.POSITIVE_INFINITY : (operation.returnedAtMs ?? 0);
    if (invokedAtMs >= fromMs && returnedAtMs <= toMs) certain.add(operation);
    else if (invokedAtMs <= mayToMs && returnedAtMs >= mayFromMs) possible.add(operation);
  }
  return { certain, possible };
}

function differences(expected: ReadonlyMap<string, Seat>, found: ReadonlyMap<string, Seat>): string[] {
  return [...expected].flatMap(([id, seat]) =>
    isSame(seat, found.get(id)) ? [] : [`the log makes ${show(seat)}, Redis has ${show(found.get(id))}`],
  );
}

export function isSame(a: Seat, b: Seat | undefined): boolean {
  if (!b) return false;
  const isSameEnd = Math.abs((a.expires_at ?? 0) - (b.expires_at ?? 0)) < 0.002;
  return a.status === b.status && a.seq === b.seq && (a.held_by ?? '') === (b.held_by ?? '') && isSameEnd;
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

/** What a user was told must be what the log says. */
function untruths(operation: Operation, eras: readonly JudgedEra[]): string[] {
  const { action, userId, outcome } = operation;
  if (outcome === 'unknown' || !outcome.seat) return [];
  const { seat, refusal } = outcome;
  const logged = eras
    .filter((era) => era.certain.has(operation) || era.possible.has(operation))
    .map((era) => era.after.get(seat.seq)?.seat ?? era.initial.get(seat.id));
  const told = `${userId} was told of ${action}: ${refusal ?? 'ok'} ${show(seat)}`;
  if (!logged.some((one) => one?.id === seat.id && isSame(one, seat))) return [`${told}; the log has ${show(logged)}`];
  if (refusal || action === 'read') return [];
  const isAsAsked =
    action === 'release'
      ? seat.status === SeatStatus.available
      : seat.held_by === userId && seat.status === (action === 'book' ? SeatStatus.booked : SeatStatus.held);
  return isAsAsked ? [] : [told];
}

const actionOf = { held: 'select', booked: 'book', released: 'release' } as const;

/** Every transition of the log, other than the end of a hold's time, must have been asked for then and not been denied. */
function phantoms({ after, certain, possible }: JudgedEra): string[] {
  const asked = groupBy([...certain, ...possible], ({ seatId, userId, action }) => `${seatId} ${userId} ${action}`);
  return [...after.values()].flatMap(({ event }) => {
    if (event.reason === 'expired') return [];
    const atMs = Date.parse(event.timestamp);
    const same = asked.get(`${event.seat_id} ${event.user_id} ${actionOf[event.type]}`) ?? [];
    const isAskedFor = same.some(({ invokedAtMs, returnedAtMs = 0, outcome }) => {
      if (invokedAtMs > atMs + clockErrorMs) return false;
      return outcome === 'unknown' || (!outcome.refusal && returnedAtMs >= atMs - clockErrorMs);
    });
    const near = same.filter((operation) => Math.abs(operation.invokedAtMs - atMs) < 5_000);
    return isAskedFor ? [] : [`nobody was told of ${show(event)} at ${atMs}; near it: ${show(near)}`];
  });
}

function notLinearizableSeats(era: JudgedEra, holdMs: number): string[] {
  const bySeat = groupBy([...era.certain, ...[...era.possible].map(asUnknown)], ({ seatId }) => seatId);
  const effects = groupBy(
    [...era.after.values()].map(({ event }) => event),
    (event) => `${event.seat_id} ${event.user_id} ${actionOf[event.type]}`,
  );
  // What cannot be told whether it was done, and left no trace in the log, was not: the search is spared trying it.
  const mayHaveBeenDone = ({ seatId, userId, action, invokedAtMs, outcome }: Operation): boolean =>
    outcome !== 'unknown' ||
    (effects.get(`${seatId} ${userId} ${action}`) ?? []).some(
      ({ timestamp }) => Date.parse(timestamp) >= invokedAtMs - clockErrorMs,
    );
  return [...bySeat].flatMap(([seatId, all]) => {
    const initial = era.initial.get(seatId);
    const history = all.filter(mayHaveBeenDone);
    const checked = checkSeatHistory(history, { ...(initial && { initial }), clockErrorMs, holdTtlMs: holdMs });
    return checked.ok ? [] : [`${seatId}: ${checked.explanation}`];
  });
}

/** Told in one of two epochs, we do not know which. */
const asUnknown = (operation: Operation): Operation => ({ ...operation, outcome: 'unknown' });

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
