import { type Kysely, type RawBuilder, sql } from 'kysely';
import { unfinishedStates } from '../protocol/order-state.ts';
import type { Issue, Notice, OrderChange } from './ledger.ts';
import { OrderChangedError, SeatAlreadySoldError, SeatInOrderError, UnknownOrderError } from './ledger-errors.ts';
import type { LedgerTables } from './ledger-tables.ts';
import type { Order, PaymentFact, Ticket } from './order.ts';
import { dateOf, orderById, orderOf, paymentRow, selectOrders, ticketRow } from './order-queries.ts';
import { requireSameContent, requireTicketPerSeat, requireTickets, stuckInAfter } from './order-rules.ts';
import { withFacts } from './payment-facts.ts';

type Db = Kysely<LedgerTables>;

/** `created`: see `openOrder`. */
export async function insertOrder(db: Db, created: Order): Promise<Order> {
  const { id, show, userId: user_id } = created;
  const seats = created.seats.map(({ seatId, ticketType, priceMinor }, place) => ({
    order_id: id,
    place,
    show,
    user_id,
    seat_id: seatId,
    ticket_type: ticketType,
    price_minor: priceMinor,
    is_unfinished: true,
  }));
  const written = sql`
    INSERT INTO orders (id, show, user_id, state, version, currency, amount_minor, pay_until, due_at, created_at, changed_at)
    VALUES (${id}, ${show}, ${user_id}, ${created.state}, ${created.version}, ${created.currency}, ${created.amountMinor},
      ${new Date(created.payUntilMs)}, ${dateOf(created.dueAtMs)}, ${new Date(created.createdAtMs)}, ${new Date(created.changedAtMs)})
    ON CONFLICT (id) DO NOTHING`;
  const isInserted = await writeAll(db, written, [insertWith('order_seats', seats)]);
  if (isInserted) return created;
  await requireDurable(db, id);
  const known = await requireOrder(db, id);
  requireSameContent(known, created);
  return known;
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

/** Compare-and-set on the version that the facts were added to, repeated until no other change came between. */
export async function recordFacts(
  db: Db,
  orderId: string,
  facts: readonly PaymentFact[],
  notice?: Notice,
): Promise<{ order: Order; isNew: boolean }> {
  for (;;) {
    const order = await requireOrder(db, orderId);
    const payments = withFacts(order.payments, facts);
    if (payments === order.payments) {
      const isNew = notice !== undefined && (await insertNotice(db, orderId, notice));
      if (!isNew) await requireDurable(db, orderId);
      return { order, isNew };
    }
    const changedAtMs = Math.max(order.changedAtMs, ...facts.map(({ atMs }) => atMs));
    const after = {
      ...order,
      changedAtMs,
      dueAtMs: order.dueAtMs ?? changedAtMs,
      version: order.version + 1,
      payments,
    };
    if (await writeOrder(db, order, after, { notice })) return { order: after, isNew: true };
    if (notice && (await isRecorded(db, notice))) {
      await requireDurable(db, orderId);
      return { order: await requireOrder(db, orderId), isNew: false };
    }
  }
}

/** `changeId`: of this call, so that a repeated call recognises its own effect. */
export async function changeOrder(db: Db, order: Order, changeId: string, change: OrderChange): Promise<Order> {
  const { state = order.state, dueAtMs, reason = order.reason, facts = [], voidTickets, atMs } = change;
  requireTickets(order, state);
  const voided = (ticket: Ticket) => ({ ...ticket, voidedAtMs: ticket.voidedAtMs ?? atMs });
  const after = {
    ...order,
    ...{ state, reason, dueAtMs, changedAtMs: atMs, version: order.version + 1 },
    stuckIn: stuckInAfter(order, state),
    payments: withFacts(order.payments, facts),
    tickets: voidTickets ? order.tickets.map(voided) : order.tickets,
  };
  if (await writeOrder(db, order, after, { changeId, ...(voidTickets && { voidedAtMs: atMs }) })) return after;
  return requireRepeated(db, order.id, changeId);
}

export async function issueOrder(db: Db, order: Order, changeId: string, issue: Issue): Promise<Order> {
  const { tickets, dueAtMs, atMs } = issue;
  requireTicketPerSeat(order, tickets);
  const { id: orderId, show } = order;
  const added = tickets.map((ticket) => ({ ...ticket, orderId, show, issuedAtMs: atMs, voidedAtMs: undefined }));
  const after = {
    ...order,
    ...{ state: 'issued' as const, dueAtMs, changedAtMs: atMs, version: order.version + 1 },
    // As a read has them.
    tickets: [...order.tickets, ...added.sort((a, b) => (a.id < b.id ? -1 : 1))],
  };
  if (await writeOrder(db, order, after, { changeId, tickets: added })) return after;
  return requireRepeated(db, orderId, changeId);
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
 * An earlier attempt of this call may have written the order without its standby. A lock is a write of its own: its commit waits
 * for the standby, which gets everything before it first.
 */
async function requireDurable(db: Db, id: string): Promise<void> {
  await sql`SELECT 1 FROM orders WHERE id = ${id} FOR UPDATE`.execute(db);
}

interface WriteWith {
  /** Absent: it stays. */
  changeId?: string;
  /** New ones. */
  tickets?: readonly Ticket[];
  /** Unix ms; all live tickets are voided. */
  voidedAtMs?: number;
  notice?: Notice | undefined;
}

/**
 * Compare-and-set on the version, which all content of an order belongs to, except when it is due. False: nothing is written, also
 * if the notice is recorded already.
 */
function writeOrder(
  db: Db,
  before: Order,
  after: Order,
  { changeId, tickets = [], voidedAtMs, notice }: WriteWith,
): Promise<boolean> {
  const { id, state, stuckIn = null, reason = null, dueAtMs, changedAtMs, version } = after;
  const written = sql`
    UPDATE orders SET state = ${state}, reason = ${reason}, stuck_in = ${stuckIn}, due_at = ${dateOf(dueAtMs)},
      changed_at = ${new Date(changedAtMs)}, version = ${version}, change_id = coalesce(${changeId ?? null}, change_id)
    WHERE id = ${id} AND version = ${before.version} ${notice ? andIsNew(notice) : sql``}`;
  const others: Sql[] = [];
  const isUnfinished = unfinishedStates.has(state);
  if (isUnfinished !== unfinishedStates.has(before.state))
    others.push(sql`UPDATE order_seats SET is_unfinished = ${isUnfinished} FROM written WHERE order_id = written.id`);
  if (voidedAtMs !== undefined)
    others.push(sql`
      UPDATE tickets SET voided_at = ${new Date(voidedAtMs)} FROM written
      WHERE order_id = written.id AND voided_at IS NULL`);
  if (tickets.length > 0) others.push(insertWith('tickets', tickets.map(ticketRow)));
  const payments = after.payments.filter((payment) => !before.payments.includes(payment));
  if (payments.length > 0) {
    const rows = payments.map((payment) => paymentRow(id, payment));
    others.push(sql`${insertWith('payments', rows)} ${updatePayment}`);
  }
  if (notice) others.push(insertWith('notices', [noticeRow(id, notice)]));
  return writeAll(db, written, others);
}

type Sql = RawBuilder<unknown>;

/** One statement, so one round trip, and all or nothing: `others` act on what `written` writes, which is at most one order. */
async function writeAll(db: Db, written: Sql, others: readonly Sql[]): Promise<boolean> {
  const parts = [
    sql`written AS (${written} RETURNING id)`,
    ...others.map((other, i) => sql`${sql.ref(`part${i}`)} AS (${other})`),
  ];
  const { rows } = await sql`WITH ${sql.join(parts)} SELECT id FROM written`.execute(db);
  return rows.length > 0;
}

/** For `writeAll`. The rows are one parameter, so the text of the statement does not depend on their number. */
function insertWith<Row extends object>(table: keyof LedgerTables, rows: readonly Row[]): Sql {
  const columns = Object.keys(rows[0] ?? {});
  const listed = (prefix: string) => sql.join(columns.map((column) => sql.ref(prefix + column)));
  return sql`
    INSERT INTO ${sql.table(table)} (${listed('')})
    SELECT ${listed('added.')}
    FROM written, json_populate_recordset(NULL::${sql.table(table)}, ${JSON.stringify(rows)}::json) AS added`;
}

/** Everything that a later fact may change. */
const updatePayment = sql`ON CONFLICT (order_id, attempt) DO UPDATE SET ${sql.join(
  [
    ...['reference', 'begun_at', 'authorised_at', 'captured_at', 'failed_at', 'cancelled_at'],
    ...['captured_minor', 'refunded_minor', 'failure'],
  ].map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`),
)}`;

const noticeRow = (order_id: string, { provider, id, type, receivedAtMs }: Notice) => ({
  ...{ provider, id, order_id, type },
  received_at: new Date(receivedAtMs),
});

const andIsNew = ({ provider, id }: Notice) =>
  sql`AND NOT EXISTS (SELECT FROM notices WHERE provider = ${provider} AND id = ${id})`;

async function isRecorded(db: Db, { provider, id }: Notice): Promise<boolean> {
  const found = db.selectFrom('notices').select('id').where('provider', '=', provider).where('id', '=', id);
  return (await found.executeTakeFirst()) !== undefined;
}

/** False: it was recorded before. */
async function insertNotice(db: Db, orderId: string, notice: Notice): Promise<boolean> {
  const inserted = await db
    .insertInto('notices')
    .values(noticeRow(orderId, notice))
    .onConflict((conflict) => conflict.columns(['provider', 'id']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** The order as it is if this change has taken effect already: its connection was lost before the reply. Rejects with an `OrderChangedError`. */
async function requireRepeated(db: Db, id: string, changeId: string): Promise<Order> {
  await requireDurable(db, id);
  const row = await selectOrders(db).where('id', '=', id).executeTakeFirst();
  if (!row) throw new UnknownOrderError(id);
  if (row.change_id !== changeId) throw new OrderChangedError(orderOf(row));
  return orderOf(row);
}
