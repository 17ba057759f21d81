import { type Kysely, sql } from 'kysely';

/** Orders that nobody can pay any more, but whose seats are not free yet. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE orders DROP CONSTRAINT orders_state_check`.execute(db);
  // NOT VALID: the rows satisfied the narrower check, so the lock need not last for a scan of the table.
  await sql`
    ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state IN ('open', 'paying', 'authorised', 'booking', 'issued',
      'lapsing', 'lapsed', 'cancelling', 'cancelled', 'refunding', 'refunded', 'needs_person')) NOT VALID`.execute(db);
}
