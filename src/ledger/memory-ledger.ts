import { ok as assert } from 'node:assert/strict';
import { endedStates, unfinishedStates } from '../protocol/order-state.ts';
import type {
  EventBatch,
  HistoryPosition,
  Issue,
  Ledger,
  Notice,
  OrderChange,
  OrderQuery,
  OrderTotals,
  PaymentTotals,
} from './ledger.ts';
import { OrderChangedError, SeatAlreadySoldError, SeatInOrderError, UnknownOrderError } from './ledger-errors.ts';
import { MemoryHistory } from './memory-history.ts';
import { type NewOrder, type Order, type PaymentFact, paymentState, type Ticket } from './order.ts';
import { openOrder, requireSameContent, requireTicketPerSeat, requireTickets, stuckInAfter } from './order-rules.ts';
import { withFacts } from './payment-facts.ts';
import type { BookedSeat, LedgerEvent, RestorableSeat, StrayBooking } from './seat-history.ts';

/** A ledger in the memory of this process, lost when the process ends. For the embedded mode and for tests. */
export class MemoryLedger implements Ledger {
  readonly #orders = new Map<string, Order>();
  /** In the order of their issue. */
  readonly #tickets = new Map<string, Ticket>();
  readonly #notices = new Set<string>();
  readonly #histories = new Map<string, MemoryHistory>();

  async createOrder(order: NewOrder): Promise<Order> {
    const known = this.#orders.get(order.id);
    const created = openOrder(order);
    if (known) {
      requireSameContent(known, created);
      return known;
    }
    this.#requireNoOther(created);
    return this.#set(created);
  }

  async order(id: string): Promise<Order | undefined> {
    return this.#orders.get(id);
  }

