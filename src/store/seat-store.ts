import { randomBytes } from 'node:crypto';
import type { SpanContext } from '@opentelemetry/api';
import type { HoldAction, UserAction } from '../protocol/commands.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';

/** `expire` only applies the rule that precedes every command: a hold whose lock has expired is released. */
export type SeatCommand = UserCommand | OrderCommand | ExpireCommand;

interface Traced {
  /** The span of the command. Absent while tracing is off. */
  trace?: SpanContext | undefined;
}

interface ExpireCommand extends Traced {
  action: 'expire';
  seatIds: readonly string[];
}

/** Applies to all its seats or to none: at least one, at most `maxGroupSize`, no duplicates. */
export interface UserCommand extends Traced {
  action: UserAction | HoldAction;
  seatIds: readonly string[];
  userId: string;
  request?: RequestKey | undefined;
}

/**
 * A command of checkout on seats of one order: on all of them or on none.
 * `checkout`: extends the user's hold. `rehold`: the same, and holds free seats again. `sell`: books the held seats.
 * `close`: frees what the order holds of these seats, unless the user has booked one of them. `revoke`: frees what it holds
 * or has booked. Either acts once; afterwards every command of the order is refused as ORDER_CLOSED, so one that was delayed
 * cannot change seats that have gone to a later order. With `ifBookedAt`, `revoke` acts again, on a seat that is still as it
 * was booked by that transition.
 */
export type OrderCommand = Traced & { seatIds: readonly string[]; userId: string; orderId: string } & (
    | { action: 'checkout' | 'rehold'; ttlMs: number }
    | { action: 'sell' }
    | { action: 'close' }
    | { action: 'revoke'; ifBookedAt?: Position }
  );

export const isOrderCommand = (command: SeatCommand): command is OrderCommand => 'orderId' in command;

export const endsOrder = (command: SeatCommand): command is Extract<OrderCommand, { action: 'close' | 'revoke' }> =>
  command.action === 'close' || command.action === 'revoke';

/** Identifies a command that may be retried, at another process and late: it takes effect once. */
export interface RequestKey {
  /** The same at every attempt: letters, digits, `_` and `-`. */
  key: string;
  /** True if an earlier attempt may still be in flight. */
  isRepeat: boolean;
}

/** The decision on one command. */
export interface Answer {
  /** The command's seats in its order, in their state after it. */
  seats: Seat[];
  refusal?: Refusal;
  /** The ids of the seats that are the reason of the refusal. */
  refused?: string[];
}

/** The result of one atomic decision: an answer per command, in order, and the transitions that it committed. */
export interface Decision {
  /** Unix milliseconds on the store's clock. */
  nowMs: number;
  answers: Answer[];
  /** Their seqs are consecutive. */
  events: SeatEvent[];
}

/** The newest position that the caller has seen. `seatSeq`: the seq of a seat as the caller knows it, 0 if it does not. */
export interface KnownPosition extends Position {
  seatSeq?: (seatId: string) => number;
}

/** The limits of one call, so that it does not block other calls for long. */
export const maxCommandsPerCall = 1_000;
export const maxSeatsPerCall = 256;

/** How long a store keeps its answer to a command with a `RequestKey`. */
export const answerKeptMs = 15_000;

/** How long a store remembers that an order is closed: much longer than a command can be delayed. */
export const closedOrderKeptMs = 3_600_000;

/** A whole show at one point of its history. */
export interface VenueSnapshot extends Position {
  /** The id of the store, created once and kept in it. */
  system: string;
  /** Unix milliseconds on the store's clock. */
  nowMs: number;
  /** In the order of the plan. */
  seats: Seat[];
}

export interface History extends Position {
  /** Unix milliseconds on the store's clock. */
  nowMs: number;
  /** The events after the requested position; absent if the log does not reach back to it, or if it belongs to another epoch. */
  events?: SeatEvent[];
}

