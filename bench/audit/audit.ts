import type { CommandReply, ErrorReply } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { describe, type Reply, type Told } from './client-log.ts';
import type { VenueRecord } from './venue-truth.ts';

/** Each is a promise that was kept or broken. */
export const checkNames = {
  order: 'The log follows the rules of a seat, without gaps; no two holds overlap',
  successes: 'Each success that a client was told is one transition in the log',
  transitions: 'Each transition in the log was asked for, and not denied',
  refusals: 'Each refusal was true when it was given',
  time: 'No answer is older than what had been told before it was asked for',
  views: 'Redis, HTTP and every socket show the same seats as the log',
  holds: 'No hold is left after its time, and each lock agrees with its seat',
} as const;
export type CheckName = keyof typeof checkNames;

export interface Check {
  name: CheckName;
  /** How many facts were checked. */
  checked: number;
  broken: number;
  /** The first few, in words. */
  examples: string[];
}

export interface Verdict {
  ok: boolean;
  checks: Check[];
  /** `released − expires_at` of every hold that ended by time, in ms. */
  expiryLatenessMs: number[];
}

interface Transition {
  event: SeatEvent;
  seat: Seat;
  isAskedFor: boolean;
}

export interface AuditOptions {
  /** The venue before the load. */
  initial: VenueRecord;
  /** Users of this run; what others do at the same time is judged by the rules of a seat only. */
  isOwnUser: (userId: string) => boolean;
}

const shownExamples = 5;
const typeOf = { select: 'held', book: 'booked', release: 'released' } as const;
/** Transitions that are no seat's last are forgotten beyond so many, for runs of hours. */
const keptTransitions = 400_000;
const msRounding = 1;

/** Holds what clients were told against the log, and the log against the rules of a seat. Fed as the run goes on. */
export class Audit {
  readonly #initial: ReadonlyMap<string, Seat>;
  readonly #seats: Map<string, Seat>;
  readonly #isOwnUser: (userId: string) => boolean;
  readonly #transitions = new Map<number, Transition>();
  /** By seat, user and action: what was never answered, and may explain as many transitions. */
  readonly #unanswered = new Map<string, number>();
  readonly #checks = new Map<CheckName, Check>();
  readonly #expiryLatenessMs: number[] = [];
  readonly #epoch: string;
  #seq: number;

  constructor({ initial, isOwnUser }: AuditOptions) {
    this.#initial = initial.seats;
    this.#seats = new Map(initial.seats);
    this.#seq = initial.seq;
    this.#epoch = initial.epoch;
    this.#isOwnUser = isOwnUser;
    for (const name of Object.keys(checkNames) as CheckName[]) {
      this.#checks.set(name, { name, checked: 0, broken: 0, examples: [] });
    }
  }

