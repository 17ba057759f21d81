import pg from 'pg';
import { codeOf, errorOf } from '../process/error-facts.ts';
import { type AddressSetting, certificateProblem, noAnswer, parseAddress, redacted } from './given-address.ts';
import { GivenServerError } from './given-server-error.ts';
import { tooOld } from './server-versions.ts';

interface Found {
  version: string;
  isStandby: boolean;
  database: string;
  schema: string | null;
  mayCreate: boolean;
  /** The tables of the ledger are there. */
  hasTables: boolean;
  losesCommits: boolean;
  /** It has a standby, whose confirmation no commit waits for. */
  isAsynchronous: boolean;
}

const question = `
  SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS "isStandby", current_database() AS database,
    current_schema() AS schema, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayCreate",
    to_regclass('kysely_migration') IS NOT NULL AS "hasTables",
    current_setting('fsync') = 'off' OR current_setting('synchronous_commit') = 'off' AS "losesCommits",
    EXISTS (SELECT FROM pg_stat_replication)
      AND (current_setting('synchronous_standby_names') = '' OR current_setting('synchronous_commit') = 'local') AS "isAsynchronous"`;

/** Returns warnings; throws a GivenServerError if this Postgres cannot be used. */
export async function judgePostgres(
  { url, ownerUrl }: { url: string; ownerUrl?: string | undefined },
  { timeoutMs }: { timeoutMs: number },
): Promise<string[]> {
  const service = await ask('DATABASE_URL', url, timeoutMs);
  const owner = ownerUrl === undefined ? service : await ask('DATABASE_OWNER_URL', ownerUrl, timeoutMs);
  const setting = ownerUrl === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL';
  const problem = (text: string) =>
    new GivenServerError(`${setting}=${redacted(ownerUrl ?? url)} cannot be used. ${text}`);
  if (owner.database !== service.database)
    throw problem(
      `It is the database ${owner.database}, and that of DATABASE_URL is ${service.database}. Use the same.`,
    );
  if (!owner.mayCreate && !owner.hasTables)
    throw problem(
      `Its user may not create tables in the schema ${owner.schema ?? '(none)'}. Set DATABASE_OWNER_URL to the address of a role that may; docs/ledger.md has the commands.`,
    );
  const warning = (text: string) => `DATABASE_URL=${redacted(url)}: ${text}`;
  return [
    ...(service.losesCommits
      ? [warning('Its fsync or synchronous_commit is off, so a crash loses the last payments. Set both to on.')]
      : []),
    ...(service.isAsynchronous
      ? [
          warning(
            'Its commits wait for no standby, so a failover loses the last orders. Set synchronous_standby_names, and synchronous_commit to on.',
          ),
        ]
      : []),
  ];
}

async function ask(setting: AddressSetting, address: string, timeoutMs: number): Promise<Found> {
  parseAddress(setting, address);
  const problem = (text: string) => new GivenServerError(`${setting}=${redacted(address)} ${text}`);
  const client = clientOf(setting, address, timeoutMs);
  try {
    await client.connect();
    const found = (await client.query<Found>(question)).rows[0] as Found;
    const reason = tooOld('postgres', found.version);
    if (reason) throw problem(`cannot be used. ${reason}`);
    if (found.isStandby) throw problem("cannot be used. It is a standby. Use the primary's address.");
    return found;
  } catch (cause) {
    if (cause instanceof GivenServerError) throw cause;
    throw connectProblem(setting, address, errorOf(cause));
  } finally {
    void client.end().catch(() => {}); // it may wait for a server that does not reply
  }
}

function clientOf(setting: AddressSetting, address: string, timeoutMs: number): pg.Client {
  try {
    const client = new pg.Client({
      connectionString: address,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      application_name: 'start.sh',
    });
    client.on('error', () => {}); // the call fails as well
    return client;
  } catch (cause) {
    // Its options may name a file of a certificate that is not there.
    throw new GivenServerError(`${setting}=${redacted(address)} cannot be used. ${errorOf(cause).message}`, { cause });
  }
}

/** Translates an error of the client into a message about the setting. */
function connectProblem(setting: AddressSetting, address: string, error: Error): Error {
  const problem = (text: string) => new GivenServerError(`${setting}=${redacted(address)} ${text}`);
  const code = codeOf(error);
  if (code === '28P01' || code === '28000')
    return problem(`refuses the user or the password (${error.message}). Correct them in the address.`);
  if (code === '3D000') return problem('has no database of this name. Create it, or correct the end of the address.');
  if (code === '42501') return problem(`cannot be used. Its user lacks a right (${error.message}).`);
  if (/does not support SSL/.test(error.message)) return problem('has no TLS. Remove sslmode from the address.');
  if (/invalid response|unexpectedly/i.test(error.message))
    return problem(`is not a Postgres server, or closes the connection (${error.message}). Correct the address.`);
  return certificateProblem(setting, address, error) ?? noAnswer(setting, address, error.message);
}
