import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Ledger, OrderChange } from '../ledger/ledger.ts';
import { OrderChangedError, SeatAlreadySoldError } from '../ledger/ledger-errors.ts';
import { type Order, type Payment, type PaymentFact, paymentState } from '../ledger/order.ts';
import { withFacts } from '../ledger/payment-facts.ts';
import { StoreUnavailableError } from '../store/seat-store.ts';
import { factsOf } from './facts-of.ts';
import { hasMoney, nextStep, type Step } from './next-step.ts';
import type { OrderSeats } from './order-seats.ts';
import { PaymentRefusedError, type ProviderPayment, paymentKey } from './payment-provider.ts';
import type { Payments } from './payments.ts';

export interface OrderStepsOptions {
  ledger: Ledger;
  seats: OrderSeats;
  payments: Payments;
  /** Unix ms, the same in all processes. */
  nowMs: () => number;
  /** How long after a step another process looks at the order again. */
  retryMs: number;
  /** How long a hold outlives the time to pay, so that the outcome of a payment can be found out. */
  graceMs: number;
  logger: Logger;
}

/** Performs the steps of `nextStep`. Each can be repeated, at any time and by any process, without a second effect. */
export class OrderSteps {
  readonly #options: OrderStepsOptions;

  constructor(options: OrderStepsOptions) {
    this.#options = options;
  }

  /** The order after the step. Rejects with the errors of the ledger, the store and the provider. */
  async perform(order: Order, step: Step): Promise<Order> {
    switch (step.kind) {
      case 'lapse':
        return this.#goOn(order, 'lapsing', { reason: 'Not paid in time' });
      case 'end':
        return this.#end(order, step.state);
      case 'begin':
        return this.#begin(order, step.payment);
      case 'ask':
        return this.#ask(order, step.payment, step.isOver);
      case 'reopen':
        return this.change(order, { state: 'open', dueAtMs: order.payUntilMs });
      case 'authorise':
        return this.#goOn(order, 'authorised');
      case 'commit':
        return this.#goOn(order, 'booking');
      case 'book':
        return this.#book(order);
      case 'capture':
        return this.#capture(order, step.payment);
      case 'confirm':
        return (await this.#confirm(order)) ?? this.change(order, { dueAtMs: undefined });
      case 'settle':
        return this.change(order, { dueAtMs: undefined });
      case 'revoke':
        return this.#revoke(order, 'The reserved money could not be collected');
      case 'ask-person':
        return this.askPerson(order, step.reason);
      case 'return':
        return this.#return(order, step.payment);
      case 'refuse-late-money':
        return this.#goOn(order, 'refunding', { reason: 'The payment arrived after the order had ended' });
      case 'finish-refund':
        await this.#closeRevoked(order);
        return this.change(order, { state: 'refunded', dueAtMs: undefined });
    }
  }

  /** Compare-and-set on the order as it was read. */
  change(order: Order, change: Omit<OrderChange, 'atMs'>): Promise<Order> {
    return this.#options.ledger.change(order, { ...change, atMs: this.#options.nowMs() });
  }

  async askPerson(order: Order, reason: string): Promise<Order> {
    const asked = await this.change(order, { state: 'needs_person', dueAtMs: undefined, reason });
    this.#options.logger.error({ orderId: order.id, show: order.show, reason }, 'An order needs a person');
    return asked;
  }

  /** Only while the outcome of no payment is unknown. From here on nobody can pay the order. */
  cancel(order: Order): Promise<Order> {
    return this.#goOn(order, 'cancelling');
  }

  /**
   * Ends an order without tickets whose money must be returned; never while the outcome of a payment is unknown. Held seats
   * are freed first: until then the ledger refuses another order of this user for them. Booked ones afterwards: until then
   * another process may issue tickets for them.
   */
  async giveUp(order: Order, reason: string): Promise<Order> {
    const { seats } = this.#options;
    const isClosed = await seats.close(order);
    const refunding = await this.#goOn(order, 'refunding', { reason });
    if (!isClosed) await seats.revoke(order);
    return refunding;
  }

  /** Ends a payment unless it has been made: only its provider knows which it was. */
  async endPayment(order: Order, payment: Payment): Promise<Order> {
    const begun = payment.reference === undefined ? await this.#begin(order, payment) : order;
    const { attempt, provider, reference } =
      begun.payments.find(({ attempt }) => attempt === payment.attempt) ?? payment;
    if (reference === undefined || paymentState(payment) === 'failed') return begun;
    const key = paymentKey(order.id, attempt, 'expire');
    return this.#record(begun, attempt, await this.#options.payments.of(provider).expire({ key, reference }));
  }

  /** To a state in which there is more to do. */
  #goOn(
    order: Order,
    state: 'authorised' | 'booking' | 'lapsing' | 'cancelling' | 'refunding',
    rest: Partial<OrderChange> = {},
  ): Promise<Order> {
    return this.change(order, { ...rest, state, dueAtMs: this.#retryAtMs });
  }

  get #retryAtMs(): number {
    return this.#options.nowMs() + this.#options.retryMs;
  }

  /**
   * Until the seats are free, the ledger refuses another order of this user for them. A booked seat stays: this order never sold it, so
   * its user booked it without an order, or the store has lost the end of an earlier one (see `StrayBookings`).
   */
  async #end(order: Order, state: 'lapsed' | 'cancelled'): Promise<Order> {
    await this.#options.seats.close(order);
    return this.change(order, { state, dueAtMs: undefined });
  }

