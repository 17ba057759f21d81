import { type Kysely, sql } from 'kysely';

/** Where an order got stuck, so that a person can send it on from there. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE orders ADD COLUMN stuck_in text`.execute(db);
  await sql`COMMENT ON COLUMN orders.stuck_in IS 'The state in which the order came to need a person'`.execute(db);
}
