import type { ExpressionBuilder, Kysely, Selectable } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { LedgerTables } from './ledger-tables.ts';
import type { Order, Payment, Ticket } from './order.ts';

/** A row as JSON has it: times are texts. */
type Json<Row> = {
  [Field in keyof Row]: Row[Field] extends Date ? string : Row[Field] extends Date | null ? string | null : Row[Field];
};
type TicketRow = Selectable<LedgerTables['tickets']>;
type PaymentRow = Selectable<LedgerTables['payments']>;
type TimeOf = Date | string | null;

const unixMs = (time: Date | string): number => new Date(time).getTime();
const unixMsOf = (time: TimeOf): number | undefined => (time === null ? undefined : unixMs(time));
export const dateOf = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));

/** Whole orders; one statement, so that each is consistent. The caller adds the condition. */
export function selectOrders(db: Kysely<LedgerTables>) {
  return db.selectFrom('orders').selectAll('orders').select(withSeats).select(withPayments).select(withTickets);
}

type OrderRow = Awaited<ReturnType<ReturnType<typeof selectOrders>['execute']>>[number];

type OrdersBuilder = ExpressionBuilder<LedgerTables, 'orders'>;

const withSeats = (eb: OrdersBuilder) =>
  jsonArrayFrom(
    eb
      .selectFrom('order_seats')
      .select(['seat_id as seatId', 'ticket_type as ticketType', 'price_minor as priceMinor'])
      .whereRef('order_id', '=', 'orders.id')
      .orderBy('place'),
  ).as('seats');

const withPayments = (eb: OrdersBuilder) =>
  jsonArrayFrom(eb.selectFrom('payments').selectAll().whereRef('order_id', '=', 'orders.id').orderBy('attempt'))
    .$castTo<Json<PaymentRow>[]>()
    .as('payments');

const withTickets = (eb: OrdersBuilder) =>
  jsonArrayFrom(
    eb.selectFrom('tickets').selectAll().whereRef('order_id', '=', 'orders.id').orderBy('issued_at').orderBy('id'),
  )
    .$castTo<Json<TicketRow>[]>()
    .as('tickets');

export async function orderById(db: Kysely<LedgerTables>, id: string): Promise<Order | undefined> {
  const row = await selectOrders(db).where('id', '=', id).executeTakeFirst();
  return row && orderOf(row);
}

export function orderOf(row: OrderRow): Order {
  return {
    id: row.id,
    show: row.show,
    userId: row.user_id,
    currency: row.currency,
    seats: row.seats,
    payUntilMs: unixMs(row.pay_until),
    dueAtMs: unixMsOf(row.due_at),
    createdAtMs: unixMs(row.created_at),
    state: row.state,
    version: row.version,
    amountMinor: row.amount_minor,
    reason: row.reason ?? undefined,
    stuckIn: row.stuck_in ?? undefined,
    changedAtMs: unixMs(row.changed_at),
    payments: row.payments.map(paymentOf),
    tickets: row.tickets.map(ticketOf),
  };
}

function paymentOf(row: Json<PaymentRow>): Payment {
  return {
    attempt: row.attempt,
    provider: row.provider,
    reference: row.reference ?? undefined,
    amountMinor: row.amount_minor,
    begunAtMs: unixMs(row.begun_at),
    authorisedAtMs: unixMsOf(row.authorised_at),
    capturedAtMs: unixMsOf(row.captured_at),
    failedAtMs: unixMsOf(row.failed_at),
    cancelledAtMs: unixMsOf(row.cancelled_at),
    capturedMinor: row.captured_minor,
    refundedMinor: row.refunded_minor,
    failure: row.failure ?? undefined,
  };
}

export function ticketOf(row: TicketRow | Json<TicketRow>): Ticket {
  return {
    id: row.id,
    orderId: row.order_id,
    show: row.show,
    seatId: row.seat_id,
    issuedAtMs: unixMs(row.issued_at),
    voidedAtMs: unixMsOf(row.voided_at),
  };
}

/** The row of a payment. */
export function paymentRow(orderId: string, payment: Payment): PaymentRow {
  return {
    order_id: orderId,
    attempt: payment.attempt,
    provider: payment.provider,
    reference: payment.reference ?? null,
    amount_minor: payment.amountMinor,
    begun_at: new Date(payment.begunAtMs),
    authorised_at: dateOf(payment.authorisedAtMs),
    captured_at: dateOf(payment.capturedAtMs),
    failed_at: dateOf(payment.failedAtMs),
    cancelled_at: dateOf(payment.cancelledAtMs),
    captured_minor: payment.capturedMinor,
    refunded_minor: payment.refundedMinor,
    failure: payment.failure ?? null,
  };
}

export function ticketRow(ticket: Ticket): TicketRow {
  return {
    id: ticket.id,
    order_id: ticket.orderId,
    show: ticket.show,
    seat_id: ticket.seatId,
    issued_at: new Date(ticket.issuedAtMs),
    voided_at: dateOf(ticket.voidedAtMs),
  };
}
