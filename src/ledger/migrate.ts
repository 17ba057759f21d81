import { Kysely, Migrator, PostgresDialect, sql } from 'kysely';
import { LedgerPool, type LedgerPoolOptions } from './ledger-pool.ts';
import { migrations } from './migrations/index.ts';

/** What the role of the booking service may do with the tables of each migration: it deletes nothing and changes no table. */
const rights: Record<string, string[]> = {
  '0001-orders': [
    'SELECT, INSERT ON orders, order_seats, payments, notices, tickets',
    'UPDATE (state, version, due_at, reason, changed_at, change_id) ON orders',
    'UPDATE (is_unfinished) ON order_seats',
    'UPDATE (reference, begun_at, authorised_at, captured_at, failed_at, cancelled_at, captured_minor, refunded_minor, failure) ON payments',
    'UPDATE (voided_at) ON tickets',
    'SELECT ON kysely_migration',
  ],
  '0002-seat-history': [
    'SELECT, INSERT ON epochs, seat_events, history_gaps, bookings',
    'UPDATE (projected_seq) ON epochs',
    'UPDATE (user_id, booked_at, is_recovered, ended_at) ON bookings',
  ],
};

interface MigrateOptions extends LedgerPoolOptions {
  ownerUrl?: string | undefined;
}

interface MigrationTable {
  kysely_migration: { name: string };
}

/** Migrations may take longer than a statement of the service. */
const migrationTimeoutMs = 60_000;

/**
 * Brings the tables up to date, as their owner, and gives the role of `url` its rights. Any number of processes may do this
 * at once: the migrator locks. A database that a newer version has migrated stays as it is. `names`: the migrations to
 * apply. Rejects with the error of pg.
 */
export async function migrate(
  { url, ownerUrl = url, ...options }: MigrateOptions,
  names = Object.keys(migrations),
): Promise<void> {
  const pool = new LedgerPool({ ...options, url: ownerUrl, timeoutMs: migrationTimeoutMs, connections: 2 });
  const db = new Kysely<MigrationTable>({ dialect: new PostgresDialect({ pool }) });
  try {
    if (!(await areApplied(db, names))) await applyAll(db, names);
    const role = roleOf(url);
    if (role !== roleOf(ownerUrl)) await grantRights(db, role, names);
  } finally {
    await db.destroy();
  }
}

async function areApplied(db: Kysely<MigrationTable>, names: readonly string[]): Promise<boolean> {
  const { rows } = await sql<{
    isThere: boolean;
  }>`SELECT to_regclass('kysely_migration') IS NOT NULL AS "isThere"`.execute(db);
  if (!rows[0]?.isThere) return false;
  const applied = new Set((await db.selectFrom('kysely_migration').select('name').execute()).map(({ name }) => name));
  return names.every((name) => applied.has(name));
}

async function applyAll(db: Kysely<MigrationTable>, names: readonly string[]): Promise<void> {
  const chosen = Object.fromEntries(Object.entries(migrations).filter(([name]) => names.includes(name)));
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => chosen } }).migrateToLatest();
  if (error !== undefined) throw error;
}

/** One process at a time: Postgres refuses two that change the rights of a table at once. */
async function grantRights(db: Kysely<MigrationTable>, role: string, names: readonly string[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended('ledger rights', 0))`.execute(transaction);
    for (const right of names.flatMap((name) => rights[name] ?? []))
      await sql`GRANT ${sql.raw(right)} TO ${sql.id(role)}`.execute(transaction);
  });
}

const roleOf = (url: string): string => decodeURIComponent(new URL(url).username);
