import type { Kysely } from 'kysely';
import type { Issue, Notice, OrderChange } from './ledger.ts';
import { OrderChangedError, SeatAlreadySoldError, SeatInOrderError, UnknownOrderError } from './ledger-errors.ts';
import type { LedgerTables } from './ledger-tables.ts';
import { type Order, type Payment, type PaymentFact, type Ticket, unfinishedStates } from './order.ts';
import { dateOf, lockOrder, orderById, orderOf, paymentRow, selectOrders } from './order-queries.ts';
import { requireSameContent, requireTicketPerSeat, requireTickets, stuckInAfter } from './order-rules.ts';
import { withFacts } from './payment-facts.ts';

type Db = Kysely<LedgerTables>;

/** `created`: see `openOrder`. */
export async function insertOrder(db: Db, created: Order): Promise<Order> {
  const { id, show, userId: user_id } = created;
  const inserted = await db
    .insertInto('orders')
    .values({
      id,
      show,
      user_id,
      state: created.state,
      version: created.version,
      currency: created.currency,
      amount_minor: created.amountMinor,
      pay_until: new Date(created.payUntilMs),
      due_at: dateOf(created.dueAtMs),
      created_at: new Date(created.createdAtMs),
      changed_at: new Date(created.changedAtMs),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!inserted) {
    const known = await requireOrder(db, id);
    requireSameContent(known, created);
    return known;
  }
  await db
    .insertInto('order_seats')
    .values(
      created.seats.map(({ seatId, ticketType, priceMinor }, place) => ({
        order_id: id,
        place,
        show,
        user_id,
        seat_id: seatId,
        ticket_type: ticketType,
        price_minor: priceMinor,
        is_unfinished: true,
      })),
    )
    .execute();
  return created;
}

/** The error for a violation of `order_seats_unfinished`; undefined if the other order has ended meanwhile. */
export async function seatInOrder(
  db: Db,
  { id, show, userId, seats }: Pick<Order, 'id' | 'show' | 'userId' | 'seats'>,
  cause: unknown,
): Promise<SeatInOrderError | undefined> {
  const other = await db
    .selectFrom('order_seats')
    .select('order_id')
    .where('show', '=', show)
    .where('user_id', '=', userId)
    .where('order_id', '!=', id)
    .where('is_unfinished', '=', true)
    .where(
      'seat_id',
      'in',
      seats.map(({ seatId }) => seatId),
    )
    .executeTakeFirst();
  return other && new SeatInOrderError(other.order_id, cause);
}

export async function recordFacts(
  db: Db,
  orderId: string,
  facts: readonly PaymentFact[],
  notice?: Notice,
): Promise<{ order: Order; isNew: boolean }> {
  await lockOrder(db, orderId);
  const order = await requireOrder(db, orderId);
  if (notice) {
    const { provider, id, type, receivedAtMs } = notice;
    const inserted = await db
      .insertInto('notices')
      .values({ provider, id, order_id: orderId, type, received_at: new Date(receivedAtMs) })
      .onConflict((conflict) => conflict.columns(['provider', 'id']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!inserted) return { order, isNew: false };
  }
  const payments = await writeFacts(db, order, facts);
  if (payments === order.payments) return { order, isNew: notice !== undefined };
  const changedAtMs = Math.max(order.changedAtMs, ...facts.map(({ atMs }) => atMs));
  const { dueAtMs = changedAtMs } = order;
  const version = order.version + 1;
  await db
    .updateTable('orders')
    .set({ version, changed_at: new Date(changedAtMs), due_at: new Date(dueAtMs) })
    .where('id', '=', orderId)
    .execute();
  return { order: { ...order, payments, version, changedAtMs, dueAtMs }, isNew: true };
}

/** `changeId`: of this call, so that a repeated transaction recognises its own effect. */
export async function changeOrder(db: Db, order: Order, changeId: string, change: OrderChange): Promise<Order> {
  const { state = order.state, dueAtMs, reason = order.reason, facts = [], voidTickets, atMs } = change;
  const stuckIn = stuckInAfter(order, state);
  const changed = { ...order, state, stuckIn, reason, dueAtMs, changedAtMs: atMs, version: order.version + 1 };
  const repeated = await writeState(db, order, changed, changeId);
  if (repeated) return repeated;
  requireTickets(order, state);
  const voided = voidTickets ? await voidLiveTickets(db, order, atMs) : order.tickets;
  return { ...changed, tickets: voided, payments: await writeFacts(db, order, facts) };
}

export async function issueOrder(db: Db, order: Order, changeId: string, issue: Issue): Promise<Order> {
  const { tickets, dueAtMs, atMs } = issue;
  const issued = { ...order, state: 'issued', dueAtMs, changedAtMs: atMs, version: order.version + 1 } as const;
  const repeated = await writeState(db, order, issued, changeId);
  if (repeated) return repeated;
  requireTicketPerSeat(order, tickets);
  const { id: orderId, show } = order;
  await db
    .insertInto('tickets')
    .values(
      tickets.map(({ id, seatId }) => ({ id, order_id: orderId, show, seat_id: seatId, issued_at: new Date(atMs) })),
    )
    .execute();
  const added = tickets.map((ticket) => ({ ...ticket, orderId, show, issuedAtMs: atMs, voidedAtMs: undefined }));
  // As a read has them.
  return { ...issued, tickets: [...order.tickets, ...added.sort((a, b) => (a.id < b.id ? -1 : 1))] };
}

/** The error for a violation of `tickets_live`; undefined if the other ticket was voided meanwhile. */
export async function seatAlreadySold(
  db: Db,
  { show, seats }: Order,
  cause: unknown,
): Promise<SeatAlreadySoldError | undefined> {
  const sold = await db
    .selectFrom('tickets')
    .select('seat_id')
    .where('show', '=', show)
    .where('voided_at', 'is', null)
    .where(
      'seat_id',
      'in',
      seats.map(({ seatId }) => seatId),
    )
    .orderBy('seat_id')
    .execute();
  if (sold.length === 0) return undefined;
  return new SeatAlreadySoldError(
    show,
    sold.map(({ seat_id }) => seat_id),
    cause,
  );
}

export async function claimOrders(db: Db, nowMs: number, leaseMs: number, limit: number): Promise<Order[]> {
  const due = db
    .selectFrom('orders')
    .select(['id', 'due_at'])
    .where('due_at', '<=', new Date(nowMs))
    .orderBy('due_at')
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const claimed = await db
    .with('due', () => due)
    .updateTable('orders')
    .from('due')
    .set({ due_at: new Date(nowMs + leaseMs) })
    .whereRef('orders.id', '=', 'due.id')
    .returning(['orders.id', 'due.due_at'])
    .execute();
  if (claimed.length === 0) return [];
  const ids = claimed.sort((a, b) => Number(a.due_at) - Number(b.due_at)).map(({ id }) => id);
  const orders = new Map(
    (await selectOrders(db).where('id', 'in', ids).execute()).map((row) => [row.id, orderOf(row)]),
  );
  return ids.flatMap((id) => orders.get(id) ?? []);
}

async function requireOrder(db: Db, id: string): Promise<Order> {
  const order = await orderById(db, id);
  if (!order) throw new UnknownOrderError(id);
  return order;
}

/**
 * Compare-and-set on the version, which all content of an order belongs to, except when it is due. Returns undefined, or the order as it
 * is if this change has taken effect already: its connection was lost during COMMIT. Rejects with an `OrderChangedError`.
 */
async function writeState(db: Db, before: Order, after: Order, changeId: string): Promise<Order | undefined> {
  const { id, state, stuckIn, reason, dueAtMs, changedAtMs, version } = after;
  const written = await db
    .updateTable('orders')
    .set({
      state,
      reason: reason ?? null,
      stuck_in: stuckIn ?? null,
      due_at: dateOf(dueAtMs),
      changed_at: new Date(changedAtMs),
      version,
      change_id: changeId,
    })
    .where('id', '=', id)
    .where('version', '=', before.version)
    .returning('id')
    .executeTakeFirst();
  if (!written) return requireRepeated(db, id, changeId);
  const isUnfinished = unfinishedStates.has(state);
  if (isUnfinished === unfinishedStates.has(before.state)) return undefined;
  await db.updateTable('order_seats').set({ is_unfinished: isUnfinished }).where('order_id', '=', id).execute();
  return undefined;
}

async function requireRepeated(db: Db, id: string, changeId: string): Promise<Order> {
  await lockOrder(db, id);
  const row = await db.selectFrom('orders').select('change_id').where('id', '=', id).executeTakeFirst();
  const order = await requireOrder(db, id);
  if (row?.change_id !== changeId) throw new OrderChangedError(order);
  return order;
}

async function voidLiveTickets(db: Db, { id, tickets }: Order, atMs: number): Promise<Ticket[]> {
  await db
    .updateTable('tickets')
    .set({ voided_at: new Date(atMs) })
    .where('order_id', '=', id)
    .where('voided_at', 'is', null)
    .execute();
  return tickets.map((ticket) => ({ ...ticket, voidedAtMs: ticket.voidedAtMs ?? atMs }));
}

/** Returns the payments after it; the same array if the facts add nothing. */
async function writeFacts(
  db: Db,
  { id, payments: known }: Order,
  facts: readonly PaymentFact[],
): Promise<readonly Payment[]> {
  const payments = withFacts(known, facts);
  const changed = payments.filter((payment) => !known.includes(payment));
  if (changed.length === 0) return payments;
  await db
    .insertInto('payments')
    .values(changed.map((payment) => paymentRow(id, payment)))
    .onConflict((conflict) =>
      conflict.columns(['order_id', 'attempt']).doUpdateSet((eb) => ({
        reference: eb.ref('excluded.reference'),
        begun_at: eb.ref('excluded.begun_at'),
        authorised_at: eb.ref('excluded.authorised_at'),
        captured_at: eb.ref('excluded.captured_at'),
        failed_at: eb.ref('excluded.failed_at'),
        cancelled_at: eb.ref('excluded.cancelled_at'),
        captured_minor: eb.ref('excluded.captured_minor'),
        refunded_minor: eb.ref('excluded.refunded_minor'),
        failure: eb.ref('excluded.failure'),
      })),
    )
    .execute();
  return payments;
}
