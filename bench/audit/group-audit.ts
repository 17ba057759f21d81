import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { isOfOneSeat, type Reply, type SeatRequest, seatCount, textOf } from './client-log.ts';
import { parseBody, seatsOf } from './reply-body.ts';
import { actionOf, type CommandAction, endOfHoldMs, show } from './seat-rules.ts';

type Check = (isKept: boolean, inWords: () => string) => void;

/**
 * G13: checks that each command on several seats took effect as a whole. No user of a load run names a seat that it
 * holds already, so that each command that was granted made a transition of each of its seats.
 */
export class GroupAudit {
  readonly #check: Check;
  readonly #booked: Reply[] = [];
  /** Requests without a reply, by user and action. */
  readonly #unanswered = new Map<string, SeatRequest[]>();
  /** Transitions that only a request without a reply explains, by user and action. */
  readonly #unconfirmed = new Map<string, SeatEvent[]>();

  constructor(check: Check) {
    this.#check = check;
  }

  /** `events`: the transitions in the log with the seqs of the seats in the reply. */
  granted(reply: Reply, events: readonly (SeatEvent | undefined)[]): void {
    if (isOfOneSeat(reply)) return;
    const problem = partIn(reply) ?? tornBy(events) ?? wrongEnd(reply, events);
    this.#check(problem === undefined, () => `${textOf(reply)}: ${problem}`);
    if (reply.action === 'book') this.#booked.push(reply);
  }

  unanswered(request: SeatRequest): void {
    append(this.#unanswered, keyOf(request.userId, request.action), request);
  }

  unconfirmed(event: SeatEvent): void {
    append(this.#unconfirmed, keyOf(event.user_id, actionOf(event)), event);
  }

  /** To be called once, after the last event and reply. `seats`: as the log leaves them. */
  finish(seats: ReadonlyMap<string, Seat>): void {
    for (const reply of this.#booked) {
      const lost = seatsOf(parseBody(reply.body)).filter(({ id }) => !isBookedBy(reply.userId, seats.get(id)));
      this.#check(lost.length === 0, () => `${textOf(reply)}: ${lost.map(({ id }) => show(seats.get(id))).join(', ')}`);
    }
    for (const [key, requests] of this.#unanswered) {
      if (requests.every(isOfOneSeat)) continue;
      for (const events of executions(this.#unconfirmed.get(key) ?? [])) {
        const seatIds = events.map(({ seat_id }) => seat_id);
        const isWhole = requests.some((request) => isForExactly(request, seatIds));
        const problem = isWhole ? tornBy(events) : 'no request without a reply is for exactly these seats';
        this.#check(problem === undefined, () => `${key}: ${events.map(show).join(', ')}: ${problem}`);
      }
    }
  }
}

/** A reply about fewer, more or other seats than the request. */
function partIn(reply: Reply): string | undefined {
  const shown = seatsOf(parseBody(reply.body)).map(({ id }) => id);
  const isWhole =
    shown.length === seatCount(reply) &&
    new Set(shown).size === shown.length &&
    reply.seatIds.every((id) => shown.includes(id));
  return isWhole ? undefined : `the reply shows ${shown.join(' ') || 'no seat'}`;
}

/** Transitions that are not those of one command. */
function tornBy(events: readonly (SeatEvent | undefined)[]): string | undefined {
  const [first, ...others] = events.filter((event) => event !== undefined).sort((a, b) => a.seq - b.seq);
  if (!first || others.length + 1 < events.length) return 'a seat has no transition of this command';
  if (others.some(({ seq }, index) => seq !== first.seq + index + 1)) return 'the seqs are not consecutive';
  if (others.some(({ timestamp }) => timestamp !== first.timestamp)) return 'the transitions have several times';
  if (others.some(({ expires_at }) => expires_at !== first.expires_at)) return 'the holds have several ends';
  return undefined;
}

function wrongEnd({ body }: Reply, [event]: readonly (SeatEvent | undefined)[]): string | undefined {
  if (event?.type !== 'held') return undefined;
  return endOfHoldMs(parseBody(body)) === endOfHoldMs(event) ? undefined : `the holds end at ${event.expires_at}`;
}

/** Splits the transitions of one user and action by the commands that made them. */
function executions(events: readonly SeatEvent[]): SeatEvent[][] {
  const parts: SeatEvent[][] = [];
  let previous: SeatEvent | undefined;
  for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
    const part = parts.at(-1);
    const isNext = previous && event.seq === previous.seq + 1 && event.timestamp === previous.timestamp;
    if (part && isNext) part.push(event);
    else parts.push([event]);
    previous = event;
  }
  return parts;
}

const isBookedBy = (userId: string, seat: Seat | undefined): boolean =>
  seat?.status === SeatStatus.booked && seat.held_by === userId;

const isForExactly = (request: SeatRequest, seatIds: readonly string[]): boolean =>
  seatCount(request) === seatIds.length && request.seatIds.every((id) => seatIds.includes(id));

const keyOf = (userId: string, action: CommandAction | undefined): string => `${action} by ${userId}`;

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
