import { describe, expect, test } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { type OrderInput, type OrderMachineEvent, orderMachine } from '../../machines/order.ts';
import type { Order } from '../../src/ledger/order.ts';
import { OrderActors } from '../../src/orders/order-actors.ts';
import { type OrderState, orderStates } from '../../src/protocol/order-state.ts';

function inputOf(state: OrderState, dueInMs?: number, version = 1): OrderInput {
  return {
    order: {
      id: 'o1',
      show: 'gala',
      userId: 'alice',
      state,
      version,
      amountMinor: 100,
      currency: 'EUR',
      reason: undefined,
      seatIds: ['A1'],
    },
    dueInMs,
  };
}

function startOrder(state: OrderState, dueInMs?: number) {
  const clock = new SimulatedClock();
  let advances = 0;
  const machine = orderMachine.provide({ actions: { advance: () => void advances++ } });
  const actor = createActor(machine, { input: inputOf(state, dueInMs), clock });
  actor.start();
  return {
    actor,
    clock,
    state: () => actor.getSnapshot().value,
    advances: () => advances,
    send: (type: OrderMachineEvent['type'], to: OrderState, dueIn?: number) =>
      actor.send({ type, ...inputOf(to, dueIn) }),
  };
}

describe('[R745] the order as a statechart', () => {
  test.each(orderStates)('starts in the state that the ledger has: %s', (state) => {
    const { state: shown, advances, actor } = startOrder(state);
    expect(shown()).toBe(state);
    expect(advances()).toBe(0);
    expect(actor.getSnapshot().context.order.state).toBe(state);
  });

  test('moves from open to issued like the ledger', () => {
    const order = startOrder('open', 600_000);
    for (const [type, to] of [
      ['PAYING', 'paying'],
      ['REOPENED', 'open'],
      ['PAYING', 'paying'],
      ['AUTHORISED', 'authorised'],
      ['BOOKING', 'booking'],
      ['ISSUED', 'issued'],
    ] as const) {
      order.send(type, to, 10_000);
      expect(order.state()).toBe(to);
      expect(order.actor.getSnapshot().context.order.state).toBe(to);
    }
  });

  test.each([
    ['open', 'LAPSING', 'lapsing'],
    ['paying', 'LAPSING', 'lapsing'],
    ['lapsing', 'LAPSED', 'lapsed'],
    ['open', 'CANCELLING', 'cancelling'],
    ['paying', 'CANCELLING', 'cancelling'],
    ['cancelling', 'CANCELLED', 'cancelled'],
    ['authorised', 'REFUNDING', 'refunding'],
    ['booking', 'REFUNDING', 'refunding'],
    ['issued', 'REFUNDING', 'refunding'],
    ['lapsed', 'REFUNDING', 'refunding'],
    ['cancelled', 'REFUNDING', 'refunding'],
    ['refunded', 'REFUNDING', 'refunding'],
    ['refunding', 'REFUNDED', 'refunded'],
    ['refunding', 'NEEDS_PERSON', 'needs_person'],
    ['needs_person', 'REFUNDING', 'refunding'],
  ] as const)('%s on %s: %s', (from, type, to) => {
    const order = startOrder(from);
    order.send(type, to);
    expect(order.state()).toBe(to);
  });

  test.each([
    ['issued', 'CANCELLING'],
    ['issued', 'LAPSING'],
    ['booking', 'CANCELLING'],
    ['booking', 'LAPSING'],
    ['lapsing', 'PAYING'],
    ['lapsing', 'REOPENED'],
    ['cancelling', 'PAYING'],
    ['cancelling', 'REOPENED'],
    ['lapsed', 'ISSUED'],
  ] as const)('%s has no %s: nothing can happen to it that way', (state, type) => {
    const order = startOrder(state);
    expect(order.actor.getSnapshot().can({ type, ...inputOf('lapsed') })).toBe(false);
  });
});

