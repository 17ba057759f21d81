import { endOfHoldMs, isSameSeat } from '../../bench/audit/seat-rules.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { Faults } from './faults.ts';
import { closesWithinMs, type System } from './incidents.ts';
import { checkSeatHistory } from './linearizability.ts';
import { livesOf, seatHistories } from './seat-histories.ts';
import type { BookingProcess } from './simulated-booking.ts';
import { findUnexplained } from './strict-serializability.ts';
import type { RecordedOperation } from './users.ts';

/** After the last fault, until the system must work as without faults. */
export const healsWithinMs = 2_000;
/** The time-out of an edge for a reply, if it has no second booking process. */
const lonelyRequestMs = 2_800;
/** How far a view may be behind without faults. */
const viewLagMs = 200;
/** How long a hold may last beyond its end. */
const holdLatenessMs = 100;
/** How late a reply of the store can be, and with it the estimate of the store's clock. */
const storeAnswerMs = 1_000;
const auditEveryMs = 100;
/** Of one process for one hold: it must not retry in a loop. */
const maxExpiryQuestionsPerSecond = 50;

/** Checks the guarantees of the whole system, during a history and at its end. */
export class Audit {
  readonly #system: System;
  readonly #holdTtlMs: number;
  readonly #faultsEndMs: number;
  /** From then on, views and holds must be as without faults. */
  readonly #calmFromMs: number;
  #isOver = false;

  constructor(system: System, options: { faults: Faults; faultsEndMs: number; holdTtlMs: number }) {
    const { faults, faultsEndMs, holdTtlMs } = options;
    this.#system = system;
    this.#holdTtlMs = holdTtlMs;
    this.#faultsEndMs = faultsEndMs;
    const isLonely = system.bookings.length === 1 && faults.message.httpLost > 0;
    this.#calmFromMs = faultsEndMs + healsWithinMs + (isLonely ? lonelyRequestMs : 0);
    this.#auditLater();
  }

  #auditLater(): void {
    const { world, edges, store } = this.#system;
    world.after(auditEveryMs, () => {
      if (this.#isOver) return;
      for (const edge of edges) if (edge.host.alive) edge.audit();
      const asked = store.mostExpiryQuestions();
      if (asked > (maxExpiryQuestionsPerSecond * auditEveryMs) / 1_000) {
        world.fail('G10', `A hold's expiry was requested ${asked} times in ${auditEveryMs} ms by one process`);
      }
      if (world.nowMs >= this.#calmFromMs) {
        this.#auditViews();
        this.#auditHolds();
      }
      this.#auditLater();
    });
  }

  /** [G5] Every edge is at most `viewLagMs` behind the store. */
  #auditViews(): void {
    const { world, edges, store } = this.#system;
    const due = store.ledger.positionBefore(world.nowMs - viewLagMs);
    if (!due) return;
    for (const { host, feed } of edges) {
      const { epoch, seq } = feed.position;
      if (epoch !== due.epoch || seq < due.seq) {
        const shown = `${host.name} is at ${epoch}:${seq}`;
        world.fail('G5', `${shown}, the store was at ${due.epoch}:${due.seq} ${viewLagMs} ms ago`);
      }
    }
  }

  /** [G3] No hold outlives its end. */
  #auditHolds(): void {
    const { world, store } = this.#system;
    if (store.hasJumped) return;
    for (const seat of store.ledger.seats.values()) {
      if (seat.status !== SeatStatus.held) continue;
      const endMs = endOfHoldMs(seat) - store.clockOffsetMs;
      // The timer of a hold that began during slow replies is as late as they were.
      const isTimedInFaults = endMs - this.#holdTtlMs < this.#faultsEndMs;
      const lateMs = world.nowMs - endMs;
      if (lateMs > holdLatenessMs + (isTimedInFaults ? storeAnswerMs : 0)) {
        world.fail('G3', `${seat.id} is still held, ${lateMs} ms after its end`);
      }
    }
  }

  /** Without load, every view shows the seats of the store. */
  async auditEnd(): Promise<void> {
    const { world, store, bus, edges, bookings } = this.#system;
    const { ledger } = store;
    const truth = await store.read();
    ledger.opened(truth);
    const here = `${truth.epoch}:${truth.seq}`;
    for (const { host, feed } of edges) {
      const { epoch, seq } = feed.position;
      if (`${epoch}:${seq}` !== here) world.fail('G5', `${host.name} ends at ${epoch}:${seq}, the store at ${here}`);
      for (const seat of feed.seats) {
        if (!isSameSeat(seat, ledger.seats.get(seat.id))) world.fail('G5', `${host.name} ends with ${seat.id} wrong`);
      }
    }
    for (const booking of bookings) this.#auditBooking(booking, here);
    const unpublished = ledger.log.find((event) => !bus.has(event));
    if (unpublished) world.fail('R50', `${unpublished.epoch}:${unpublished.seq} was never published`);
  }

  #auditBooking({ host: { name }, service }: BookingProcess, here: string): void {
    const { world, store } = this.#system;
    const { epoch, seq } = service.view;
    if (`${epoch}:${seq}` !== here) world.fail('R80', `${name} ends at ${epoch}:${seq}, the store at ${here}`);
    if (!service.isOpen) world.fail('R86', `${name} never opened the venue`);
    if (service.unrelayedEvents > 0) world.fail('R50', `${name} has ${service.unrelayedEvents} unrelayed events`);
    const { actors } = service.seatActors;
    if (actors.length !== store.ledger.seats.size) world.fail('R1', `${name} has ${actors.length} actors`);
    for (const actor of actors) {
      const { value, context, status } = actor.getSnapshot();
      const state = value === 'expiring' ? 'held' : value;
      const isTrue =
        status === 'active' &&
        state === ['available', 'held', 'booked'][context.seat.status] &&
        isSameSeat(context.seat, store.ledger.seats.get(context.seat.id));
      if (!isTrue) world.fail('R1', `${name}: an actor is ${status} ${state} with ${JSON.stringify(context.seat)}`);
    }
  }

  /** A process that ends leaves no timer. */
  async auditClosing(): Promise<void> {
    const { world, bookings, edges } = this.#system;
    this.#isOver = true;
    let open = bookings.length;
    for (const booking of bookings) {
      booking.host.run(() => {
        void booking.close().then(() => open--);
      });
    }
    for (const edge of edges) edge.host.run(() => edge.close());
    await world.runUntil(world.nowMs + closesWithinMs);
    if (open > 0) world.fail('G7', `${open} booking processes do not end`);
    for (const { host } of [...bookings, ...edges]) {
      if (host.openTimers > 0) world.fail('G10', `${host.name} has ended and left ${host.openTimers} timers`);
    }
  }

  /** [G4] [G13] Each life of the store's data: each seat by the replies alone, and all seats together by the log. */
  auditAnswers(operations: readonly RecordedOperation[]): void {
    const { world, store } = this.#system;
    for (const life of livesOf(operations, store)) {
      for (const history of seatHistories(life, store)) {
        const options = store.hasJumped ? history.options : { ...history.options, holdTtlMs: this.#holdTtlMs };
        const checked = checkSeatHistory(history.operations, options);
        world.count('seat histories checked');
        if (!checked.ok) world.fail('G4', `${history.seatId} is not linearizable: ${checked.explanation}`);
      }
      for (const problem of findUnexplained(life.operations, life.log)) world.fail('G13', problem);
    }
  }
}
