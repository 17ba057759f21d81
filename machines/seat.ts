import { assign, setup } from 'xstate';
import type { SeatEvent } from '../src/protocol/events.ts';
import type { Seat } from '../src/protocol/seat.ts';
import { SeatStatus } from '../src/protocol/seat-status.ts';

/** The seat as Redis has it. `holdRemainingMs`: time until its hold ends, 0 without a hold. */
export interface SeatInput {
  seat: Seat;
  holdRemainingMs: number;
}

/** A transition that Redis has committed. Each arrives once, in the order of seq. */
interface Committed {
  fact: SeatEvent;
  /** The seat after this transition. */
  seat: Seat;
  /** True: this process requested the transition, so this actor publishes it. */
  committedHere: boolean;
}

export type SeatMachineEvent =
  | ({ type: 'HELD'; holdRemainingMs: number } & Committed)
  | ({ type: 'RELEASED' } & Committed)
  | ({ type: 'BOOKED' } & Committed)
  | { type: 'STILL_HELD'; holdRemainingMs: number };

/** The booking service provides `publish` and `requestExpiry`. */
export const seatMachine = setup({
  types: {
    context: {} as SeatInput,
    input: {} as SeatInput,
    events: {} as SeatMachineEvent,
  },
  guards: {
    isHeld: ({ context }) => context.seat.status === SeatStatus.held,
    isBooked: ({ context }) => context.seat.status === SeatStatus.booked,
  },
  actions: {
    remember: assign(({ context, event }) => ({
      seat: 'seat' in event ? event.seat : context.seat,
      // Without an event (a start), the remaining time is the input's.
      holdRemainingMs:
        'holdRemainingMs' in event ? event.holdRemainingMs : 'seat' in event ? 0 : context.holdRemainingMs,
    })),
    publish: () => {},
    requestExpiry: () => {},
  },
  delays: {
    holdRemaining: ({ context }) => context.holdRemainingMs,
    retryExpiry: 500,
  },
}).createMachine({
  id: 'seat',
  description: 'One seat. Redis decides; this actor shows the decision, publishes it and times the hold.',
  context: ({ input }) => input,
  initial: 'hydrating',
  states: {
    hydrating: {
      description: 'Starts in the state that Redis has.',
      always: [
        { guard: 'isBooked', target: 'booked', description: 'The seat is sold.' },
        { guard: 'isHeld', target: 'held', description: 'The hold keeps its original deadline.' },
        { target: 'available', description: 'The seat is free.' },
      ],
    },
    available: {
      description: 'Free. The first user who selects it holds it.',
      entry: ['remember', 'publish'],
      on: {
        HELD: { target: 'held', description: 'A user selected the seat and got the lock.' },
      },
    },
    held: {
      description: 'One user has the lock in Redis, and may book or release the seat until the hold ends.',
      entry: ['remember', 'publish'],
      on: {
        BOOKED: { target: 'booked', description: 'The user booked in time.' },
        RELEASED: { target: 'available', description: 'The user released the seat, or Redis ended the hold.' },
        HELD: { target: 'held', reenter: true, description: 'The hold is extended.' },
      },
      after: {
        holdRemaining: { target: 'expiring', description: 'The hold ends now.' },
      },
    },
    expiring: {
      description: 'The hold has ended by the clock of this process. Only Redis, by its own clock, frees the seat.',
      entry: 'requestExpiry',
      on: {
        RELEASED: { target: 'available', description: 'Redis ended the hold.' },
        BOOKED: { target: 'booked', description: 'The user booked in the last moment.' },
        HELD: { target: 'held', description: 'The hold was extended in the last moment.' },
        STILL_HELD: { target: 'held', description: 'Too early: Redis returns the remaining time of the hold.' },
      },
      after: {
        retryExpiry: { target: 'expiring', reenter: true, description: 'Redis has not replied: retry.' },
      },
    },
    booked: {
      description: 'Sold.',
      entry: ['remember', 'publish'],
      on: {
        RELEASED: { target: 'available', description: 'The booking was voided.' },
      },
    },
  },
});
