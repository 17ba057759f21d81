import { randomBytes } from 'node:crypto';
import type { HoldAction, UserAction } from '../protocol/commands.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';

/** `expire` asks for nothing but the rule that always comes first: a hold whose lock is gone has ended. */
export type SeatCommand = UserCommand | { action: 'expire'; seatIds: readonly string[] };

/** Of all its seats or of none: at least one, at most `maxGroupSize`, each once. */
export interface UserCommand {
  action: UserAction | HoldAction;
  seatIds: readonly string[];
  userId: string;
  request?: RequestKey | undefined;
}

/** Of a command that may be asked again, elsewhere and late: what it does it does once. */
export interface RequestKey {
  /** The same at every attempt: letters, digits, `_` and `-`. */
  key: string;
  /** Whether an earlier attempt may still be on its way. */
  isRepeat: boolean;
}

/** What was decided about one command. */
export interface Answer {
  /** The command's seats, in its order, as they were after it. */
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

/** The newest position that the caller has seen, and what it knows of a seat: the seq of the seat, 0 for nothing. */
export interface KnownPosition extends Position {
  seatSeq?: (seatId: string) => number;
}

/** A store decides no more at once, so that one call does not keep others from it for long. */
export const maxCommandsPerCall = 1_000;
export const maxSeatsPerCall = 256;

/** For how long a store remembers what it answered to a command with a `RequestKey`. */
export const answerKeptMs = 15_000;

/** The whole venue at one point of its history. */
export interface VenueSnapshot extends Position {
  /** Names the store: made once, and kept in it. */
  system: string;
  /** Unix milliseconds on the store's clock. */
  nowMs: number;
  /** In row-major order. */
  seats: Seat[];
}

export interface History extends Position {
  /** Unix milliseconds on the store's clock. */
  nowMs: number;
  /** What followed the position asked for; absent where the log does not reach back to it or it is of another epoch. */
  events?: SeatEvent[];
}

/**
 * The truth about the venue. Every method rejects with a `StoreUnavailableError` (nothing was done, or nothing is
 * known of it: ask again) or a `StoreTimeoutError` (it may have been done), within a second or so, and never hangs;
 * `decide` and `eventsAfter` also with a `VenueLostError`.
 */
export interface SeatStore {
  /**
   * Reads the whole venue, and first creates or restores what is missing. There is a new epoch if there was none, if a part
   * was missing, and after each restart of the store, which may then be an older copy of itself. `knownSystem`: the id to
   * keep if the store has lost its own.
   */
  open(knownSystem?: string): Promise<VenueSnapshot>;
  /** Decides the commands in order, atomically. At most `maxCommandsPerCall` of them, on at most `maxSeatsPerCall` seats. */
  decide(commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision>;
  /** What happened after a position, oldest first, at most `limit` transitions. */
  eventsAfter(position: Position, limit: number): Promise<History>;
  /** The newest position of which every earlier transition is known to have been published; undefined: none is known. */
  relayedPosition(): Promise<Position | undefined>;
  /** Notes that everything up to `position` was published, and lets the log forget what is older than it keeps. */
  markRelayed(position: Position): Promise<void>;
  /**
   * Compares these seats, as the caller knows them, with what the store has of them. Rejects with a `VenueLostError` if a
   * part of them was lost or set back; `known` is the position of the caller.
   */
  audit(seats: readonly Seat[], known: Position): Promise<void>;
  /** Rejects with a `StoreUnavailableError` while the store takes no writes, though it may still be read. */
  checkWritable(): Promise<void>;
  close(): Promise<void>;
}

/** For a store that has no id yet; see `SystemId`. */
export const newSystemId = (): string => randomBytes(6).toString('base64url');

export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

export class StoreTimeoutError extends Error {
  override name = 'StoreTimeoutError';
}

/** The store answers, but not with the venue that the caller knows (FLUSHALL, another run of Redis): open it anew. */
export class VenueLostError extends Error {
  override name = 'VenueLostError';
}
