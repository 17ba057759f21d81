import type { Ledger } from '../../../src/ledger/ledger.ts';
import { type Order, paymentState } from '../../../src/ledger/order.ts';
import type { SandboxPayment } from '../../../src/orders/sandbox/sandbox-store.ts';
import type { SeatEvent } from '../../../src/protocol/events.ts';
import type { Seat } from '../../../src/protocol/seat.ts';
import { SeatStatus } from '../../../src/protocol/seat-status.ts';
import { endsOrder, type SeatCommand } from '../../../src/store/seat-store.ts';
import type { World } from '../world.ts';
import type { SimulatedBank } from './simulated-bank.ts';

const finalStates = new Set(['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person']);

/** Money that the provider holds for the shop: reserved, or taken and not returned. */
const heldMinor = ({ state, amountMinor, capturedMinor, refundedMinor }: SandboxPayment) =>
  state === 'authorised' ? amountMinor : capturedMinor - refundedMinor;

const liveTickets = ({ tickets }: Order) => tickets.filter(({ voidedAtMs }) => voidedAtMs === undefined);

/** The invariants of every moment. */
export class OrderAudit {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #payments: ReadonlyMap<string, SandboxPayment>;
  readonly #made: ReadonlySet<string>;

  constructor(world: World, ledger: Ledger, bank: Pick<SimulatedBank, 'all' | 'made'>) {
    this.#world = world;
    this.#ledger = ledger;
    this.#payments = bank.all;
    this.#made = bank.made;
  }

  #paymentsOf(orderId: string): SandboxPayment[] {
    return [...this.#payments.values()].filter((payment) => payment.orderId === orderId);
  }

  /** [R761] Seats are released only while the shop knows the outcome of each payment. */
  async closed(command: SeatCommand, events: readonly SeatEvent[]): Promise<void> {
    if (!endsOrder(command) || events.length === 0) return;
    const order = await this.#ledger.order(command.orderId);
    if (!order) return;
    for (const { reference, attempt, state } of this.#paymentsOf(order.id)) {
      if (state === 'failed' || state === 'cancelled') continue;
      const known = order.payments.find((payment) => payment.attempt === attempt);
      const isKnown = known !== undefined && paymentState(known) !== 'begun';
      if (!isKnown) this.#world.fail('R761', `seats of ${order.id} went back while ${reference} is ${state}`);
    }
  }

  /** [R762] Money is taken only for live tickets, and once. */
  async paymentChanged(before: SandboxPayment, after: SandboxPayment): Promise<void> {
    if (before.capturedMinor === after.capturedMinor) return;
    const order = await this.#ledger.order(after.orderId);
    if (!order || liveTickets(order).length === 0) {
      this.#world.fail('R762', `${after.reference} was captured before the tickets of ${after.orderId}`);
    }
    const takenMinor = this.#paymentsOf(after.orderId).reduce((sum, payment) => sum + payment.capturedMinor, 0);
    if (order && takenMinor > order.amountMinor) {
      this.#world.fail('G11', `${takenMinor} was taken for ${order.id} of ${order.amountMinor}`);
    }
  }

  /** The end of a history, when everything is settled. */
  atEnd(orders: readonly Order[], seats: readonly Seat[]): void {
    for (const order of orders) this.#auditOrder(order);
    const tickets = orders.flatMap((order) =>
      liveTickets(order).map((ticket) => ({ ...ticket, userId: order.userId })),
    );
    for (const { seatId, userId } of tickets) {
      if (tickets.filter((ticket) => ticket.seatId === seatId).length > 1) {
        this.#world.fail('G12', `seat ${seatId} has two live tickets`);
      }
      const seat = seats.find(({ id }) => id === seatId);
      if (seat?.status !== SeatStatus.booked || seat.held_by !== userId) {
        this.#world.fail('G12', `the ticket of ${userId} for ${seatId} has no booked seat: ${JSON.stringify(seat)}`);
      }
    }
    for (const { id, status, held_by } of seats) {
      if (status !== SeatStatus.booked) continue;
      if (!tickets.some(({ seatId, userId }) => seatId === id && userId === held_by)) {
        this.#world.fail('R763', `seat ${id} is booked by ${held_by} without a ticket`);
      }
    }
  }

  #auditOrder(order: Order): void {
    const { id, state, reason, amountMinor } = order;
    this.#world.count(`ended ${state}`);
    if (!finalStates.has(state)) this.#world.fail('R760', `${id} ended ${state}, version ${order.version}`);
    if (state === 'needs_person' && !reason) this.#world.fail('R760', `${id} needs a person without a reason`);
    const payments = this.#paymentsOf(id);
    // Unless the user cancelled: then the late payment is returned, and the order shows it.
    if (state === 'lapsed' && payments.some(({ reference }) => this.#made.has(reference))) {
      this.#world.fail('R766', `${id} was paid in time, and lapsed`);
    }
    const paidMinor = payments.reduce((sum, payment) => sum + heldMinor(payment), 0);
    const worthMinor = liveTickets(order).length > 0 ? amountMinor : 0;
    if (state !== 'needs_person' && paidMinor !== worthMinor) {
      this.#world.fail('G11', `${paidMinor} is kept for ${id}, which is ${state} with tickets for ${worthMinor}`);
    }
    for (const { attempt, state: now, capturedMinor, refundedMinor } of payments) {
      const known = order.payments.find((payment) => payment.attempt === attempt);
      if (known && (known.capturedMinor !== capturedMinor || known.refundedMinor !== refundedMinor)) {
        this.#world.fail(
          'R764',
          `the ledger has ${known.capturedMinor} − ${known.refundedMinor} for ${id}, the provider ${capturedMinor} − ${refundedMinor}`,
        );
      }
      if (now === 'authorised') this.#world.fail('G11', `money of ${id} stays reserved`);
    }
  }
}
