import { LRUCache } from 'lru-cache';
import { type Actor, createActor } from 'xstate';
import { type OrderInput, type OrderMachineEvent, orderMachine } from '../../machines/order.ts';
import type { Order } from '../ledger/order.ts';
import type { Clock } from '../process/clock.ts';
import type { OrderState } from '../protocol/order-state.ts';

/** Most are ended orders that remain for viewers. A dropped one is still due in the ledger. */
const maxActors = 5_000;

export type OrderActor = Actor<typeof orderMachine>;

/** Observes which actors there are. Must not throw. */
export interface OrderActorsWatcher {
  /** Also in place of another actor of the same order. */
  started(actor: OrderActor): void;
  stopped(orderId: string): void;
}

const eventTypes: Record<OrderState, OrderMachineEvent['type']> = {
  open: 'REOPENED',
  paying: 'PAYING',
  authorised: 'AUTHORISED',
  booking: 'BOOKING',
  issued: 'ISSUED',
  lapsing: 'LAPSING',
  lapsed: 'LAPSED',
  cancelling: 'CANCELLING',
  cancelled: 'CANCELLED',
  refunding: 'REFUNDING',
  refunded: 'REFUNDED',
  needs_person: 'NEEDS_PERSON',
};

export interface OrderActorsOptions {
  clock: Clock;
  /** Unix ms, as the orders have their times. */
  nowMs: () => number;
  /** Does what is due about an order. Must not throw. */
  advance: (orderId: string) => void;
}

/** An actor per order that this process has seen: it shows the order and acts when the order is due, before the reconciler would. */
export class OrderActors {
  readonly #options: OrderActorsOptions;
  readonly #machine: typeof orderMachine;
  readonly #actors = new LRUCache<string, OrderActor>({
    max: maxActors,
    dispose: (actor, orderId, reason) => {
      actor.stop();
      if (reason !== 'set') this.watcher?.stopped(orderId);
    },
  });
  /** Set while there are viewers. */
  watcher: OrderActorsWatcher | undefined;

  constructor(options: OrderActorsOptions) {
    this.#options = options;
    this.#machine = orderMachine.provide({
      actions: { advance: ({ context }) => options.advance(context.order.id) },
    });
  }

  /** Shows the order as the ledger has it. Another process may have skipped states: then the actor starts again in the new one. */
  show(order: Order): void {
    const actor = this.#actors.get(order.id);
    const shown = actor?.getSnapshot().context;
    if (shown && shown.order.version >= order.version) return;
    const input = this.#inputOf(order);
    const event: OrderMachineEvent = { type: eventTypes[order.state], ...input };
    if (actor?.getSnapshot().can(event)) actor.send(event);
    else this.#start(input);
  }

  actor(orderId: string): OrderActor | undefined {
    return this.#actors.peek(orderId);
  }

  /** The orders that were shown last come first. */
  latest(): Iterable<OrderActor> {
    return this.#actors.values();
  }

  stop(): void {
    this.#actors.clear();
  }

  #start(input: OrderInput): void {
    const actor = createActor(this.#machine, { id: `order ${input.order.id}`, input, clock: this.#options.clock });
    this.#actors.set(input.order.id, actor);
    actor.start();
    this.watcher?.started(actor);
  }

  #inputOf({ id, show, userId, state, version, amountMinor, currency, reason, seats, dueAtMs }: Order): OrderInput {
    return {
      order: {
        id,
        show,
        userId,
        state,
        version,
        amountMinor,
        currency,
        reason,
        seatIds: seats.map(({ seatId }) => seatId),
      },
      dueInMs: dueAtMs === undefined ? undefined : Math.max(0, dueAtMs - this.#options.nowMs()),
    };
  }
}
