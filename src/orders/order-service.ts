import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { OrderChangedError, SeatInOrderError, UnknownOrderError } from '../ledger/ledger-errors.ts';
import type { Order, OrderSeat } from '../ledger/order.ts';
import { messageOf } from '../process/error-facts.ts';
import { StateLog } from '../process/state-log.ts';
import { unfinishedStates } from '../protocol/order-state.ts';
import { factsOf } from './facts-of.ts';
import { hasMoney, nextStep } from './next-step.ts';
import { OrderClosedError, SeatsRefusedError } from './order-errors.ts';
import { OrderSeats, type SeatsOfShow } from './order-seats.ts';
import { OrderSteps } from './order-steps.ts';
import type { BegunPayment, PaymentMessage } from './payment-provider.ts';
import type { Payments } from './payments.ts';

export interface OrderServiceOptions {
  ledger: Ledger;
  payments: Payments;
  /** May open the show. undefined: it is not on sale here any more. */
  seatsOf: (show: string) => SeatsOfShow | undefined;
  logger: Logger;
  /** Unix ms, the same in all processes: the clock of the store. */
  nowMs: () => number;
  /** The time to pay. */
  paymentMs: number;
  /** How long a hold outlives the time to pay, so that the outcome of a payment can be found out. */
  graceMs?: number;
  /** How long after a step that failed, or a question that was not decided, another process looks at the order again. */
  retryMs?: number;
  /** How long an order may be stuck before it needs a person. */
  unsettledMs?: number;
  /** Called with each order that this process has read or changed. */
  onOrder?: (order: Order) => void;
}

export interface NewCheckout {
  show: string;
  userId: string;
  /** ISO 4217. */
  currency: string;
  /** With the prices of the show. */
  seats: readonly OrderSeat[];
}

const maxAttempts = 20;
/** Longer than any way through the chart. */
const maxStepsPerRun = 60;
const idBytes = 16;
/** Why an order needs a person although no server failed. */
const noEffect = 'The provider replies, but the payment does not change';

/**
 * Checkout. The ledger decides orders by compare-and-set; any number of processes may advance the same order at the same
 * time. Code that notices that something is due calls `advance`: a request, a webhook, a timer, the reconciler.
 */
export class OrderService {
  readonly #options: OrderServiceOptions & { graceMs: number; retryMs: number; unsettledMs: number };
  readonly #stateLog: StateLog;
  readonly #seats: OrderSeats;
  readonly #steps: OrderSteps;
  /** By the id of an order: the newest run of its steps in this process. */
  readonly #advancing = new Map<string, Promise<Order>>();

  constructor(options: OrderServiceOptions) {
    this.#options = { graceMs: 60_000, retryMs: 10_000, unsettledMs: 86_400_000, ...options };
    this.#stateLog = new StateLog(options.logger);
    this.#seats = new OrderSeats(options);
    this.#steps = new OrderSteps({ ...this.#options, seats: this.#seats });
  }

  /**
   * Creates an order of seats that the user holds and begins its payment; for the same seats again, goes on with that order.
   * Rejects with a `SeatsRefusedError`, an `OrderClosedError` if one of the seats is in another order of the user, and the
   * errors of the ledger, the store and the provider. Money facts are never lost by a rejection: the order goes on.
   */
  async create(checkout: NewCheckout): Promise<{ order: Order; payUrl: string | undefined }> {
    const order = await this.#createOrFind(checkout);
    if (order.state === 'open') {
      const ttlMs = order.payUntilMs - this.#options.nowMs() + this.#options.graceMs;
      const answer = await this.#seats.hold(order, ttlMs);
      if (answer.refusal) {
        // The user keeps the holds of the other seats.
        const reason = 'The seats were not held';
        await this.#steps.change(order, { state: 'lapsed', dueAtMs: undefined, reason }).catch(ignoreChanged);
        throw new SeatsRefusedError(answer);
      }
    }
    const paying = await this.#pay(order);
    return { order: paying, payUrl: await this.payUrl(paying) };
  }

  /** Where the user pays; undefined if there is nothing to pay now. Rejects with the errors of `PaymentProvider.begin`. */
  async payUrl(order: Order): Promise<string | undefined> {
    const payment = order.payments.at(-1);
    if (order.state !== 'paying' || !payment) return undefined;
    const { payUrl }: BegunPayment = await this.#options.payments.begin(order, payment.attempt, payment.provider);
    return payUrl;
  }

