import { type Kysely, sql } from 'kysely';

/** Every transition of every show, and the bookings that follow from them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE epochs (
      show text NOT NULL,
      epoch_no integer NOT NULL CHECK (epoch_no >= 1),
      epoch text NOT NULL,
      projected_seq bigint NOT NULL,
      PRIMARY KEY (show, epoch_no),
      UNIQUE (show, epoch)
    )`.execute(db);
  await sql`
    CREATE TABLE seat_events (
      show text NOT NULL,
      epoch_no integer NOT NULL,
      seq bigint NOT NULL,
      type text NOT NULL,
      seat_id text NOT NULL,
      user_id text NOT NULL,
      at timestamptz NOT NULL,
      expires_at timestamptz,
      reason text,
      PRIMARY KEY (show, epoch_no, seq)
    )`.execute(db);
  await sql`
    CREATE TABLE history_gaps (
      show text NOT NULL,
      epoch_no integer NOT NULL,
      first_seq bigint NOT NULL,
      last_seq bigint NOT NULL,
      found_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (show, epoch_no, first_seq)
    )`.execute(db);
  await sql`COMMENT ON TABLE history_gaps IS 'Transitions that the log in Redis had lost before they were written here'`.execute(
    db,
  );
  await sql`
    CREATE TABLE bookings (
      show text NOT NULL,
      seat_id text NOT NULL,
      user_id text NOT NULL,
      booked_at timestamptz NOT NULL,
      is_recovered boolean NOT NULL,
      ended_at timestamptz,
      PRIMARY KEY (show, seat_id)
    )`.execute(db);
  await sql`COMMENT ON COLUMN bookings.is_recovered IS 'Read from the state of the seat: the log had lost the transition'`.execute(
    db,
  );
}
