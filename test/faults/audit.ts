import { actionOf, falsehoodOf, isSameSeat, type LoggedSeat, show } from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { checkSeatHistory, type SeatOperation } from '../simulation/linearizability.ts';
import { onSeat } from '../simulation/operation.ts';
import { findUnexplained } from '../simulation/strict-serializability.ts';
import type { Operation } from './load.ts';
import { type Replay, replay } from './replay.ts';

/** Between the clock of operations and that of Redis. */
const clockErrorMs = 20;
const violationsShown = 8;

/** The data of one epoch is lost and the next one begins: requests in progress may belong to either. */
export interface Boundary {
  fromMs: number;
  toMs: number;
}

/** The log of one epoch, and the seats at its start. */
export interface Era {
  initial: ReadonlyMap<string, Seat>;
  events: readonly SeatEvent[];
}

export interface AuditInput {
  operations: readonly Operation[];
  /** One more than there are boundaries. */
  eras: readonly Era[];
  boundaries?: readonly Boundary[];
  /** In Redis at the end. */
  seats: ReadonlyMap<string, Seat>;
  holdMs: number;
}

export interface Verdict {
  operations: number;
  decided: number;
  transitions: number;
  /** Commands on several seats that were granted. */
  groups: number;
  /** Bookings that a reply confirmed. */
  confirmed: number;
  /** Of those: not in the log. */
  lost: number;
  /** Seats that were confirmed as booked to two users. */
  doubleSold: number;
  /** Seats whose replies no order explains. */
  notLinearizable: number;
  violations: string[];
}

interface JudgedEra extends Replay {
  initial: ReadonlyMap<string, Seat>;
  certain: Set<Operation>;
  /** In progress when the epoch began or ended. */
  possible: Set<Operation>;
}

