import type { Refusal } from '../../src/protocol/errors.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { auditCheckout, type CheckoutRecord } from './checkout-audit.ts';
import {
  isOfOneSeat,
  type Received,
  type Reply,
  rateLimitRemedy,
  type SeatRequest,
  seatCount,
  textOf,
} from './client-log.ts';
import { GroupAudit } from './group-audit.ts';
import { parseBody, seatsOf } from './reply-body.ts';
import { SeatLog } from './seat-log.ts';
import {
  actionOf,
  type CommandAction,
  endOfHoldMs,
  falsehoodOf,
  isOfCheckout,
  isSameSeat,
  type LoggedSeat,
  reasonOf,
  refusalOf,
  show,
} from './seat-rules.ts';
import type { VenueRecord } from './venue-truth.ts';

/** Each checks one promise, which is kept or broken. */
export const checkNames = {
  order: 'The log follows the rules of a seat and has no gaps; no two holds overlap',
  successes: 'Each successful reply is one transition in the log',
  transitions: 'Each transition in the log was requested and not refused',
  groups: 'Each command on several seats took effect on all of them or on none, and its reply shows all',
  refusals: 'Each refusal was true when it was sent',
  time: 'No reply is older than one that was received before its request',
  views: 'Redis, HTTP and every socket show the same seats as the log',
  holds: 'No hold outlives its end, and each lock matches its seat',
  orders: 'Each order has ended with a ticket for each of its seats or with none, or needs a person, with a reason',
  money: 'Captured minus refunded is the price of the live tickets of each order, in the ledger and at the provider',
  tickets: 'Each live ticket has a seat that its user has booked, each booked seat one live ticket',
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
  /** Everything could be audited, and no check is broken. */
  ok: boolean;
  /** Why not everything could be audited. */
  notAudited?: string;
  checks: Check[];
  /** `released − expires_at` of every hold that expired, in ms. */
  expiryLatenessMs: number[];
}

interface Transition {
  event: SeatEvent;
  seat: Seat;
  isRequested: boolean;
}

export interface AuditOptions {
  /** The venue before the load. */
  initial: VenueRecord;
  /** Users of this run; the events of other users are only checked by the rules of a seat. */
  isOwnUser: (userId: string) => boolean;
  /** The show is sold by orders: bookings are checked against the ledger, not against replies. */
  sellsByOrders?: boolean | undefined;
}

const shownExamples = 5;
/** Above this number, transitions that are not the last one of a seat are dropped: runs can take hours. */
const keptTransitions = 400_000;
const clockErrorMs = 1;

/** Checks the replies of clients against the log, and the log against the rules of a seat, while the run goes on. */
export class Audit {
  readonly #initial: ReadonlyMap<string, Seat>;
  readonly #log: SeatLog;
  readonly #isOwnUser: (userId: string) => boolean;
  readonly #sellsByOrders: boolean;
  readonly #transitions = new Map<number, Transition>();
  readonly #groups = new GroupAudit((isKept, inWords) => this.#check('groups', isKept, inWords));
  /** Requests without a reply, by seat, user and action: each may explain one transition. */
  readonly #unanswered = new Map<string, number>();
  readonly #checks = new Map<CheckName, Check>();
  readonly #expiryLatenessMs: number[] = [];
  readonly #epoch: string;
  #seq: number;
  #rateLimited = 0;
  #failure: string | undefined;

