import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { type SeatMachineEvent, seatMachine } from '../../machines/seat.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { booked, held, hydratedSeats, hydratedSeq, released, startSeat, stillHeld } from './seat-fixture.ts';

const timeIsOver = 'xstate.after.holdRemaining.seat.held';
const retryIsDue = 'xstate.after.retryExpiry.seat.expiring';
const initialRemainingMs = 20_000;
const retryMs = 500;

const timers = [stillHeld(700), { type: timeIsOver }, { type: retryIsDue }] as unknown as SeatMachineEvent[];
/** Number of transitions per generated path. */
const depth = 5;

/** All transitions that Redis may commit next, by this process and by another, and all timer events. */
function nextEvents({ context: { seat } }: Snapshot): SeatMachineEvent[] {
  const seq = seat.seq + 1;
  const user = seat.held_by ?? 'bob';
  const facts: Record<SeatStatus, SeatMachineEvent[]> = {
    [SeatStatus.available]: [held(seq, 'bob', 30_000), held(seq, 'carol', 10_000, false)],
    [SeatStatus.held]: [
      booked(seq, user),
      booked(seq, user, false),
      released(seq, user),
      released(seq, user, false),
      held(seq, user, 60_000), // extended
    ],
    [SeatStatus.booked]: [released(seq, user), released(seq, user, false)], // voided
  };
  return [...timers, ...(seat.seq < hydratedSeq + depth ? facts[seat.status] : [])];
}

type Snapshot = ReturnType<typeof seatMachine.transition>;

const stateName = ({ value, context }: Snapshot) =>
  `${JSON.stringify(value)} at seq ${context.seat.seq}, ${context.holdRemainingMs} ms`;

const statusOfState: Record<string, SeatStatus> = {
  available: SeatStatus.available,
  held: SeatStatus.held,
  expiring: SeatStatus.held,
  booked: SeatStatus.booked,
};

function assertInvariants(run: ReturnType<typeof startSeat>): void {
  expect(statusOfState[run.state()], `the state ${run.state()} shows what the seat is`).toBe(run.seat().status);
  expect(run.seat().held_by === undefined, 'only an available seat has no holder').toBe(
    run.seat().status === SeatStatus.available,
  );
  expect(run.actor.getSnapshot().status, 'the actor lives').toBe('active');
}

/** Sends one step of a generated path. For a timer it advances the clock by exactly its delay, after checking 1 ms earlier. */
function replay(run: ReturnType<typeof startSeat>, event: SeatMachineEvent): void {
  const { type } = event as { type: string };
  if (type !== timeIsOver && type !== retryIsDue) {
    run.send(event);
    return;
  }
  const isDue = run.state() === (type === timeIsOver ? 'held' : 'expiring');
  if (!isDue) return;
  const delayMs = type === timeIsOver ? run.actor.getSnapshot().context.holdRemainingMs : retryMs;
  const questions = run.expiryRequests();
  if (delayMs > 0) {
    run.clock.increment(delayMs - 1);
    expect(run.expiryRequests(), 'no request before the deadline').toBe(questions);
    run.clock.increment(1);
  } else {
    run.clock.increment(0);
  }
  expect(run.expiryRequests(), 'exactly one request at the deadline').toBe(questions + 1);
}

describe.each(Object.keys(hydratedSeats) as (keyof typeof hydratedSeats)[])('from a seat hydrated as %s', (start) => {
  const input = { seat: hydratedSeats[start], holdRemainingMs: start === 'held' ? initialRemainingMs : 0 };
  const paths = [
    ...getShortestPaths(seatMachine, { input, events: nextEvents, serializeState: stateName }),
    ...getSimplePaths(seatMachine, {
      input,
      events: (state) => (state.context.seat.seq < hydratedSeq + 3 ? nextEvents(state) : timers),
      serializeState: stateName,
    }),
  ];
  // The first step of a path is the start.
  const sequences = paths.map(({ steps }) => steps.slice(1));

  test('[R1] [R2] every generated path keeps the invariants, and ends in the state that the events determine', () => {
    expect(sequences.length).toBeGreaterThanOrEqual(start === 'booked' ? 2 : 100);
    for (const steps of sequences) {
      const run = startSeat(input.seat, input.holdRemainingMs);
      let expected: Seat = input.seat;
      assertInvariants(run);
      for (const { event, state } of steps) {
        const publishedBefore = run.published.length;
        const isTransition = 'fact' in event;
        if (isTransition) expected = event.seat;
        replay(run, event);
        assertInvariants(run);
        expect(run.seat()).toEqual(expected);
        expect(run.actor.getSnapshot().value).toEqual(state.value);
        expect(run.published.length - publishedBefore, 'each transition is published once').toBe(isTransition ? 1 : 0);
      }
      run.actor.stop();
    }
  });

  test('[G1] after every generated path that books, only a voided booking frees the seat', () => {
    const booking = sequences.filter((steps) => steps.at(-1)?.state.matches('booked'));
    if (start !== 'booked') expect(booking.length).toBeGreaterThan(0);
    for (const steps of [...booking, ...(start === 'booked' ? [[]] : [])]) {
      const run = startSeat(input.seat, input.holdRemainingMs);
      for (const { event } of steps) replay(run, event);
      const owner = run.seat().held_by;
      const questions = run.expiryRequests();
      for (const event of [held(90, 'eve', 1), booked(92, 'eve'), stillHeld(1)]) run.send(event);
      run.clock.increment(600_000);
      expect(run.state()).toBe('booked');
      expect(run.seat().held_by).toBe(owner);
      expect(run.expiryRequests(), 'the timer of the hold is gone').toBe(questions);
      run.send(released(93, owner ?? ''));
      expect(run.state()).toBe('available');
      run.actor.stop();
    }
  });
});

