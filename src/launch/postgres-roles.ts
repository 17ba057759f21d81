import pg from 'pg';
import { codeOf } from '../process/error-facts.ts';
import { loopback } from './ports.ts';
import { NotReadyError } from './probes.ts';

const timeoutMs = 3_000;
const database = 'booking';

export interface RolePasswords {
  ownerPassword: string;
  bookingPassword: string;
  /** Absent: there is no such role. */
  viewerPassword?: string;
}

interface Endpoint {
  port: number;
  adminPassword: string;
}

const clientOf = ({ port, adminPassword }: Endpoint, name: string) =>
  new pg.Client({
    host: loopback,
    port,
    user: 'postgres',
    password: adminPassword,
    database: name,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: 'start.sh',
  });

/** `cannot_connect_now`: it starts, or recovers after a crash. */
const isStarting = (error: unknown) => codeOf(error) === '57P03';

/** Rejects while our Postgres takes no connections. */
export async function postgresAnswers(endpoint: Endpoint): Promise<void> {
  const client = clientOf(endpoint, 'postgres');
  client.on('error', () => {}); // the call fails as well
  try {
    await client.connect();
  } catch (cause) {
    throw isStarting(cause) ? new NotReadyError('Postgres is still starting', { cause }) : cause;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Statements that give a role a password. A password of ours has no quote. */
const roleWith = (role: string, password: string) => [
  `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  `ALTER ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${password}'`,
];

/**
 * The statements that create the roles: `booking_owner`, which owns the database and creates the tables, `booking`, the role of the
 * service, which gets its rights with the tables, and `viewer`, which may read everything. They may be repeated.
 */
const roleStatements = ({ ownerPassword, bookingPassword, viewerPassword }: RolePasswords) => [
  ...roleWith('booking_owner', ownerPassword),
  ...roleWith('booking', bookingPassword),
  ...(viewerPassword === undefined ? [] : [...roleWith('viewer', viewerPassword), 'GRANT pg_read_all_data TO viewer']),
  'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC',
];

const createDatabase = `CREATE DATABASE ${database} OWNER booking_owner`;

/** Nobody else connects to the database. */
const connectStatements = ({ viewerPassword }: RolePasswords) => [
  `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
  `GRANT CONNECT ON DATABASE ${database} TO booking${viewerPassword === undefined ? '' : ', viewer'}`,
];

/** A script that makes the roles and the database in a new Postgres. */
export const newDatabaseScript = (passwords: RolePasswords): string =>
  [...roleStatements(passwords), createDatabase, ...connectStatements(passwords)].map((each) => `${each};\n`).join('');

/** Makes the roles and the database, as far as they are missing. The passwords of the roles are then these. */
export async function preparePostgres(endpoint: Endpoint, passwords: RolePasswords): Promise<void> {
  await withClient(clientOf(endpoint, 'postgres'), async (client) => {
    for (const statement of roleStatements(passwords)) await client.query(statement);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(createDatabase);
    for (const statement of connectStatements(passwords)) await client.query(statement);
  });
}

async function withClient(client: pg.Client, work: (client: pg.Client) => Promise<void>): Promise<void> {
  client.on('error', () => {}); // the call fails as well
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** The address of our database for this role. */
export const postgresUrl = (role: string, password: string, port: number, host: string = loopback): string =>
  `postgres://${role}:${password}@${host}:${port}/${database}`;