  /** undefined: the seats are sold; else why they cannot be. */
  async #sell(order: Order): Promise<string | undefined> {
    const { seats, graceMs } = this.#options;
    const { refusal } = await seats.sell(order, graceMs);
    if (refusal === undefined) return undefined;
    if (refusal === 'STORE_UNAVAILABLE') throw new StoreUnavailableError('The store takes no more holds');
    if (refusal === 'ORDER_CLOSED') return 'The seats had been given back before the payment arrived';
    return 'The hold had ended before the payment arrived, and another user has a seat';
  }

  async #begin(order: Order, { attempt, provider }: Payment): Promise<Order> {
    try {
      const { reference } = await this.#options.payments.begin(order, attempt, provider);
      return await this.#recordOwn(order, attempt, { reference, state: 'pending', capturedMinor: 0, refundedMinor: 0 });
    } catch (error) {
      if (!(error instanceof PaymentRefusedError)) throw error;
      const fact = { kind: 'failed', attempt, atMs: this.#options.nowMs(), failure: error.message } as const;
      return (await this.#options.ledger.recordPayment(order.id, [fact])).order;
    }
  }

  async #ask(order: Order, payment: Payment, isOver: boolean): Promise<Order> {
    if (!isOver) return this.#inquire(order, payment);
    // Until the outcome is known, the seats must stay held. If the hold is gone, booking tries to hold them again.
    await this.#options.seats.hold(order, this.#options.graceMs).catch(() => {});
    return this.endPayment(order, payment);
  }

  async #inquire(order: Order, { attempt, provider, reference = '' }: Payment): Promise<Order> {
    return this.#record(order, attempt, await this.#options.payments.of(provider).inquire(reference));
  }

  async #book(order: Order): Promise<Order> {
    const { ledger, retryMs, nowMs } = this.#options;
    const refusal = await this.#sell(order);
    if (refusal) return this.giveUp(order, refusal);
    const tickets = order.seats.map(({ seatId }) => ({ id: randomBytes(16).toString('base64url'), seatId }));
    try {
      const atMs = nowMs();
      return await ledger.issue(order, { tickets, dueAtMs: atMs + retryMs, atMs });
    } catch (error) {
      if (!(error instanceof SeatAlreadySoldError)) throw error;
      return this.giveUp(order, `Sold to someone else already: ${error.seatIds.join(', ')}`);
    }
  }

  /**
   * Sells the seats again, after the tickets exist: Redis may have lost the first time before a new epoch could restore it
   * from the ledger. undefined: the seats are sold.
   */
  async #confirm(order: Order): Promise<Order | undefined> {
    const refusal = await this.#sell(order);
    return refusal === undefined ? undefined : this.#revoke(order, refusal);
  }

  #revoke(order: Order, why: string): Promise<Order> {
    return this.#goOn(order, 'refunding', { voidTickets: true, reason: `${why}, so the tickets are void` });
  }

  /**
   * Orders with tickets, and those that a person gives up. The others were closed before they began to refund, and must not
   * be closed again hours later.
   */
  async #closeRevoked(order: Order): Promise<void> {
    const { stuckIn, tickets } = order;
    const isGivenUp = stuckIn !== undefined && stuckIn !== 'refunding';
    if (tickets.length > 0 || isGivenUp) await this.#options.seats.revoke(order);
  }

  async #capture(order: Order, { attempt, provider, reference = '' }: Payment): Promise<Order> {
    const revoked = await this.#confirm(order);
    if (revoked) return revoked;
    const key = paymentKey(order.id, attempt, 'capture');
    const captured = await this.#options.payments.of(provider).capture({ key, reference });
    return this.#recordOwn(order, attempt, captured, true);
  }

  async #return(order: Order, payment: Payment): Promise<Order> {
    const { attempt, provider, reference = '' } = payment;
    // Money does not wait for seats: `finish-refund` frees them in any case.
    if (order.state === 'refunding') await this.#closeRevoked(order).catch(() => {});
    if (!hasMoney(payment)) return this.endPayment(order, payment);
    const isCaptured = paymentState(payment) === 'captured';
    const verb = isCaptured ? 'refund' : 'cancel';
    const after = await this.#options.payments
      .of(provider)
      [verb]({ key: paymentKey(order.id, attempt, verb), reference });
    return this.#recordOwn(order, attempt, after);
  }

  /** Money first: what the provider said is recorded whatever has become of the order. */
  async #record(order: Order, attempt: number, payment: ProviderPayment): Promise<Order> {
    const facts = this.#factsOf(order, attempt, payment);
    if (facts.length === 0) return order;
    return (await this.#options.ledger.recordPayment(order.id, facts)).order;
  }

  /**
   * As `record`, without reading the order first: for a payment that this process has just changed, so that no other one is likely to
   * report it too. `isConfirmed`: the seats were sold again after the tickets existed, so the step `confirm` is done.
   */
  async #recordOwn(order: Order, attempt: number, payment: ProviderPayment, isConfirmed = false): Promise<Order> {
    const { nowMs } = this.#options;
    const facts = this.#factsOf(order, attempt, payment);
    const payments = withFacts(order.payments, facts);
    if (payments === order.payments) return order;
    const isSettled = isConfirmed && nextStep({ ...order, payments }, nowMs(), false)?.kind === 'confirm';
    try {
      return await this.change(order, { dueAtMs: isSettled ? undefined : (order.dueAtMs ?? nowMs()), facts });
    } catch (error) {
      if (!(error instanceof OrderChangedError)) throw error;
      return this.#record(order, attempt, payment);
    }
  }

  #factsOf(order: Order, attempt: number, payment: ProviderPayment): PaymentFact[] {
    const facts = factsOf(payment, attempt, this.#options.nowMs());
    const known = order.payments.find((each) => each.attempt === attempt);
    if (known && known.reference === undefined) {
      const { provider, amountMinor, begunAtMs } = known;
      facts.push({ kind: 'begun', attempt, provider, amountMinor, atMs: begunAtMs, reference: payment.reference });
    }
    return facts;
  }
}
