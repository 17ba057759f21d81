import { createActor, SimulatedClock } from 'xstate';
import { type SeatMachineEvent, seatMachine } from '../../machines/seat.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';

/** The initial state of each hydrated seat. */
export const hydratedSeq = 4;

const place = { id: 'A1', row: 0, col: 0, seq: hydratedSeq } as const;

export const hydratedSeats = {
  available: { ...place, status: SeatStatus.available },
  held: { ...place, status: SeatStatus.held, held_by: 'alice', expires_at: 1_700_000_030 },
  booked: { ...place, status: SeatStatus.booked, held_by: 'alice' },
} as const satisfies Record<string, Seat>;

const statusAfter = { held: SeatStatus.held, released: SeatStatus.available, booked: SeatStatus.booked } as const;

function fact(type: SeatEvent['type'], seq: number, userId: string): SeatEvent {
  return {
    type,
    seat_id: 'A1',
    user_id: userId,
    status: statusAfter[type],
    timestamp: '2023-11-14T22:13:20.000Z',
    ...(type === 'held' && { expires_at: 1_700_000_030 }),
    ...(type === 'released' && { reason: 'user' as const }),
    epoch: 'e1',
    seq,
  };
}

/** The expected seat after the event, independent of the code under test. */
const seatOf = ({ type, status, seq, user_id, expires_at }: SeatEvent): Seat => ({
  ...place,
  status,
  seq,
  ...(type !== 'released' && { held_by: user_id }),
  ...(expires_at !== undefined && { expires_at }),
});

function committed(type: SeatEvent['type'], seq: number, userId: string, committedHere: boolean) {
  const event = fact(type, seq, userId);
  return { fact: event, seat: seatOf(event), committedHere };
}

export const held = (seq: number, userId: string, holdRemainingMs: number, committedHere = true) =>
  ({ type: 'HELD', holdRemainingMs, ...committed('held', seq, userId, committedHere) }) as const;
export const released = (seq: number, userId: string, committedHere = true) =>
  ({ type: 'RELEASED', ...committed('released', seq, userId, committedHere) }) as const;
export const booked = (seq: number, userId: string, committedHere = true) =>
  ({ type: 'BOOKED', ...committed('booked', seq, userId, committedHere) }) as const;
export const stillHeld = (holdRemainingMs: number) => ({ type: 'STILL_HELD', holdRemainingMs }) as const;

/** A started actor on a clock that only the test advances, with its recorded effects. */
export function startSeat(seat: Seat, holdRemainingMs: number) {
  const clock = new SimulatedClock();
  const published: SeatEvent[] = [];
  let expiryRequests = 0;
  const machine = seatMachine.provide({
    actions: {
      publish: ({ event }) => {
        if ('fact' in event) published.push(event.fact);
      },
      requestExpiry: () => {
        expiryRequests++;
      },
    },
  });
  const actor = createActor(machine, { input: { seat, holdRemainingMs }, clock });
  actor.start();
  return {
    actor,
    clock,
    published,
    send: (event: SeatMachineEvent) => actor.send(event),
    expiryRequests: () => expiryRequests,
    seat: () => actor.getSnapshot().context.seat,
    state: () => actor.getSnapshot().value,
  };
}