  constructor({ initial, isOwnUser, sellsByOrders = false }: AuditOptions) {
    this.#sellsByOrders = sellsByOrders;
    this.#initial = initial.seats;
    this.#log = new SeatLog(initial, { clockErrorMs });
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

  /** The next event of the log. */
  transition(event: SeatEvent): void {
    const { before, after, broken } = this.#log.append(event);
    this.#seq = event.seq;
    const problem = broken.map(({ message }) => message).join('; ');
    this.#check('order', broken.length === 0, () => `${show(event)}: ${problem}`);
    if (!before || !after) return;
    if (event.reason === 'expired' && before.expires_at !== undefined) {
      this.#expiryLatenessMs.push(Date.parse(event.timestamp) - endOfHoldMs(before));
    }
    const isOfOrder = isOfCheckout(event) || (this.#sellsByOrders && event.type === 'booked');
    const isRequested = event.reason === 'expired' || isOfOrder || !this.#isOwnUser(event.user_id);
    this.#transitions.set(event.seq, { event, seat: after, isRequested });
  }

  /** Checks replies. The log must have been read at least as far as they show. */
  judge({ replies, unanswered, refusals, staleReplies, replyCount, rateLimited }: Received): void {
    for (const request of unanswered) this.#noteUnanswered(request);
    for (const reply of replies) this.#judgeSuccess(reply);
    for (const refusal of refusals) {
      for (const userId of refusal.userIds) this.#judgeRefusal({ ...refusal, userId });
    }
    (this.#checks.get('time') as Check).checked += replyCount - staleReplies.length;
    for (const problem of staleReplies) this.#check('time', false, () => problem);
    this.#rateLimited += rateLimited;
    this.#forget();
  }

  /** Compares a client's view of the venue with the seats of the log. */
  compareView(whose: string, seats: ReadonlyMap<string, Seat> | Iterable<readonly [string, Seat]>): void {
    const view = new Map(seats);
    for (const [id, seat] of this.#log.seats) {
      this.#check(
        'views',
        isSameSeat(seat, view.get(id)),
        () => `${whose} shows ${show(view.get(id))}, the log ${show(seat)}`,
      );
    }
    this.#check('views', view.size === this.#log.seats.size, () => `${whose} has ${view.size} seats`);
  }

  /** A message that a socket should not have received, or did not receive. */
  viewProblem(problem: string): void {
    this.#check('views', false, () => problem);
  }

  viewsChecked(count: number): void {
    (this.#checks.get('views') as Check).checked += count;
  }

  /** The log in Redis lacks events that were committed. */
  logProblem(problem: string): void {
    this.#check('order', false, () => problem);
  }

  /** Only valid when nothing is due about any order. */
  compareCheckout(record: CheckoutRecord): void {
    auditCheckout(record, (check, isKept, inWords) => this.#check(check, isKept, inWords));
  }

  /** Something prevents the audit from being complete. The first reason counts. */
  cannotAudit(reason: string): void {
    this.#failure ??= reason;
  }

  /** Only valid once the longest hold has expired. */
  compareHolds(nowMs: number, lockMismatches: readonly string[] = []): void {
    for (const seat of this.#log.seats.values()) {
      const isOver = seat.status === SeatStatus.held && endOfHoldMs(seat) < nowMs;
      this.#check('holds', !isOver, () => `${show(seat)} is still held at ${nowMs}`);
    }
    for (const mismatch of lockMismatches) this.#check('holds', false, () => mismatch);
  }

  /** To be called once, after the last event and reply. */
  verdict(): Verdict {
    for (const transition of this.#transitions.values()) this.#judgeTransition(transition);
    this.#transitions.clear();
    this.#groups.finish(this.#log.seats);
    const ofCheckout = ['orders', 'money', 'tickets'];
    const checks = [...this.#checks.values()].filter(({ name }) => this.#sellsByOrders || !ofCheckout.includes(name));
    const notAudited = this.#notAudited;
    return {
      ok: notAudited === undefined && checks.every(({ broken }) => broken === 0),
      ...(notAudited !== undefined && { notAudited }),
      checks,
      expiryLatenessMs: this.#expiryLatenessMs,
    };
  }

  /** Rate limits come first: they are the cause of most other failures. */
  get #notAudited(): string | undefined {
    if (this.#rateLimited === 0) return this.#failure;
    return `rate limits refused ${this.#rateLimited.toLocaleString('en-US')} requests. ${rateLimitRemedy}`;
  }

  #judgeSuccess(reply: Reply): void {
    const { action, userId, body } = reply;
    const seats = seatsOf(parseBody(body));
    const transitions = seats.map(({ seq }) => this.#transitions.get(seq));
    const problems = seats.flatMap((seat, index) => {
      const transition = transitions[index];
      const seatId = requestedId(reply, seat);
      const problem = falsehoodOf({ action, seatId, userId, seat }, this.#loggedSeat(seat));
      if (transition && problem === undefined) transition.isRequested = true;
      return problem ?? [];
    });
    if (seats.length === 0) problems.push('there is no seat');
    this.#check('successes', problems.length === 0, () => `${textOf(reply)}: ${problems.join('; ')}`);
    const events = transitions.map((transition) => transition?.event);
    this.#groups.granted(reply, events);
  }

  #judgeRefusal(reply: Reply): void {
    const { error, ...shown } = parseBody(reply.body);
    // Some refusals are not about the state of a seat, for example an unknown id.
    const problem = error
      ? this.#falsehoodOfRefusal(reply, error.code as Refusal, seatsOf(shown))
      : 'it has no error code';
    this.#check('refusals', problem === undefined, () => `${textOf(reply)}: ${problem}`);
  }

  #falsehoodOfRefusal(reply: Reply, code: Refusal, seats: readonly Seat[]): string | undefined {
    const { action, userId } = reply;
    for (const seat of seats) {
      const refusal = reasonOf(code, seat, { action, userId, isGroup: seatCount(reply) > 1 });
      const seatId = requestedId(reply, seat);
      const problem = falsehoodOf({ action, seatId, userId, refusal, seat }, this.#loggedSeat(seat));
      if (problem !== undefined) return problem;
    }
    return seats[0] && !isOfOneSeat(reply) ? wrongCode(reply, code, seats[0]) : undefined;
  }

  /** The seat as the log has it at the seq of a seat in a reply. */
  #loggedSeat({ id, seq }: Seat): LoggedSeat[] {
    const transition = this.#transitions.get(seq);
    const seat = this.#initial.get(id);
    return transition ? [transition] : seat ? [{ seat }] : [];
  }

  #judgeTransition({ event, isRequested }: Transition): void {
    const isExplained = isRequested || this.#takeUnanswered(event);
    this.#check('transitions', isExplained, () => `no reply confirms ${show(event)}`);
    if (!isRequested) this.#groups.unconfirmed(event);
  }

  #noteUnanswered(request: SeatRequest): void {
    const { action, seatIds, best, userId } = request;
    const add = (seatId: string, count: number) => {
      const key = unansweredKey(seatId, userId, action);
      this.#unanswered.set(key, (this.#unanswered.get(key) ?? 0) + count);
    };
    if (best) add(anySeat, best.count);
    for (const seatId of seatIds) add(seatId, 1);
    this.#groups.unanswered(request);
  }

  #takeUnanswered(event: SeatEvent): boolean {
    for (const seatId of [event.seat_id, anySeat]) {
      const key = unansweredKey(seatId, event.user_id, actionOf(event));
      const count = this.#unanswered.get(key) ?? 0;
      if (count > 0) {
        this.#unanswered.set(key, count - 1);
        return true;
      }
    }
    return false;
  }

  #forget(): void {
    if (this.#transitions.size <= keptTransitions) return;
    for (const [seq, transition] of this.#transitions) {
      if (this.#transitions.size <= keptTransitions / 2) return;
      if (this.#log.seats.get(transition.seat.id)?.seq === seq) continue;
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

/** In place of the seats that the server chooses. */
const anySeat = '*';

const unansweredKey = (seatId: string, userId: string, action: CommandAction | undefined): string =>
  `${seatId} ${userId} ${action}`;

/** The seat's id if the request is for this seat, otherwise the ids of its seats. */
const requestedId = ({ best, seatIds }: Reply, { id }: Seat): string =>
  best || seatIds.includes(id) ? id : seatIds.join(' ');

/** Several seats are refused with the code of the first, taken ones with a code of their own. Limits have been checked seat by seat. */
function wrongCode(reply: Reply, code: Refusal, first: Seat): string | undefined {
  const { action, userId } = reply;
  const own = refusalOf(first, action, userId);
  const due = action === 'select' && seatCount(reply) > 1 ? 'SEATS_TAKEN' : own;
  return own === undefined || code === due ? undefined : `the code must be ${due}`;
}
