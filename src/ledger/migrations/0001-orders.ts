import { type Kysely, sql } from 'kysely';

/** Orders, their payments and tickets, and the inbox of the providers' messages. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE orders (
      id text PRIMARY KEY,
      show text NOT NULL,
      user_id text NOT NULL,
      state text NOT NULL CHECK (state IN ('open', 'paying', 'authorised', 'booking', 'issued', 'lapsed', 'cancelled',
        'refunding', 'refunded', 'needs_person')),
      version integer NOT NULL CHECK (version >= 1),
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
      pay_until timestamptz NOT NULL,
      due_at timestamptz,
      reason text,
      created_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      change_id uuid
    )`.execute(db);
  await sql`CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL`.execute(db);
  await sql`CREATE INDEX orders_of_user ON orders (user_id, created_at)`.execute(db);
  await sql`CREATE INDEX orders_by_state ON orders (state, created_at)`.execute(db);
  await sql`COMMENT ON COLUMN orders.change_id IS 'Of the latest change: tells a change that was repeated from another one'`.execute(
    db,
  );

  await sql`
    CREATE TABLE order_seats (
      order_id text NOT NULL REFERENCES orders,
      place smallint NOT NULL,
      show text NOT NULL,
      user_id text NOT NULL,
      seat_id text NOT NULL,
      ticket_type text NOT NULL,
      price_minor bigint NOT NULL CHECK (price_minor >= 0),
      is_unfinished boolean NOT NULL,
      PRIMARY KEY (order_id, seat_id)
    )`.execute(db);
  await sql`CREATE UNIQUE INDEX order_seats_unfinished ON order_seats (show, seat_id, user_id) WHERE is_unfinished`.execute(
    db,
  );

  await sql`CREATE INDEX order_seats_of_seat ON order_seats (show, seat_id)`.execute(db);

  await sql`
    CREATE TABLE payments (
      order_id text NOT NULL REFERENCES orders,
      attempt integer NOT NULL CHECK (attempt >= 1),
      provider text NOT NULL,
      reference text,
      amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
      begun_at timestamptz NOT NULL,
      authorised_at timestamptz,
      captured_at timestamptz,
      failed_at timestamptz,
      cancelled_at timestamptz,
      captured_minor bigint NOT NULL CHECK (captured_minor >= 0),
      refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
      failure text,
      PRIMARY KEY (order_id, attempt)
    )`.execute(db);
  await sql`CREATE UNIQUE INDEX payments_reference ON payments (provider, reference) WHERE reference IS NOT NULL`.execute(
    db,
  );

  await sql`
    CREATE TABLE notices (
      provider text NOT NULL,
      id text NOT NULL,
      order_id text NOT NULL REFERENCES orders,
      type text NOT NULL,
      received_at timestamptz NOT NULL,
      PRIMARY KEY (provider, id)
    )`.execute(db);

  await sql`
    CREATE TABLE tickets (
      id text PRIMARY KEY,
      order_id text NOT NULL REFERENCES orders,
      show text NOT NULL,
      seat_id text NOT NULL,
      issued_at timestamptz NOT NULL,
      voided_at timestamptz
    )`.execute(db);
  await sql`CREATE UNIQUE INDEX tickets_live ON tickets (show, seat_id) WHERE voided_at IS NULL`.execute(db);
  await sql`CREATE INDEX tickets_of_order ON tickets (order_id)`.execute(db);
}
