import { assign, setup } from 'xstate';
import type { SeatEvent } from '../src/protocol/events.ts';
import type { Seat } from '../src/protocol/seat.ts';
import { seatAfter } from '../src/protocol/seat-after.ts';
import { SeatStatus } from '../src/protocol/seat-status.ts';

/** The seat as Redis last told of it. `holdRemainingMs`: how long its hold still had to run when that was told. */
export interface SeatInput {
  seat: Seat;
  holdRemainingMs: number;
}

/**
 * A transition that Redis has committed. `committedHere`: this process asked for it, so this actor publishes it;
 * otherwise another process did, and this actor only follows.
 */
interface Committed {
  fact: SeatEvent;
  committedHere: boolean;
}

export type SeatMachineEvent =
  | { type: 'ASK'; commands: readonly { action: string; userId?: string }[] }
  | { type: 'ANSWERED' }
  | { type: 'UNANSWERED' }
  | ({ type: 'HELD'; holdRemainingMs: number } & Committed)
  | ({ type: 'RELEASED' } & Committed)
  | ({ type: 'BOOKED' } & Committed)
  | { type: 'STILL_HELD'; holdRemainingMs: number };

const committed = { guard: 'isNews', actions: ['remember', 'publish'] } as const;

/** The chart only; what `publish` and `askToExpire` do is provided by the booking service. */
export const seatMachine = setup({
  types: {
    context: {} as SeatInput,
    input: {} as SeatInput,
    events: {} as SeatMachineEvent,
  },
  guards: {
    isHeld: ({ context }) => context.seat.status === SeatStatus.held,
    isBooked: ({ context }) => context.seat.status === SeatStatus.booked,
    isNews: ({ context, event }) => 'fact' in event && event.fact.seq > context.seat.seq,
  },
  actions: {
    remember: assign(({ context, event }) => ({
      seat: 'fact' in event ? seatAfter(context.seat, event.fact) : context.seat,
      holdRemainingMs: 'holdRemainingMs' in event ? event.holdRemainingMs : 0,
    })),
    rememberRemaining: assign(({ context, event }) => ({
      holdRemainingMs: event.type === 'STILL_HELD' ? event.holdRemainingMs : context.holdRemainingMs,
    })),
    publish: () => {},
    askToExpire: () => {},
  },
  delays: {
    holdRemaining: ({ context }) => context.holdRemainingMs,
    retryExpiry: 500,
  },
}).createMachine({
  id: 'seat',
  description:
    'One seat of the venue. Redis decides; this actor shows what was decided, keeps the time of the hold and tells the others.',
  context: ({ input }) => input,
  type: 'parallel',
  states: {
    seat: {
      description:
        'What the seat is, by the last transition that Redis committed. An older one that comes late changes nothing.',
      initial: 'hydrating',
      states: {
        hydrating: {
          description: 'Takes up the state in which Redis has the seat.',
          always: [
            { guard: 'isBooked', target: 'booked', description: 'It was sold before this process began.' },
            { guard: 'isHeld', target: 'held', description: 'Its hold goes on, to the deadline that it had.' },
            { target: 'available', description: 'Nobody has it.' },
          ],
        },
        available: {
          description: 'Free: whoever selects it first holds it.',
          on: {
            HELD: { ...committed, target: 'held', description: 'A user selected the seat and got the lock.' },
            BOOKED: { ...committed, target: 'booked', description: 'The hold before it was not heard of here.' },
            RELEASED: { ...committed, description: 'The hold before it was not heard of here.' },
          },
        },
        held: {
          description: 'One user has the lock in Redis and may book or release; when the lock runs out the hold ends.',
          initial: 'counting',
          on: {
            HELD: {
              ...committed,
              target: 'held',
              reenter: true,
              description: 'A later hold; what was between was not heard of here.',
            },
            RELEASED: { ...committed, target: 'available', description: 'Its user let go, or the time was over.' },
            BOOKED: { ...committed, target: 'booked', description: 'Its user booked in time.' },
          },
          states: {
            counting: {
              description:
                'The time of the hold is running: 30 s from the selection, at the original deadline after a restart too.',
              after: { holdRemaining: { target: 'expiring', description: 'The time is over.' } },
            },
            expiring: {
              description:
                'By our clock the time is over; Redis, whose clock alone counts, is asked to release the seat.',
              entry: 'askToExpire',
              on: {
                STILL_HELD: {
                  target: 'counting',
                  actions: 'rememberRemaining',
                  description: 'We asked too early.',
                },
              },
              after: {
                retryExpiry: { target: 'expiring', reenter: true, description: 'Redis has not answered: ask again.' },
              },
            },
          },
        },
        booked: {
          type: 'final',
          description: 'Sold, for good.',
        },
      },
    },
    decision: {
      description:
        'Whether Redis is being asked, told while somebody watches. One question at a time; who comes meanwhile is part of the next one.',
      initial: 'idle',
      states: {
        idle: {
          description: 'Nobody waits for an answer.',
          on: { ASK: { target: 'asking', description: 'Commands of users, and of the clock, for this seat.' } },
        },
        asking: {
          description:
            'One atomic script decides all these commands, in order. What it commits comes as HELD, RELEASED and BOOKED.',
          on: {
            ANSWERED: { target: 'idle', description: 'Every command has its answer.' },
            UNANSWERED: { target: 'idle', description: 'Redis is out of reach; the users are told to try again.' },
          },
        },
      },
    },
  },
});
