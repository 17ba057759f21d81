import { type Kysely, sql } from 'kysely';
import { endedStates } from '../protocol/order-state.ts';
import { newEvents } from './history-rules.ts';
import type { EventBatch, HistoryPosition } from './ledger.ts';
import type { LedgerTables } from './ledger-tables.ts';
import type { BookedSeat, LedgerEvent, RestorableSeat, StrayBooking } from './seat-history.ts';

type Db = Kysely<LedgerTables>;

export async function appendToHistory(db: Db, show: string, { events, recovered }: EventBatch): Promise<void> {
  // One writer per show at a time: also for its first epoch, which has no row to lock yet.
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`history ${show}`}, 0))`.execute(db);
  const epochs = await db
    .selectFrom('epochs')
    .select(['epoch_no', 'epoch', 'projected_seq as projectedSeq'])
    .where('show', '=', show)
    .orderBy('epoch_no')
    .execute();
  const { events: missing, gap } = newEvents(events, epochs, recovered !== undefined);
  if (recovered) await recoverBookings(db, show, recovered);
  const numbers = new Map(epochs.map(({ epoch, epoch_no }) => [epoch, epoch_no]));
  for (const { epoch } of missing) if (!numbers.has(epoch)) numbers.set(epoch, numbers.size + 1);
  const numberOf = ({ epoch }: LedgerEvent) => numbers.get(epoch) ?? 0;
  const [first] = missing;
  if (!first) return;
  if (gap) {
    const row = { show, epoch_no: numberOf(first), first_seq: gap.firstSeq, last_seq: gap.lastSeq };
    await db.insertInto('history_gaps').values(row).execute();
  }
  await insertEvents(db, show, missing, numberOf);
  await updateBookings(db, show, missing);
  const newest = new Map(missing.map(({ epoch, seq }) => [epoch, seq]));
  await db
    .insertInto('epochs')
    .values([...newest].map(([epoch, seq]) => ({ show, epoch_no: numbers.get(epoch) ?? 0, epoch, projected_seq: seq })))
    .onConflict((conflict) =>
      conflict.columns(['show', 'epoch_no']).doUpdateSet((eb) => ({ projected_seq: eb.ref('excluded.projected_seq') })),
    )
    .execute();
}

/** As arrays: a statement of many thousand parameters takes longer to parse than to execute. */
async function insertEvents(
  db: Db,
  show: string,
  events: readonly LedgerEvent[],
  numberOf: (event: LedgerEvent) => number,
): Promise<void> {
  await sql`
    INSERT INTO seat_events (show, epoch_no, seq, type, seat_id, user_id, at, expires_at, reason)
    SELECT ${show}, epoch_no, seq, type, seat_id, user_id, to_timestamp(at_ms / 1000.0), to_timestamp(expires_ms / 1000.0), reason
    FROM unnest(
      ${events.map(numberOf)}::int[],
      ${events.map(({ seq }) => seq)}::bigint[],
      ${events.map(({ type }) => type)}::text[],
      ${events.map(({ seat_id }) => seat_id)}::text[],
      ${events.map(({ user_id }) => user_id)}::text[],
      ${events.map(({ atMs }) => atMs)}::bigint[],
      ${events.map(({ expiresAtMs }) => expiresAtMs ?? null)}::bigint[],
      ${events.map(({ reason }) => reason ?? null)}::text[]
    ) AS event (epoch_no, seq, type, seat_id, user_id, at_ms, expires_ms, reason)`.execute(db);
}

async function updateBookings(db: Db, show: string, events: readonly LedgerEvent[]): Promise<void> {
  // Only the last transition of a seat counts: a statement may not change a row twice.
  const last = new Map(events.filter(({ type }) => type !== 'held').map((event) => [event.seat_id, event]));
  const booked = [...last.values()].filter(({ type }) => type === 'booked');
  const released = [...last.values()].filter(({ type }) => type === 'released');
  if (booked.length > 0) {
    await db
      .insertInto('bookings')
      .values(
        booked.map(({ seat_id, user_id, atMs }) => ({
          show,
          seat_id,
          user_id,
          booked_at: new Date(atMs),
          is_recovered: false,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['show', 'seat_id']).doUpdateSet((eb) => ({
          user_id: eb.ref('excluded.user_id'),
          booked_at: eb.ref('excluded.booked_at'),
          is_recovered: eb.ref('excluded.is_recovered'),
          ended_at: null,
        })),
      )
      .execute();
  }
  if (released.length > 0) {
    await sql`
      UPDATE bookings SET ended_at = to_timestamp(event.at_ms / 1000.0)
      FROM unnest(
        ${released.map(({ seat_id }) => seat_id)}::text[],
        ${released.map(({ user_id }) => user_id)}::text[],
        ${released.map(({ atMs }) => atMs)}::bigint[]
      ) AS event (seat_id, user_id, at_ms)
      WHERE bookings.show = ${show} AND bookings.seat_id = event.seat_id AND bookings.user_id = event.user_id
        AND bookings.ended_at IS NULL`.execute(db);
  }
}

async function recoverBookings(db: Db, show: string, recovered: NonNullable<EventBatch['recovered']>): Promise<void> {
  if (recovered.length === 0) return;
  await sql`
    INSERT INTO bookings (show, seat_id, user_id, booked_at, is_recovered)
    SELECT ${show}, seat_id, user_id, to_timestamp(at_ms / 1000.0), true
    FROM unnest(
      ${recovered.map(({ seatId }) => seatId)}::text[],
      ${recovered.map(({ userId }) => userId)}::text[],
      ${recovered.map(({ atMs }) => atMs)}::bigint[]
    ) AS booking (seat_id, user_id, at_ms)
    ON CONFLICT (show, seat_id) DO UPDATE
      SET user_id = excluded.user_id, booked_at = excluded.booked_at, is_recovered = true, ended_at = NULL
      WHERE bookings.ended_at IS NOT NULL`.execute(db);
}

export async function readHistory(
  db: Db,
  show: string,
  { epochNo, seq }: HistoryPosition = { epochNo: 0, seq: 0 },
  limit: number,
): Promise<LedgerEvent[]> {
  const rows = await db
    .selectFrom('seat_events')
    .innerJoin('epochs', (join) =>
      join.onRef('epochs.show', '=', 'seat_events.show').onRef('epochs.epoch_no', '=', 'seat_events.epoch_no'),
    )
    .select(['type', 'seat_id', 'user_id', 'epoch', 'seq', 'at', 'expires_at', 'reason'])
    .where('seat_events.show', '=', show)
    .where(sql<boolean>`(seat_events.epoch_no, seat_events.seq) > (${epochNo}, ${seq})`)
    .orderBy('seat_events.epoch_no')
    .orderBy('seat_events.seq')
    .limit(limit)
    .execute();
  return rows.map(({ at, expires_at, reason, ...row }) => ({
    ...row,
    atMs: at.getTime(),
    ...(expires_at && { expiresAtMs: expires_at.getTime() }),
    ...(reason !== null && { reason: reason as NonNullable<LedgerEvent['reason']> }),
  }));
}

/** A booking of a user who has an order of the seat is that of the order, which the ticket alone proves. */
export async function readRestorable(db: Db, show: string): Promise<RestorableSeat[]> {
  const { rows } = await sql<{ seat_id: string; user_id: string; order_id: string | null }>`
    SELECT coalesce(ticket.seat_id, booking.seat_id) AS seat_id, coalesce(ticket.user_id, booking.user_id) AS user_id, ticket.order_id
    FROM (
      SELECT tickets.seat_id, orders.user_id, tickets.order_id FROM tickets JOIN orders ON orders.id = tickets.order_id
      WHERE tickets.show = ${show} AND tickets.voided_at IS NULL
    ) ticket
    FULL JOIN (
      SELECT seat_id, user_id FROM bookings WHERE show = ${show} AND ended_at IS NULL AND NOT EXISTS (
        SELECT FROM order_seats
        WHERE order_seats.show = bookings.show AND order_seats.seat_id = bookings.seat_id AND order_seats.user_id = bookings.user_id
      )
    ) booking USING (seat_id)
    ORDER BY 1`.execute(db);
  return rows.map(({ seat_id, user_id, order_id }) => ({
    seatId: seat_id,
    userId: user_id,
    ...(order_id !== null && { orderId: order_id }),
  }));
}

export async function readStrayBookings(db: Db, show: string, booked: readonly BookedSeat[]): Promise<StrayBooking[]> {
  const { rows } = await sql<StrayBooking>`
    SELECT booked.seat_id AS "seatId", booked.user_id AS "userId",
      (array_agg(orders.id ORDER BY orders.created_at DESC))[1] AS "orderId"
    FROM unnest(
      ${booked.map(({ seatId }) => seatId)}::text[],
      ${booked.map(({ userId }) => userId)}::text[],
      ${booked.map(({ at }) => at.epoch)}::text[],
      ${booked.map(({ at }) => at.seq)}::bigint[]
    ) AS booked (seat_id, user_id, epoch, seq)
    JOIN epochs ON epochs.show = ${show} AND epochs.epoch = booked.epoch AND epochs.projected_seq >= booked.seq
    JOIN order_seats ON order_seats.show = ${show} AND order_seats.seat_id = booked.seat_id AND order_seats.user_id = booked.user_id
    JOIN orders ON orders.id = order_seats.order_id
    WHERE NOT EXISTS (
      SELECT FROM tickets WHERE tickets.show = ${show} AND tickets.seat_id = booked.seat_id AND voided_at IS NULL
    ) AND NOT EXISTS (
      SELECT FROM bookings
      WHERE bookings.show = ${show} AND bookings.seat_id = booked.seat_id AND ended_at IS NULL AND is_recovered
    )
    GROUP BY 1, 2
    HAVING bool_and(orders.state = ANY (${[...endedStates]})) AND bool_or(orders.amount_minor = 0 OR EXISTS (
      SELECT FROM payments WHERE payments.order_id = orders.id AND coalesce(authorised_at, captured_at) IS NOT NULL
    ))
    ORDER BY 1`.execute(db);
  return rows;
}