  get position(): { epoch: string; seq: number } {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  /** The log's next transition. */
  transition(event: SeatEvent): void {
    const seat = this.#seats.get(event.seat_id);
    const follows = event.seq === this.#seq + 1 ? undefined : `seq ${this.#seq} is followed by ${event.seq}`;
    this.#seq = event.seq;
    const problem = follows ?? (seat ? problemOf(seat, event) : 'the venue has no such seat');
    this.#check('order', problem === undefined, () => `${show(event)}: ${problem}`);
    if (!seat) return;
    if (event.reason === 'expired' && seat.expires_at !== undefined) {
      this.#expiryLatenessMs.push(Date.parse(event.timestamp) - seat.expires_at * 1000);
    }
    const after = seatAfter(seat, event);
    this.#seats.set(seat.id, after);
    const isForeign = event.reason === 'expired' || !this.#isOwnUser(event.user_id);
    this.#transitions.set(event.seq, { event, seat: after, isAskedFor: isForeign });
  }

  /** What clients were told, once the log has been read at least as far. */
  judge({ replies, refusals, wentBack, answers }: Told): void {
    for (const reply of replies) {
      if (reply.status === 0) this.#noteUnanswered(reply);
      else this.#judgeSuccess(reply);
    }
    for (const refusal of refusals) {
      for (const userId of refusal.userIds) this.#judgeRefusal({ ...refusal, userId });
    }
    (this.#checks.get('time') as Check).checked += answers - wentBack.length;
    for (const problem of wentBack) this.#check('time', false, () => problem);
    this.#forget();
  }

  /** A view of the whole venue that somebody has: must be what the log makes. */
  compareView(whose: string, seats: ReadonlyMap<string, Seat> | Iterable<readonly [string, Seat]>): void {
    const view = new Map(seats);
    for (const [id, seat] of this.#seats) {
      this.#check(
        'views',
        isSame(seat, view.get(id)),
        () => `${whose} shows ${show(view.get(id))}, the log ${show(seat)}`,
      );
    }
    this.#check('views', view.size === this.#seats.size, () => `${whose} has ${view.size} seats`);
  }

  /** Something that a socket should not have been sent, or what it was not sent. */
  viewProblem(problem: string): void {
    this.#check('views', false, () => problem);
  }

  viewsChecked(count: number): void {
    (this.#checks.get('views') as Check).checked += count;
  }

  /** After the longest hold could have ended. `lockMismatches` as the store tells them. */
  compareHolds(nowMs: number, lockMismatches: readonly string[] = []): void {
    for (const seat of this.#seats.values()) {
      const isOver = seat.status === SeatStatus.held && (seat.expires_at ?? 0) * 1000 < nowMs;
      this.#check('holds', !isOver, () => `${show(seat)} is still held at ${nowMs}`);
    }
    for (const mismatch of lockMismatches) this.#check('holds', false, () => mismatch);
  }

  /** When nothing more is to come. */
  verdict(): Verdict {
    for (const transition of this.#transitions.values()) this.#judgeTransition(transition);
    this.#transitions.clear();
    const checks = [...this.#checks.values()];
    return { ok: checks.every(({ broken }) => broken === 0), checks, expiryLatenessMs: this.#expiryLatenessMs };
  }

  get seats(): ReadonlyMap<string, Seat> {
    return this.#seats;
  }

  #judgeSuccess(reply: Reply): void {
    const { action, seatId, userId, body } = reply;
    const seat = parse<CommandReply>(body)?.seat;
    const transition = seat && this.#transitions.get(seat.seq);
    const { event } = transition ?? {};
    const isTrue =
      transition !== undefined &&
      event?.seat_id === seatId &&
      event.user_id === userId &&
      event.type === typeOf[action] &&
      isSame(transition.seat, seat);
    if (isTrue) transition.isAskedFor = true;
    // Selected again by its holder, before the run as well: nothing new happened.
    const isOfBefore = !transition && seat && isSame(seat, this.#initial.get(seatId)) && seat.held_by === userId;
    this.#check('successes', isTrue || Boolean(isOfBefore), () => `${describe(reply)}; the log has ${show(event)}`);
  }

  #judgeRefusal(reply: Reply): void {
    const told = parse<ErrorReply>(reply.body);
    const seat = told?.seat;
    const logged = seat && (this.#transitions.get(seat.seq)?.seat ?? this.#initial.get(seat.id));
    // Of some nothing is said of the seat: too many requests, an id that there is not.
    const isTrue = told?.error && (!seat || (isSame(seat, logged) && isReason(told.error.code, seat, reply.userId)));
    this.#check('refusals', Boolean(isTrue), () => `${describe(reply)}; the log has ${show(logged)}`);
  }

  #judgeTransition({ event, isAskedFor }: Transition): void {
    const explained = isAskedFor || this.#takeUnanswered(event);
    this.#check('transitions', explained, () => `nobody was told of ${show(event)}`);
  }

  #noteUnanswered({ action, seatId, userId }: Reply): void {
    const key = `${seatId} ${userId} ${typeOf[action]}`;
    this.#unanswered.set(key, (this.#unanswered.get(key) ?? 0) + 1);
  }

  #takeUnanswered({ seat_id, user_id, type }: SeatEvent): boolean {
    const key = `${seat_id} ${user_id} ${type}`;
    const count = this.#unanswered.get(key) ?? 0;
    this.#unanswered.set(key, count - 1);
    return count > 0;
  }

  #forget(): void {
    if (this.#transitions.size <= keptTransitions) return;
    for (const [seq, transition] of this.#transitions) {
      if (this.#transitions.size <= keptTransitions / 2) return;
      if (this.#seats.get(transition.seat.id)?.seq === seq) continue;
      this.#judgeTransition(transition);
      this.#transitions.delete(seq);
    }
  }

  #check(name: CheckName, isKept: boolean, inWords: () => string): void {
    const check = this.#checks.get(name) as Check;
    check.checked++;
    if (isKept) return;
    check.broken++;
    if (check.examples.length < shownExamples) check.examples.push(inWords());
  }
}

/** What the rules say against this being the seat's next transition. */
function problemOf(seat: Seat, event: SeatEvent): string | undefined {
  const atMs = Date.parse(event.timestamp);
  const endMs = (seat.expires_at ?? 0) * 1000;
  if (event.type === 'held') {
    if (seat.status !== SeatStatus.available) return `it was not available: ${show(seat)}`;
    return (event.expires_at ?? 0) * 1000 > atMs ? undefined : 'a hold that ends before it begins';
  }
  if (seat.status !== SeatStatus.held || seat.held_by !== event.user_id) return `it was not theirs: ${show(seat)}`;
  if (event.reason === 'expired') return atMs < endMs - msRounding ? 'ended before its time' : undefined;
  return atMs > endMs + msRounding ? 'its time was over' : undefined;
}

function isReason(code: string, seat: Seat, userId: string): boolean {
  const isTheirs = seat.held_by === userId;
  switch (code) {
    case 'SEAT_HELD':
      return seat.status === SeatStatus.held && !isTheirs;
    case 'SEAT_BOOKED':
      return seat.status === SeatStatus.booked;
    case 'NOT_HOLDER':
      return seat.status === SeatStatus.available || !isTheirs;
    case 'HOLD_LIMIT':
      return seat.status === SeatStatus.available;
    default:
      return false;
  }
}

function seatAfter({ id, row, col }: Seat, event: SeatEvent): Seat {
  return {
    id,
    row,
    col,
    status: event.status,
    seq: event.seq,
    ...(event.status !== SeatStatus.available && { held_by: event.user_id }),
    ...(event.status === SeatStatus.held && event.expires_at !== undefined && { expires_at: event.expires_at }),
  };
}

function isSame(a: Seat, b: Seat | undefined): boolean {
  if (!b || a.id !== b.id || a.status !== b.status || a.seq !== b.seq) return false;
  const isSameEnd = Math.abs((a.expires_at ?? 0) - (b.expires_at ?? 0)) < 0.002;
  return (a.held_by ?? '') === (b.held_by ?? '') && isSameEnd;
}

function parse<T>(body: string): T | undefined {
  try {
    return JSON.parse(body) as T;
  } catch {
    return undefined;
  }
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';