test('the generated paths reach every state of the chart', () => {
  const reached = new Set<string>();
  for (const seat of Object.values(hydratedSeats)) {
    const options = { input: { seat, holdRemainingMs: 1 }, events: nextEvents };
    for (const { state } of getShortestPaths(seatMachine, { ...options, serializeState: stateName })) {
      for (const node of state._nodes) reached.add(node.id);
    }
  }
  type Node = { id: string; states: Record<string, Node> };
  const idsOf = (node: Node): string[] => [node.id, ...Object.values(node.states).flatMap(idsOf)];
  // Hydrating is only a transient state.
  const all = idsOf(seatMachine.root).filter((id) => id !== 'seat.hydrating');
  expect([...reached].sort()).toEqual(all.sort());
});

describe('hydration', () => {
  test('[R3] an available seat starts available and has no timer', () => {
    const run = startSeat(hydratedSeats.available, 0);
    run.clock.increment(600_000);
    expect(run.state()).toBe('available');
    expect(run.expiryRequests()).toBe(0);
  });

  test('[R3] [G3] a running hold keeps its original deadline', () => {
    const run = startSeat(hydratedSeats.held, 12_345);
    expect(run.state()).toBe('held');
    run.clock.increment(12_344);
    expect(run.expiryRequests()).toBe(0);
    run.clock.increment(1);
    expect(run.expiryRequests()).toBe(1);
    expect(run.state()).toBe('expiring');
  });

  test('[R3] [G3] an overdue hold requests its expiry immediately', () => {
    const run = startSeat(hydratedSeats.held, 0);
    run.clock.increment(0);
    expect(run.state()).toBe('expiring');
    expect(run.expiryRequests()).toBe(1);
  });

  test('[R3] a booked seat starts booked and has no timer', () => {
    const run = startSeat(hydratedSeats.booked, 0);
    run.clock.increment(600_000);
    expect(run.state()).toBe('booked');
    expect(run.expiryRequests()).toBe(0);
  });

  test('[R3] hydrating publishes nothing', () => {
    for (const seat of Object.values(hydratedSeats)) expect(startSeat(seat, 1_000).published).toEqual([]);
  });
});

describe('the timer of a hold', () => {
  test('[R4] [G3] fires exactly at its deadline', () => {
    const run = startSeat(hydratedSeats.available, 0);
    run.send(held(hydratedSeq + 1, 'bob', 30_000));
    run.clock.increment(29_999);
    expect(run.state()).toBe('held');
    run.clock.increment(1);
    expect(run.state()).toBe('expiring');
  });

  test('[R4] the timer alone does not free the seat: Redis does', () => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.clock.increment(1_000);
    expect(run.seat()).toEqual(hydratedSeats.held);
    run.send(released(hydratedSeq + 1, 'alice'));
    expect(run.state()).toBe('available');
  });

  test('[R5] the expiry is requested every 500 ms until there is a reply', () => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.clock.increment(1_000);
    for (let asked = 1; asked <= 20; asked++) {
      expect(run.expiryRequests()).toBe(asked);
      run.clock.increment(499);
      expect(run.expiryRequests()).toBe(asked);
      run.clock.increment(1);
    }
    run.send(released(hydratedSeq + 1, 'alice'));
    const asked = run.expiryRequests();
    run.clock.increment(600_000);
    expect(run.expiryRequests()).toBe(asked);
  });

  test('[R5] without a reply the expiry is requested again after 500 ms', () => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.clock.increment(1_000);
    run.clock.increment(500);
    expect(run.expiryRequests()).toBe(2);
  });

  test('[R6] STILL_HELD sets the timer to the given time and ends the requests', () => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.clock.increment(1_000);
    run.send(stillHeld(7_000));
    expect(run.state()).toBe('held');
    run.clock.increment(6_999);
    expect(run.expiryRequests()).toBe(1);
    run.clock.increment(1);
    expect(run.expiryRequests()).toBe(2);
  });

  test('[R6] STILL_HELD while the timer is running has no effect', () => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.send(stillHeld(60_000));
    run.clock.increment(1_000);
    expect(run.expiryRequests()).toBe(1);
  });

  test.each([
    ['BOOKED', booked(hydratedSeq + 1, 'alice'), 'booked'],
    ['RELEASED', released(hydratedSeq + 1, 'alice'), 'available'],
  ] as const)('[R7] %s cancels the timer', (_, event, state) => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.send(event);
    run.clock.increment(600_000);
    expect(run.state()).toBe(state);
    expect(run.expiryRequests()).toBe(0);
  });

  test.each(['held', 'expiring'] as const)('[R7] HELD in %s starts the timer of the extended hold', (before) => {
    const run = startSeat(hydratedSeats.held, 1_000);
    run.clock.increment(before === 'held' ? 999 : 1_000);
    expect(run.state()).toBe(before);
    const asked = run.expiryRequests();
    run.send(held(hydratedSeq + 1, 'alice', 30_000, false));
    expect(run.seat().seq).toBe(hydratedSeq + 1);
    run.clock.increment(29_999);
    expect(run.expiryRequests()).toBe(asked);
    run.clock.increment(1);
    expect(run.expiryRequests()).toBe(asked + 1);
  });
});