  /** undefined if there is none. */
  async order(orderId: string): Promise<Order | undefined> {
    const order = await this.#options.ledger.order(orderId);
    if (order) this.#options.onOrder?.(order);
    return order;
  }

  /**
   * Cancels an order that is not being booked yet; one that ended already stays as it is. Money paid meanwhile is
   * returned. Rejects with an `OrderClosedError`, and if the outcome of a payment is unknown, with the error of the provider.
   */
  async cancel(orderId: string): Promise<Order> {
    for (;;) {
      const order = await this.#require(orderId);
      try {
        // The next step of a paid order would book it.
        return await this.#cancelAt(isPaid(order) ? order : await this.#advance(order));
      } catch (error) {
        if (!(error instanceof OrderChangedError)) throw error;
      }
    }
  }

  /** Records what a provider reported, once, then advances its order. Rejects with an `UnknownOrderError`, or if the ledger is unavailable. */
  async receive(provider: string, { id, type, orderId, attempt, payment }: PaymentMessage): Promise<void> {
    const { ledger, nowMs, logger } = this.#options;
    const receivedAtMs = nowMs();
    const facts = factsOf(payment, attempt, receivedAtMs);
    const { order } = await ledger.recordPayment(orderId, facts, { provider, id, type, receivedAtMs });
    // The order is due: if this fails, the reconciler goes on.
    await this.#advance(order).catch((err) =>
      logger.warn({ err, orderId }, 'An order could not be advanced; retrying'),
    );
  }

  /**
   * Does what is due about an order, by id or as the caller has just read it, until something has to be waited for. `mayAsk`: also
   * asks the provider about a payment under way. Rejects with the errors of the ledger, the store and the provider; the order
   * then stays due.
   */
  async advance(of: string | Order, { mayAsk = false }: { mayAsk?: boolean } = {}): Promise<Order> {
    return this.#advance(typeof of === 'string' ? await this.#require(of) : of, mayAsk);
  }

  /**
   * Advances the orders that are due, whichever process left them; at most `limit`. Returns their number. Rejects if the
   * ledger is unavailable.
   */
  async reconcile(limit = 50): Promise<number> {
    const { ledger, nowMs, retryMs, logger } = this.#options;
    const due = await ledger.claimDue(nowMs(), retryMs, limit);
    let failure: unknown;
    await Promise.all(
      due.map(async (order) => {
        const { id } = order;
        try {
          const advanced = await this.#advance(order, true);
          if (nextStep(advanced, nowMs(), true)) await this.#askPerson(advanced, noEffect);
        } catch (err) {
          failure = err;
          logger.debug({ err, orderId: id }, 'An order could not be advanced; retrying');
          await this.#require(id)
            .then((stuck) => this.#askPerson(stuck, messageOf(err)))
            .catch(() => {});
        }
      }),
    );
    // While a server is unavailable, every unfinished order fails every few seconds.
    if (failure) this.#stateLog.warn('Orders could not be advanced; retrying', { error: messageOf(failure) });
    else if (due.length > 0) this.#stateLog.recovered('Orders are advanced again');
    return due.length;
  }

  /** Begins a payment of an open order whose seats are held, or another one after a failure. The order as it is then. */
  async #pay(begun: Order): Promise<Order> {
    const order = await this.#advance(begun);
    if (order.state !== 'open') return order;
    if (order.amountMinor === 0)
      return this.#advance(await this.#steps.perform(order, { kind: 'authorise' }).catch(currentOf));
    if (order.payments.length >= maxAttempts) throw new OrderClosedError(order);
    const { nowMs, retryMs, payments } = this.#options;
    const atMs = nowMs();
    const attempt = order.payments.length + 1;
    const { name: provider } = payments.current;
    const facts = [{ kind: 'begun', attempt, atMs, provider, amountMinor: order.amountMinor }] as const;
    const change = { state: 'paying', dueAtMs: atMs + retryMs, facts } as const;
    return this.#advance(await this.#steps.change(order, change).catch(currentOf));
  }

  async #createOrFind({ show, userId, currency, seats }: NewCheckout): Promise<Order> {
    const { ledger, nowMs, paymentMs } = this.#options;
    for (let other: Order | undefined; ; ) {
      const createdAtMs = nowMs();
      const payUntilMs = createdAtMs + paymentMs;
      const id = randomBytes(idBytes).toString('base64url');
      try {
        const order = { id, show, userId, currency, seats, createdAtMs, payUntilMs, dueAtMs: payUntilMs };
        return await ledger.createOrder(order);
      } catch (error) {
        if (!(error instanceof SeatInOrderError)) throw error;
        const isSame = other?.id === error.orderId;
        other = await this.advance(error.orderId);
        if (!unfinishedStates.has(other.state) && !isSame) continue;
        if (contentOf(other) === contentOf({ show, userId, currency, seats })) return other;
        throw new OrderClosedError(other);
      }
    }
  }

  async #cancelAt(order: Order): Promise<Order> {
    const payment = order.payments.at(-1);
    switch (order.state) {
      case 'open':
        return this.#end(await this.#steps.cancel(order));
      case 'paying': {
        const ended = payment ? await this.#steps.endPayment(order, payment) : order;
        // Another process may have gone on since.
        if (ended.state !== 'paying') return this.#cancelAt(ended);
        if (ended.payments.some(hasMoney)) return this.#end(await this.#steps.giveUp(ended, 'Cancelled'));
        if (ended.version === order.version) throw new OrderClosedError(order);
        return this.#end(await this.#steps.cancel(ended));
      }
      case 'authorised':
        return this.#end(await this.#steps.giveUp(order, 'Cancelled'));
      case 'booking':
      case 'issued':
      case 'needs_person':
        throw new OrderClosedError(order);
      case 'lapsing':
      case 'lapsed':
      case 'cancelling':
      case 'cancelled':
      case 'refunding':
      case 'refunded':
        return order;
    }
  }

  /** The cancellation is decided: if a server is unavailable now, the reconciler completes it. */
  #end(order: Order): Promise<Order> {
    return this.#advance(order).catch(() => order);
  }

  /** One at a time for each order: a webhook and the browser that returns from the payment would repeat each other's steps. */
  #advance(order: Order, mayAsk = false): Promise<Order> {
    const before = this.#advancing.get(order.id);
    const advanced = before
      ? before.then(ignore, ignore).then(async () => this.#takeSteps(await this.#require(order.id), mayAsk))
      : this.#takeSteps(order, mayAsk);
    this.#advancing.set(order.id, advanced);
    const end = () => {
      if (this.#advancing.get(order.id) === advanced) this.#advancing.delete(order.id);
    };
    advanced.then(end, end);
    return advanced;
  }

  async #takeSteps(begun: Order, mayAsk: boolean): Promise<Order> {
    const { ledger, nowMs, onOrder } = this.#options;
    let order = begun;
    let question = mayAsk;
    onOrder?.(order);
    for (let steps = 0; steps < maxStepsPerRun; steps++) {
      const step = nextStep(order, nowMs(), question);
      if (!step) break;
      if (step.kind === 'ask') question = false;
      const { version } = order;
      try {
        order = await this.#steps.perform(order, step);
      } catch (error) {
        if (!(error instanceof OrderChangedError)) throw error;
        order = (await ledger.order(order.id)) ?? error.current;
      }
      onOrder?.(order);
      if (order.version === version) break; // nothing has changed: the order waits
    }
    return order;
  }

  /** After a day without success. */
  async #askPerson(order: Order, reason: string): Promise<void> {
    if (this.#options.nowMs() - order.changedAtMs < this.#options.unsettledMs) return;
    const asked = await this.#steps.askPerson(order, reason);
    this.#options.onOrder?.(asked);
  }

  async #require(orderId: string): Promise<Order> {
    const order = await this.order(orderId);
    if (!order) throw new UnknownOrderError(orderId);
    return order;
  }
}

const isPaid = ({ state, payments }: Order): boolean =>
  state === 'authorised' || (state === 'paying' && payments.some(hasMoney));

/** For comparison: the seats in any order, at whatever price they were ordered. */
function contentOf({ show, userId, currency, seats }: NewCheckout): string {
  const lines = seats.map(({ seatId, ticketType }) => `${seatId} ${ticketType}`);
  return [show, userId, currency, ...lines.sort()].join('\n');
}

const ignore = () => {};

function currentOf(error: unknown): Order {
  if (!(error instanceof OrderChangedError)) throw error;
  return error.current;
}

function ignoreChanged(error: unknown): void {
  if (!(error instanceof OrderChangedError)) throw error;
}
