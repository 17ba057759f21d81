import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { show } from './seat-rules.ts';

/** An order as the ledger has it. Amounts are in minor units. */
export interface OrderRecord {
  id: string;
  userId: string;
  state: string;
  reason: string | undefined;
  amountMinor: number;
  seatIds: readonly string[];
  /** The seats of its live tickets. */
  ticketSeatIds: readonly string[];
  payments: readonly { reference: string | undefined; capturedMinor: number; refundedMinor: number }[];
}

/** A payment as its provider has it. */
export interface ProviderRecord {
  reference: string;
  orderId: string;
  state: string;
  capturedMinor: number;
  refundedMinor: number;
}

/** The state of one show in the ledger, at the provider and in Redis when nothing is due any more. */
export interface CheckoutRecord {
  orders: readonly OrderRecord[];
  /** undefined: the provider cannot be queried. */
  payments: readonly ProviderRecord[] | undefined;
  seats: ReadonlyMap<string, Seat>;
}

export type CheckoutCheck = 'orders' | 'money' | 'tickets';
type Note = (check: CheckoutCheck, isKept: boolean, inWords: () => string) => void;

const finalStates = new Set(['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person']);

/**
 * The promises of checkout (G11, G12), for every audit: of a load run and of faults. Independent of the product, which it
 * checks: nothing here may import a decision of `src`.
 */
export function auditCheckout(record: CheckoutRecord, note: Note): void {
  const ofOrder = new Map<string, ProviderRecord[]>();
  for (const payment of record.payments ?? []) {
    ofOrder.set(payment.orderId, [...(ofOrder.get(payment.orderId) ?? []), payment]);
  }
  for (const order of record.orders) {
    auditEnd(order, note);
    auditMoney(order, record.payments && (ofOrder.get(order.id) ?? []), note);
  }
  auditUnknownPayments(record, note);
  auditTickets(record, note);
}

function auditEnd({ id, state, reason, seatIds, ticketSeatIds }: OrderRecord, note: Note): void {
  const isEnded = finalStates.has(state) && (state !== 'needs_person' || Boolean(reason));
  note('orders', isEnded, () => `order ${id} ended ${state}, reason: ${reason ?? 'none'}`);
  if (state === 'needs_person') return;
  const due = state === 'issued' ? [...seatIds].sort() : [];
  const isWhole = show([...ticketSeatIds].sort()) === show(due);
  note('orders', isWhole, () => `order ${id} is ${state} with tickets for ${ticketSeatIds.join(' ') || 'no seat'}`);
}

/** Every payer has tickets or the money back. `atProvider`: the payments of the order. */
function auditMoney(order: OrderRecord, atProvider: readonly ProviderRecord[] | undefined, note: Note): void {
  const { id, state, amountMinor, ticketSeatIds } = order;
  const worthMinor = ticketSeatIds.length > 0 ? amountMinor : 0;
  if (state !== 'needs_person') {
    const keptMinor = sum(order.payments.map(kept));
    note('money', keptMinor === worthMinor, () => `the ledger keeps ${keptMinor} for ${id}, worth ${worthMinor}`);
  }
  if (!atProvider) return;
  const keptMinor = sum(atProvider.map(kept));
  if (state !== 'needs_person') {
    note('money', keptMinor === worthMinor, () => `the provider keeps ${keptMinor} for ${id}, worth ${worthMinor}`);
  }
  for (const { reference, capturedMinor, refundedMinor, state: now } of atProvider) {
    const known = order.payments.find((payment) => payment.reference === reference);
    const isSame = (known?.capturedMinor ?? 0) === capturedMinor && (known?.refundedMinor ?? 0) === refundedMinor;
    note('money', isSame, () => `${reference} of ${id} is ${show(known)} in the ledger, ${now} at the provider`);
    note('money', now !== 'authorised', () => `the money of ${id} stays reserved: ${reference}`);
  }
}

function auditUnknownPayments({ orders, payments = [] }: CheckoutRecord, note: Note): void {
  const known = new Set(orders.map(({ id }) => id));
  for (const { reference, orderId, state } of payments) {
    note('money', known.has(orderId), () => `${reference} is ${state} for ${orderId}, which the ledger does not have`);
  }
}

/** A ticket has a booked seat, a booked seat has a ticket, and a seat has one. */
function auditTickets({ orders, seats }: CheckoutRecord, note: Note): void {
  const owners = new Map<string, string>();
  for (const { id, userId, ticketSeatIds } of orders) {
    for (const seatId of ticketSeatIds) {
      note('tickets', !owners.has(seatId), () => `seat ${seatId} has a second live ticket, of order ${id}`);
      owners.set(seatId, userId);
      const seat = seats.get(seatId);
      const isBooked = seat?.status === SeatStatus.booked && seat.held_by === userId;
      note('tickets', isBooked, () => `${userId} has a ticket for ${seatId}, which is ${show(seat)}`);
    }
  }
  for (const seat of seats.values()) {
    if (seat.status !== SeatStatus.booked) continue;
    const isOwned = owners.get(seat.id) === seat.held_by;
    note('tickets', isOwned, () => `${show(seat)} has no ticket of its user`);
  }
}

const kept = ({ capturedMinor, refundedMinor }: { capturedMinor: number; refundedMinor: number }) =>
  capturedMinor - refundedMinor;
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