  async orders({ state, show, userId, limit }: OrderQuery): Promise<Order[]> {
    const found = [...this.#orders.values()].filter(
      (order) =>
        (state === undefined || order.state === state) &&
        (show === undefined || order.show === show) &&
        (userId === undefined || order.userId === userId),
    );
    return found.sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1)).slice(0, limit);
  }

  async orderOfPayment(provider: string, reference: string): Promise<Order | undefined> {
    return [...this.#orders.values()].find(({ payments }) =>
      payments.some((payment) => payment.provider === provider && payment.reference === reference),
    );
  }

  async recordPayment(orderId: string, facts: readonly PaymentFact[], notice?: Notice) {
    const order = this.#require(orderId);
    const key = notice && `${notice.provider} ${notice.id}`;
    if (key !== undefined && this.#notices.has(key)) return { order, isNew: false };
    const payments = withFacts(order.payments, facts);
    if (key !== undefined) this.#notices.add(key);
    if (payments === order.payments) return { order, isNew: key !== undefined };
    const changedAtMs = Math.max(order.changedAtMs, ...facts.map(({ atMs }) => atMs));
    const { dueAtMs = changedAtMs, version } = order;
    return { order: this.#set({ ...order, payments, version: version + 1, changedAtMs, dueAtMs }), isNew: true };
  }

  async change(at: Order, { state, dueAtMs, reason, facts = [], voidTickets, atMs }: OrderChange): Promise<Order> {
    const order = this.#requireVersion(at);
    const next = state ?? order.state;
    requireTickets(order, next);
    const changed: Order = {
      ...order,
      state: next,
      stuckIn: stuckInAfter(order, next),
      dueAtMs,
      reason: reason ?? order.reason,
      payments: withFacts(order.payments, facts),
      version: order.version + 1,
      changedAtMs: atMs,
    };
    this.#requireNoOther(changed);
    if (voidTickets) {
      for (const ticket of order.tickets) {
        if (ticket.voidedAtMs === undefined) this.#tickets.set(ticket.id, { ...ticket, voidedAtMs: atMs });
      }
    }
    return this.#set(changed);
  }

  async issue(at: Order, { tickets, dueAtMs, atMs }: Issue): Promise<Order> {
    const order = this.#requireVersion(at);
    requireTicketPerSeat(order, tickets);
    const { show } = order;
    const wanted = new Set(order.seats.map(({ seatId }) => seatId));
    const sold = [...this.#liveTickets(show)].filter(({ seatId }) => wanted.has(seatId));
    if (sold.length > 0) throw new SeatAlreadySoldError(show, sold.map(({ seatId }) => seatId).sort());
    for (const { id, seatId } of tickets) {
      assert(!this.#tickets.has(id), `ticket ${id} must be new`);
      this.#tickets.set(id, { id, orderId: order.id, show, seatId, issuedAtMs: atMs, voidedAtMs: undefined });
    }
    return this.#set({ ...order, state: 'issued', version: order.version + 1, dueAtMs, changedAtMs: atMs });
  }

  async claimDue(nowMs: number, leaseMs: number, limit: number): Promise<Order[]> {
    const due = [...this.#orders.values()]
      .filter(({ dueAtMs }) => dueAtMs !== undefined && dueAtMs <= nowMs)
      .sort((a, b) => (a.dueAtMs ?? 0) - (b.dueAtMs ?? 0))
      .slice(0, limit);
    return due.map((order) => this.#set({ ...order, dueAtMs: nowMs + leaseMs }));
  }

  async ticket(id: string): Promise<Ticket | undefined> {
    return this.#tickets.get(id);
  }

  async liveTicket(show: string, seatId: string): Promise<Ticket | undefined> {
    return [...this.#liveTickets(show)].find((ticket) => ticket.seatId === seatId);
  }

  async totals(): Promise<OrderTotals[]> {
    const totals = new Map<string, OrderTotals>();
    for (const { state, show, currency, payments } of this.#orders.values()) {
      const key = `${state} ${show} ${currency}`;
      const total = totals.get(key) ?? { state, show, currency, orders: 0, paidMinor: 0 };
      total.orders++;
      for (const { capturedMinor, refundedMinor } of payments) total.paidMinor += capturedMinor - refundedMinor;
      totals.set(key, total);
    }
    return [...totals.values()];
  }

  async paymentTotals(): Promise<PaymentTotals[]> {
    const totals = new Map<string, PaymentTotals>();
    for (const payment of [...this.#orders.values()].flatMap(({ payments }) => payments)) {
      const { provider } = payment;
      const state = paymentState(payment);
      const total = totals.get(`${provider} ${state}`) ?? { provider, state, payments: 0 };
      total.payments++;
      totals.set(`${provider} ${state}`, total);
    }
    return [...totals.values()];
  }

  async appendEvents(show: string, batch: EventBatch): Promise<void> {
    this.#history(show).append(batch);
  }

  async projectedSeq(show: string, epoch: string): Promise<number | undefined> {
    return this.#history(show).projectedSeq(epoch);
  }

  async eventsAfter(show: string, after: HistoryPosition | undefined, limit: number): Promise<LedgerEvent[]> {
    return this.#history(show).eventsAfter(after, limit);
  }

  async restorable(show: string): Promise<RestorableSeat[]> {
    // A booking of a user who has an order of the seat is that of the order, which the ticket alone proves.
    const ordered = new Set<string>();
    for (const order of this.#orders.values()) {
      if (order.show !== show) continue;
      for (const { seatId } of order.seats) ordered.add(`${seatId} ${order.userId}`);
    }
    const bookings = this.#history(show).bookings();
    const seats = new Map<string, RestorableSeat>();
    for (const { seatId, userId } of bookings) {
      if (!ordered.has(`${seatId} ${userId}`)) seats.set(seatId, { seatId, userId });
    }
    for (const { seatId, orderId } of this.#liveTickets(show)) {
      seats.set(seatId, { seatId, userId: this.#require(orderId).userId, orderId });
    }
    return [...seats.values()].sort((a, b) => (a.seatId < b.seatId ? -1 : 1));
  }

  async strayBookings(show: string, booked: readonly BookedSeat[]): Promise<StrayBooking[]> {
    const ticketed = new Set([...this.#liveTickets(show)].map(({ seatId }) => seatId));
    const history = this.#history(show);
    const recovered = new Set(history.bookings().flatMap(({ seatId, isRecovered }) => (isRecovered ? [seatId] : [])));
    return booked
      .flatMap(({ seatId, userId, at }) => {
        const isInHistory = at.seq <= (history.projectedSeq(at.epoch) ?? -1);
        if (!isInHistory || recovered.has(seatId) || ticketed.has(seatId)) return [];
        const orders = [...this.#orders.values()].filter(
          ({ seats, ...order }) =>
            order.show === show && order.userId === userId && seats.some((seat) => seat.seatId === seatId),
        );
        const [newest] = orders.toSorted((a, b) => b.createdAtMs - a.createdAtMs);
        const isStray = newest && orders.every(({ state }) => endedStates.has(state)) && orders.some(mayHaveSold);
        return isStray ? [{ seatId, userId, orderId: newest.id }] : [];
      })
      .sort((a, b) => (a.seatId < b.seatId ? -1 : 1));
  }

  async close(): Promise<void> {}

  #history(show: string): MemoryHistory {
    const history = this.#histories.get(show) ?? new MemoryHistory();
    this.#histories.set(show, history);
    return history;
  }

  *#liveTickets(show: string): Generator<Ticket> {
    for (const ticket of this.#tickets.values()) {
      if (ticket.show === show && ticket.voidedAtMs === undefined) yield ticket;
    }
  }

  #require(id: string): Order {
    const order = this.#orders.get(id);
    if (!order) throw new UnknownOrderError(id);
    return order;
  }

  #requireVersion({ id, version }: Order): Order {
    const order = this.#require(id);
    if (order.version !== version) throw new OrderChangedError(order);
    return order;
  }

  /** Throws if the user has another unfinished order for one of the seats of this one. */
  #requireNoOther(order: Order): void {
    if (!unfinishedStates.has(order.state)) return;
    const seatIds = new Set(order.seats.map(({ seatId }) => seatId));
    for (const other of this.#orders.values()) {
      if (other.id === order.id || other.show !== order.show || other.userId !== order.userId) continue;
      if (!unfinishedStates.has(other.state)) continue;
      if (other.seats.some(({ seatId }) => seatIds.has(seatId))) throw new SeatInOrderError(other.id);
    }
  }

  #set(order: Order): Order {
    const tickets = [...this.#tickets.values()].filter(({ orderId }) => orderId === order.id);
    const complete = { ...order, tickets };
    this.#orders.set(order.id, complete);
    return complete;
  }
}

/** Seats are sold only after the payment of their order. */
const mayHaveSold = ({ amountMinor, payments }: Order): boolean =>
  amountMinor === 0 ||
  payments.some(({ authorisedAtMs, capturedAtMs }) => (authorisedAtMs ?? capturedAtMs) !== undefined);