describe('[R746] deadlines', () => {
  test('an open order lapses when the time to pay ends, and is retried until the ledger confirms it', () => {
    const order = startOrder('open', 600_000);
    order.clock.increment(599_999);
    expect([order.state(), order.advances()]).toEqual(['open', 0]);
    order.clock.increment(1);
    expect([order.state(), order.advances()]).toEqual(['overdue', 1]);
    order.clock.increment(10_000);
    expect(order.advances()).toBe(2);
    order.send('LAPSING', 'lapsing', 10_000);
    order.send('LAPSED', 'lapsed');
    order.clock.increment(3_600_000);
    expect([order.state(), order.advances()]).toEqual(['lapsed', 2]);
  });

  test('a payment is queried repeatedly, and never lapses by itself', () => {
    const order = startOrder('paying', 10_000);
    order.clock.increment(10_000);
    expect([order.state(), order.advances()]).toEqual(['asking', 1]);
    for (let i = 0; i < 6; i++) order.clock.increment(10_000);
    expect([order.state(), order.advances()]).toEqual(['asking', 7]);
    order.send('PAYING', 'paying', 10_000);
    expect(order.state()).toBe('paying');
  });

  const busyStates = ['authorised', 'booking', 'issued', 'lapsing', 'cancelling', 'refunding'] as const;
  test.each(busyStates)('%s: what is due is done again', (state) => {
    const order = startOrder(state, 10_000);
    for (let i = 0; i < 3; i++) order.clock.increment(10_000);
    expect([order.state(), order.advances()]).toEqual([state, 3]);
  });

  test.each(busyStates)('%s: what was due before is done at once, and then as rarely', (state) => {
    const order = startOrder(state, 0);
    for (let second = 0; second < 15; second++) order.clock.increment(1_000);
    expect([order.state(), order.advances()]).toEqual([state, 2]);
  });

  test.each(['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person'] as const)(
    '%s without a deadline rests',
    (state) => {
      const order = startOrder(state);
      order.clock.increment(86_400_000);
      expect(order.advances()).toBe(0);
    },
  );
});

describe('[R747] the actors of a process', () => {
  function startActors() {
    const clock = new SimulatedClock();
    const advanced: string[] = [];
    const actors = new OrderActors({
      clock: {
        ...clock,
        nowMs: () => clock.now(),
        setTimeout: clock.setTimeout.bind(clock),
        clearTimeout: (id) => clock.clearTimeout(id as never),
        endOfTurn: queueMicrotask,
      },
      nowMs: () => 1_000_000 + clock.now(),
      advance: (id) => advanced.push(id),
    });
    const show = (state: OrderState, version: number, dueAtMs?: number) =>
      actors.show({ ...inputOf(state).order, seats: [], version, dueAtMs } as unknown as Order);
    return { actors, clock, advanced, show, shown: () => actors.actor('o1')?.getSnapshot().value };
  }

  test('show the state of the ledger, even if another process has skipped states', () => {
    const { show, shown } = startActors();
    show('open', 1, 1_600_000);
    show('paying', 2, 1_010_000);
    expect(shown()).toBe('paying');
    show('issued', 6);
    expect(shown()).toBe('issued');
    show('paying', 2, 1_010_000); // an old reading
    expect(shown()).toBe('issued');
  });

  test('act when the order is due, by the time of the store', () => {
    const { show, clock, advanced } = startActors();
    show('open', 1, 1_600_000);
    clock.increment(599_999);
    expect(advanced).toEqual([]);
    clock.increment(1);
    expect(advanced).toEqual(['o1']);
  });

  test.each(['open', 'paying', 'authorised', 'booking', 'issued', 'lapsing', 'cancelling', 'refunding'] as const)(
    '[R916] the chart has a path from %s to needs_person, and back by a person',
    (stuckIn) => {
      const { actors, show, shown } = startActors();
      show(stuckIn, 1);
      const actor = actors.actor('o1');
      show('needs_person', 2);
      expect(shown()).toBe('needs_person');
      show(stuckIn, 3);
      expect(shown()).toBe(stuckIn);
      expect(actors.actor('o1'), 'it takes the transitions, it is not replaced').toBe(actor);
    },
  );
});
