import { type Actor, createActor } from 'xstate';
import type { SeatMachineEvent, seatMachine } from '../../machines/seat.ts';
import type { Clock } from '../clock.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Answer, Decision, SeatCommand } from '../store/seat-store.ts';
import { remainingMs, type StoreClock } from '../venue/store-clock.ts';
import { Batcher } from './batcher.ts';

export interface SeatDeskOptions {
  machine: typeof seatMachine;
  storeClock: StoreClock;
  decide: (seatId: string, commands: readonly SeatCommand[]) => Promise<Decision>;
  /** Told of what was committed for this desk, after its actor was. */
  onCommitted: (events: readonly SeatEvent[]) => void;
  maxWaiting: number;
  /** Runs the `after` timers, and says when to ask the store. */
  clock: Clock;
}

/** A seat's actor and the queue before it: at most one decision of the store is under way, who comes meanwhile waits for the next. */
export class SeatDesk {
  readonly #seat: Seat;
  readonly #options: SeatDeskOptions;
  readonly #decisions: Batcher<SeatCommand, Answer>;
  #actor: Actor<typeof seatMachine> | undefined;
  #isStopped = false;
  /** What was heard of the seat while the store is being asked. */
  #heldBack: SeatEvent[] | undefined;
  /** What the store is being asked. */
  #asked: readonly SeatCommand[] | undefined;
  #isWatched = false;
  #isAskingShown = false;

  /** `seat`: as the store has it. */
  constructor(seat: Seat, options: SeatDeskOptions) {
    this.#seat = seat;
    this.#options = options;
    const { maxWaiting, clock } = options;
    this.#decisions = new Batcher(maxWaiting, (commands) => this.#askStore(commands), clock.endOfTurn);
  }

  /** Starts from what the store had, with what is left of the hold, when it is first asked for. */
  get actor(): Actor<typeof seatMachine> {
    if (!this.#actor) {
      const { machine, storeClock, clock } = this.#options;
      const seat = this.#seat;
      const input = { seat, holdRemainingMs: storeClock.remainingMs(seat.expires_at) };
      this.#actor = createActor(machine, { id: `seat-${seat.id}`, input, clock });
      this.#actor.start();
    }
    return this.#actor;
  }

  get isRunning(): boolean {
    return this.#actor !== undefined && !this.#isStopped;
  }

  /** For good: another desk has taken the seat over. */
  stop(): void {
    this.#isStopped = true;
    this.#actor?.stop();
  }

  /** While it is watched the actor is told of each question as well: two transitions more, which nobody else reads. */
  set isWatched(isWatched: boolean) {
    this.#isWatched = isWatched;
    this.#showAsking();
  }

  /** Rejects as the store does, or with a `BusyError`. */
  ask(command: SeatCommand): Promise<Answer> {
    return this.#decisions.ask(command);
  }

  /** Another process committed this, or the log told of it: the actor follows. */
  follow(event: SeatEvent): void {
    // It may be what our own decision commits, told by the log before the decision's answer is.
    if (this.#heldBack) this.#heldBack.push(event);
    else if (!this.#isStopped && event.seq > this.actor.getSnapshot().context.seat.seq)
      this.#send(this.#committed(event, false));
  }

  async #askStore(commands: SeatCommand[]): Promise<Answer[]> {
    this.#heldBack = [];
    this.#asked = commands;
    this.#showAsking();
    try {
      const { answers, events, nowMs } = await this.#options.decide(this.#seat.id, commands);
      this.#tell(events);
      this.#options.onCommitted(events);
      if (commands.some(({ action }) => action === 'expire')) {
        this.#tellIfStillHeld(answers[answers.length - 1]?.seat, nowMs);
      }
      this.#showAnswer('ANSWERED');
      return answers;
    } catch (error) {
      this.#tell([]);
      this.#showAnswer('UNANSWERED');
      throw error;
    }
  }

  #showAsking(): void {
    if (!this.#isWatched || !this.#asked || this.#isAskingShown) return;
    this.#isAskingShown = true;
    this.#send({ type: 'ASK', commands: this.#asked });
  }

  #showAnswer(type: 'ANSWERED' | 'UNANSWERED'): void {
    this.#asked = undefined;
    if (!this.#isAskingShown) return;
    this.#isAskingShown = false;
    this.#send({ type });
  }

  /** What the decision committed, and what was held back meanwhile, in the order in which it happened. */
  #tell(committedHere: readonly SeatEvent[]): void {
    const heldBack = this.#heldBack ?? [];
    this.#heldBack = undefined;
    const isOwn = ({ seq }: SeatEvent) => committedHere.some((own) => own.seq === seq);
    const others = heldBack.filter((event) => !isOwn(event));
    const inOrder = others.length === 0 ? committedHere : [...committedHere, ...others].sort((a, b) => a.seq - b.seq);
    for (const event of inOrder) this.#send(this.#committed(event, isOwn(event)));
  }

  /** The venue may have been opened anew, with other actors, while the store was asked. */
  #send(event: SeatMachineEvent): void {
    if (!this.#isStopped && this.actor.getSnapshot().status === 'active') this.actor.send(event);
  }

  /** We asked too early for the end of a hold: the store, which has just told its time, knows how much. */
  #tellIfStillHeld(seat: Seat | undefined, storeNowMs: number): void {
    if (this.#isStopped) return;
    const snapshot = this.actor.getSnapshot();
    if (seat?.expires_at === undefined || seat.seq !== snapshot.context.seat.seq) return;
    if (!snapshot.matches({ seat: { held: 'expiring' } })) return;
    this.#send({ type: 'STILL_HELD', holdRemainingMs: remainingMs(seat.expires_at, storeNowMs) });
  }

  #remainingMs(expiresAtSeconds: number | undefined): number {
    return this.#options.storeClock.remainingMs(expiresAtSeconds);
  }

  #committed(fact: SeatEvent, committedHere: boolean): SeatMachineEvent {
    switch (fact.type) {
      case 'held':
        return { type: 'HELD', fact, committedHere, holdRemainingMs: this.#remainingMs(fact.expires_at) };
      case 'released':
        return { type: 'RELEASED', fact, committedHere };
      case 'booked':
        return { type: 'BOOKED', fact, committedHere };
    }
  }
}