/**
 * The authoritative state of the venue. Every method rejects with a `StoreUnavailableError` (retry) or a
 * `StoreTimeoutError` (it may have taken effect) within about a second, and never hangs; `decide` and `eventsAfter` also
 * reject with a `VenueLostError`.
 */
export interface SeatStore {
  /**
   * Creates or restores missing parts, then reads the whole venue. A new epoch begins if there was none, if a part was
   * missing, and after each restart of the store, whose data may then be older. `knownSystem`: the id to keep if the store
   * has lost its own.
   */
  open(knownSystem?: string): Promise<VenueSnapshot>;
  /** Decides the commands in order, atomically. At most `maxCommandsPerCall` of them, on at most `maxSeatsPerCall` seats. */
  decide(commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision>;
  /** The transitions after a position, oldest first, at most `limit`. */
  eventsAfter(position: Position, limit: number): Promise<History>;
  /**
   * The newest position, read at little cost: calls of one turn of the event loop share a request, whatever their shows.
   * undefined: read the events instead. Absent in a store whose events are as cheap to read.
   */
  position?(): Promise<Position | undefined>;
  /** The newest position up to which all transitions are known to be published; undefined if there is none. */
  relayedPosition(): Promise<Position | undefined>;
  /** Records that everything up to `position` is published, and trims the log to the events that it keeps. */
  markRelayed(position: Position): Promise<void>;
  /**
   * Compares the seats that the caller knows with those of the store. Rejects with a `VenueLostError` if one was lost or
   * set back. `known`: the position of the caller.
   */
  audit(seats: readonly Seat[], known: Position): Promise<void>;
  /** Rejects with a `StoreUnavailableError` while the store takes no writes, even if it can be read. */
  checkWritable(): Promise<void>;
}

/** The log of a store, as the ledger reads it. Rejects as the methods of `SeatStore` do. */
export interface SeatLog {
  /** As `eventsAfter`, but each event has the epoch in which it was decided. */
  eventsAsDecided(position: Position, limit: number): Promise<History>;
  /** The newest position up to which the ledger has all transitions; undefined if it was never noted here. */
  ledgerPosition(): Promise<Position | undefined>;
  /** Records that the ledger has everything up to `position`, and trims the log to what is kept beyond that. */
  markLedger(position: Position): Promise<void>;
}

/** A booking that is proven outside of the store, by the ledger. */
export interface ProvenBooking {
  seatId: string;
  userId: string;
  /** Present: there is a ticket, which outweighs another booking in the store. */
  orderId?: string;
}

/**
 * The bookings that a new epoch must have, whatever the store says. An epoch opens only after this resolves. Rejects with a
 * `BookingsUnknownError`.
 */
export type ProvenBookings = () => Promise<readonly ProvenBooking[]>;

/** For a store that has no id yet; see `SystemId`. */
export const newSystemId = (): string => randomBytes(6).toString('base64url');

export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/** The store has the show in a form that this process must not sell: with another plan, or as data of another kind. A retry does not help here; another process may sell it. */
export class ShowRefusedError extends StoreUnavailableError {
  override name = 'ShowRefusedError';
  /** For the organiser: the message without the show. */
  readonly reason: string;

  constructor(show: string, reason: string, options?: ErrorOptions) {
    super(`The show ${show} cannot be opened: ${reason}`, options);
    this.reason = reason;
  }
}

/** No new epoch may open: nothing shows now which seats are sold. A retry helps once the ledger replies. */
export class BookingsUnknownError extends StoreUnavailableError {
  override name = 'BookingsUnknownError';
  /** For operators: the message without the show. */
  readonly reason: string;

  constructor(show: string, why: string, options?: ErrorOptions) {
    const reason = `the ledger must tell first which seats are booked, and does not reply (${why})`;
    super(`The show ${show} cannot be opened: ${reason}`, options);
    this.reason = reason;
  }
}

export class StoreTimeoutError extends Error {
  override name = 'StoreTimeoutError';
}

/** The store does not have the venue that the caller knows (FLUSHALL, another run of Redis): open it again. */
export class VenueLostError extends Error {
  override name = 'VenueLostError';
}