/** Checks the replies of users against the log, and the log against the rules of a seat (bench/audit/seat-rules.ts). */
export function audit({ operations, eras, boundaries = [], seats, holdMs }: AuditInput): Verdict {
  const violations: string[] = [];
  const judged = eras.map((era, index): JudgedEra => {
    const replayed = replay(era.events, era.initial, holdMs);
    violations.push(...replayed.violations);
    return { ...replayed, initial: era.initial, ...belongingTo(operations, boundaries[index - 1], boundaries[index]) };
  });
  for (const operation of operations) placeByReply(operation, judged);
  const last = judged[judged.length - 1] as JudgedEra;
  violations.push(...differences(last.seats, seats));
  violations.push(...operations.flatMap((operation) => falseReplies(operation, judged)));
  violations.push(...judged.flatMap(unexplained));
  let [lost, doubleSold, notLinearizable] = [0, 0, 0];
  for (const era of judged) {
    const sold = confirmedSales(era.certain);
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
    groups: operations.filter(isGrantedGroup).length,
    confirmed: judged.reduce(
      (sum, era) => sum + [...confirmedSales(era.certain).values()].reduce((n, u) => n + u.size, 0),
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

/** The part of the audit that needs only the replies, for a store without a log. */
export function auditAnswers(operations: readonly Operation[], holdTtlMs: number): AnswersVerdict {
  const sold = [...confirmedSales(operations).values()];
  const histories = [...historiesBySeat(operations).values()];
  return {
    seatsSold: sold.length,
    doubleSold: sold.filter((buyers) => buyers.size > 1).length,
    notLinearizable: histories.filter((history) => !checkSeatHistory(history, { clockErrorMs, holdTtlMs }).ok).length,
  };
}

/** Shortens the message of a failed test. */
export const firstOf = (violations: readonly string[]): string[] => violations.slice(0, violationsShown);

/** The users whose booking of a seat was confirmed, by seat. */
function confirmedSales(operations: Iterable<Operation>): Map<string, Set<string>> {
  const sold = new Map<string, Set<string>>();
  for (const { action, seatIds, userId, outcome } of operations) {
    if (action !== 'book' || outcome === 'unknown' || outcome.refusal) continue;
    for (const seatId of seatIds) sold.set(seatId, (sold.get(seatId) ?? new Set()).add(userId));
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
    // A command without a reply may still be executed much later.
    const returnedAtMs = outcome === 'unknown' ? Number.POSITIVE_INFINITY : (operation.returnedAtMs ?? 0);
    if (invokedAtMs >= fromMs && returnedAtMs <= toMs) certain.add(operation);
    else if (invokedAtMs <= mayToMs && returnedAtMs >= mayFromMs) possible.add(operation);
  }
  return { certain, possible };
}

/** An operation that may belong to two epochs belongs to the one whose log alone has the seats of its reply. */
function placeByReply(operation: Operation, eras: readonly JudgedEra[]): void {
  const { outcome } = operation;
  const seats = outcome === 'unknown' ? [] : (outcome.seats ?? []);
  const possible = eras.filter((era) => era.possible.has(operation));
  if (seats.length === 0 || possible.length < 2) return;
  const isOf = ({ after, initial }: JudgedEra) =>
    seats.every((seat) => isSameSeat(seat, after.get(seat.seq)?.seat ?? initial.get(seat.id)));
  const [era, ...others] = possible.filter(isOf);
  if (!era || others.length > 0) return;
  for (const each of possible) each.possible.delete(operation);
  era.certain.add(operation);
}

function differences(expected: ReadonlyMap<string, Seat>, found: ReadonlyMap<string, Seat>): string[] {
  return [...expected].flatMap(([id, seat]) =>
    isSameSeat(seat, found.get(id)) ? [] : [`the log makes ${show(seat)}, Redis has ${show(found.get(id))}`],
  );
}

const isGrantedGroup = ({ seatIds, outcome }: Operation): boolean =>
  seatIds.length > 1 && outcome !== 'unknown' && !outcome.refusal;

/** Each reply must be true by the log of an epoch that its request may belong to. */
function falseReplies(operation: Operation, eras: readonly JudgedEra[]): string[] {
  return operation.seatIds.flatMap((seatId) => {
    const { action, userId, outcome } = onSeat(operation, seatId) ?? { outcome: 'unknown' };
    if (!action || outcome === 'unknown' || !outcome.seat) return [];
    const { seat, refusal } = outcome;
    const logged = eras
      .filter((era) => era.certain.has(operation) || era.possible.has(operation))
      .flatMap(({ after, initial }): LoggedSeat[] => {
        const found = after.get(seat.seq) ?? { seat: initial.get(seat.id) };
        return found.seat ? [found as LoggedSeat] : [];
      });
    const problem = falsehoodOf({ action, seatId, userId, refusal, seat }, logged);
    return problem === undefined
      ? []
      : [`${userId} received for ${action}: ${refusal ?? 'ok'} ${show(seat)}; ${problem}`];
  });
}

/** One order of all requests explains the log and each reply, those about several seats too. */
function unexplained({ after, initial, certain, possible }: JudgedEra): string[] {
  const commits = [...after.values()].map(({ event }) => ({ event, atMs: Date.parse(event.timestamp) }));
  return findUnexplained([...certain, ...[...possible].map(asUnknown)], { initial, commits }, { clockErrorMs });
}

function historiesBySeat(operations: readonly Operation[]): Map<string, SeatOperation[]> {
  const histories = new Map<string, SeatOperation[]>();
  for (const operation of operations) {
    for (const seatId of operation.seatIds) {
      const ours = onSeat(operation, seatId);
      const history = histories.get(seatId) ?? [];
      histories.set(seatId, history);
      if (ours) history.push(ours);
    }
  }
  return histories;
}

function notLinearizableSeats(era: JudgedEra, holdMs: number): string[] {
  const effects = groupBy(
    [...era.after.values()].map(({ event }) => event),
    (event) => keyOf(event.seat_id, event.user_id, actionOf(event)),
  );
  // A request without a reply and without an event in the log was not executed: this shortens the search.
  const mayBeExecuted = ({ action, userId, outcome, invokedAtMs }: SeatOperation, seatId: string): boolean =>
    outcome !== 'unknown' ||
    (effects.get(keyOf(seatId, userId, action)) ?? []).some(
      ({ timestamp }) => Date.parse(timestamp) >= invokedAtMs - clockErrorMs,
    );
  return [...historiesBySeat([...era.certain, ...[...era.possible].map(asUnknown)])].flatMap(([seatId, all]) => {
    const initial = era.initial.get(seatId);
    const history = all.filter((operation) => mayBeExecuted(operation, seatId));
    const checked = checkSeatHistory(history, { ...(initial && { initial }), clockErrorMs, holdTtlMs: holdMs });
    return checked.ok ? [] : [`${seatId}: ${checked.explanation}`];
  });
}

const keyOf = (seatId: string, userId: string, action: SeatOperation['action'] | undefined): string =>
  `${seatId} ${userId} ${action}`;

/** Of an operation that may belong to either of two epochs. */
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
