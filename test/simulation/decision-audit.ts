import { ok as assert } from 'node:assert/strict';
import { dueOf, endOfHoldMs, haveOneEnd, isSameSeat } from '../../bench/audit/seat-rules.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import {
  type Answer,
  answerKeptMs,
  type Decision,
  isOrderCommand,
  type SeatCommand,
  type UserCommand,
} from '../../src/store/seat-store.ts';
import type { SeatLedger } from './seat-ledger.ts';
import type { World } from './world.ts';

interface Expected {
  refusal?: Refusal;
  refused?: readonly Seat[];
  changing: readonly Seat[];
}

interface KeptAnswer {
  answer: Answer;
  /** On the store's clock. */
  untilMs: number;
}

/** [G13] Checks each decision of the store command by command: all of it or none, once for a key. */
export class DecisionAudit {
  readonly #world: World;
  readonly #ledger: SeatLedger;
  readonly #rules: HoldRules;
  /** Answers to commands with a key that changed seats, or were retries. */
  readonly #kept = new Map<string, KeptAnswer>();
  /** The latest time of the store: answers kept until then may be forgotten, even if the clock is set back. */
  #latestMs = 0;

  constructor(world: World, ledger: SeatLedger, rules: HoldRules) {
    this.#world = world;
    this.#ledger = ledger;
    this.#rules = rules;
  }

  /** The store has lost data, and with it answers. */
  lost(): void {
    for (const kept of this.#kept.values()) kept.untilMs = 0;
  }

  /** Enters the events in the ledger. */
  decided(commands: readonly SeatCommand[], { nowMs, answers, events }: Decision): void {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const waiting = [...events];
    const take = (isNext: (event: SeatEvent) => boolean): SeatEvent[] => {
      const taken: SeatEvent[] = [];
      for (let next = waiting[0]; next && isNext(next); next = waiting[0]) {
        this.#ledger.commit(next, nowMs);
        taken.push(next);
        waiting.shift();
      }
      return taken;
    };
    for (const [i, command] of commands.entries()) {
      const answer = answers[i] as Answer;
      take(({ reason, seat_id }) => reason === 'expired' && command.seatIds.includes(seat_id));
      if (command.action === 'expire') {
        this.#report({ command, answer }, this.#differences(command, answer));
        continue;
      }
      assert(!isOrderCommand(command), 'the users of this simulation have no orders');
      const due = this.#due(command, nowMs);
      const made = take(({ seat_id, seq }) => answer.seats.some((seat) => seat.id === seat_id && seat.seq === seq));
      if (this.#isKept(command, answer, made)) continue;
      this.#keep(command, answer, made, nowMs);
      if (made.length > 1) this.#world.count(`executed ${command.action} of several seats`);
      this.#report({ command, answer, made }, problemOf(due, answer, made) ?? this.#differences(command, answer));
    }
    for (const event of waiting) {
      this.#ledger.commit(event, nowMs);
      this.#world.fail('G13', `no command has made ${JSON.stringify(event)}`);
    }
  }

  /** Whether the answer is that of an earlier attempt. */
  #isKept(command: UserCommand, answer: Answer, made: readonly SeatEvent[]): boolean {
    const kept = this.#kept.get(keyOf(command) ?? '');
    if (!kept) return false;
    const isSame = made.length === 0 && isSameAnswer(answer, kept.answer);
    if (!isSame && kept.untilMs > this.#latestMs) {
      this.#report({ command, answer, made }, `an earlier attempt had the answer ${JSON.stringify(kept.answer)}`);
    }
    return isSame;
  }

  #keep(command: UserCommand, answer: Answer, made: readonly SeatEvent[], nowMs: number): void {
    const key = keyOf(command);
    const mustBeKept = made.length > 0 || command.request?.isRepeat;
    if (key !== undefined && mustBeKept) this.#kept.set(key, { answer, untilMs: nowMs + answerKeptMs });
  }

  /** The result of the rules for the current seats. */
  #due(command: UserCommand, nowMs: number): Expected {
    const { action, userId } = command;
    const due = dueOf(action, userId, this.#seatsOf(command));
    if ('refused' in due) return { refusal: due.refusal, refused: due.refused, changing: [] };
    const { maxHoldsPerUser, maxExtensions = 0 } = this.#rules;
    const { seats, extensions } = this.#ledger;
    if (action === 'extend') {
      const refused = due.changing.filter(({ id }) => (extensions.get(id) ?? 0) >= maxExtensions);
      return refused.length > 0 ? { refusal: 'EXTENSION_LIMIT', refused, changing: [] } : due;
    }
    const isLive = (seat: Seat) =>
      seat.status === SeatStatus.held && seat.held_by === userId && endOfHoldMs(seat) >= nowMs;
    const isOver =
      action === 'select' &&
      due.changing.length > 0 &&
      [...seats.values()].filter(isLive).length + due.changing.length > maxHoldsPerUser;
    return isOver ? { refusal: 'HOLD_LIMIT', refused: due.changing, changing: [] } : due;
  }

  /** The answer must have the state of the seats after the command. */
  #differences(command: SeatCommand, { seats }: Answer): string | undefined {
    const now = this.#seatsOf(command);
    const isSame = now.length === seats.length && now.every((seat, i) => isSameSeat(seat, seats[i]));
    return isSame ? undefined : `the seats are ${JSON.stringify(now)}`;
  }

  #report(what: object, problem: string | undefined): void {
    if (problem !== undefined) this.#world.fail('G13', `${JSON.stringify(what)}: ${problem}`);
  }

  #seatsOf({ seatIds }: SeatCommand): Seat[] {
    return seatIds.flatMap((id) => this.#ledger.seats.get(id) ?? []);
  }
}

function problemOf(due: Expected, { refusal, refused = [] }: Answer, made: readonly SeatEvent[]) {
  if (refusal !== undefined && made.length > 0) return 'a part of a refused command was executed';
  if (refusal !== due.refusal || !isSameList(refused, due.refused ?? [])) {
    return `expected ${due.refusal ?? 'no refusal'} ${due.refused?.map(({ id }) => id) ?? ''}`;
  }
  const changed = made.map(({ seat_id }) => seat_id);
  if (!isSameList(changed, due.changing)) return `expected to change ${due.changing.map(({ id }) => id)}`;
  const times = new Set(made.map(({ timestamp }) => timestamp));
  const isOne = times.size <= 1 && haveOneEnd(made, due.changing);
  return isOne ? undefined : 'the seats of a group must have one time and one end';
}

const keyOf = ({ action, userId, seatIds, request }: UserCommand): string | undefined =>
  request && [request.key, action, userId, ...seatIds].join(' ');

const isSameList = (ids: readonly string[], seats: readonly Seat[]): boolean =>
  ids.length === seats.length && seats.every(({ id }, i) => id === ids[i]);

const isSameAnswer = (a: Answer, b: Answer): boolean =>
  a.refusal === b.refusal &&
  a.seats.length === b.seats.length &&
  a.seats.every((seat, i) => isSameSeat(seat, b.seats[i]));