describe('the chart as a document', () => {
  test('[R380] is flat: five states without children, and none of them final', () => {
    expect(Object.keys(seatMachine.states)).toEqual(['hydrating', 'available', 'held', 'expiring', 'booked']);
    for (const state of Object.values(seatMachine.states)) expect(state.type).toBe('atomic');
  });

  interface StateConfig {
    description?: string;
    states?: Record<string, StateConfig>;
    [key: string]: unknown;
  }
  const definition = JSON.parse(JSON.stringify(seatMachine.definition)) as StateConfig;
  const config = seatMachine.config as unknown as StateConfig;

  function* statesOf(state: StateConfig, path = 'seat'): Generator<[string, StateConfig]> {
    yield [path, state];
    for (const [name, child] of Object.entries(state.states ?? {})) yield* statesOf(child, `${path}.${name}`);
  }
  const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

  /** The transitions in the source: the exported definition omits eventless ones. */
  function transitionsOf(state: StateConfig): [string, Record<string, unknown>][] {
    const named = { ...(state.on as object), ...(state.after as object), always: state.always };
    return Object.entries(named).flatMap(([name, list]) =>
      asList(list).map((transition): [string, Record<string, unknown>] => [
        name,
        typeof transition === 'string' ? { target: transition } : (transition as Record<string, unknown>),
      ]),
    );
  }

  test('[R9] every state has a description, in the exported definition too', () => {
    const bare = [...statesOf(definition), ...statesOf(config)].filter(([, state]) => !state.description);
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  test('[R9] every transition has a description, in the exported definition too', () => {
    const exported = [...statesOf(definition)].flatMap(([path, state]) =>
      (state.transitions as { description?: string; eventType: string }[]).map(
        ({ description, eventType }): [string, string | undefined] => [`${path} ${eventType}`, description],
      ),
    );
    const written = [...statesOf(config)].flatMap(([path, state]) =>
      transitionsOf(state).map(([name, { description, target }]): [string, string | undefined] => [
        `${path} ${name} → ${target}`,
        description as string | undefined,
      ]),
    );
    expect(exported.length).toBeGreaterThan(0);
    expect([...exported, ...written].filter(([, description]) => !description).map(([path]) => path)).toEqual([]);
  });

  test('[R9] actions, guards and delays are names: an inline function would be missing in the exported definition', () => {
    const inline: string[] = [];
    const check = (where: string, value: unknown) => {
      if (typeof value === 'string') return;
      if (typeof (value as { type?: unknown })?.type !== 'string' || typeof value === 'function') inline.push(where);
    };
    for (const [path, state] of statesOf(config)) {
      for (const key of ['entry', 'exit']) for (const action of asList(state[key])) check(`${path} ${key}`, action);
      for (const { src } of asList(state.invoke) as { src: unknown }[]) check(`${path} invoke`, src);
      for (const delay of Object.keys((state.after as object) ?? {})) {
        if (!(delay in seatMachine.implementations.delays)) inline.push(`${path} after ${delay}`);
      }
      for (const [name, { actions, guard }] of transitionsOf(state)) {
        for (const action of asList(actions)) check(`${path} ${name} action`, action);
        for (const one of asList(guard)) check(`${path} ${name} guard`, one);
      }
    }
    expect(inline).toEqual([]);
  });

  test('[R9] the machine is pure: it imports only xstate and the protocol', () => {
    const source = readFileSync(new URL('../../machines/seat.ts', import.meta.url), 'utf8');
    const imported = [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name);
    expect(imported.length).toBeGreaterThan(0);
    for (const name of imported) expect(name).toMatch(/^(xstate|\.\.\/src\/protocol\/[a-z-]+\.ts)$/);
  });
});
