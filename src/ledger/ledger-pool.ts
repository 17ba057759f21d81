import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import { messageOf } from '../process/error-facts.ts';

export interface LedgerPoolOptions {
  /** `postgres://user:password@host:port/database`, with options such as `?sslmode=verify-full`. */
  url: string;
  /** Shown in `pg_stat_activity`. */
  name: string;
  logger: Logger;
  /** Of making a connection. */
  connectTimeoutMs?: number;
  /** Of each statement. */
  timeoutMs?: number;
  connections?: number;
}

/**
 * The first parts of the SQLSTATEs after which a connection is of no use: connection, a named statement whose tables a migration
 * has changed, read-only server, operator intervention, internal error.
 */
const fatalClasses = /^(08|0A000|25006|57|58|XX)/;
/** The SQLSTATE of a commit whose wait for a standby was cancelled: it has none of its own. */
const unspecificWarning = '01000';

/** After one of these the server may have committed a statement that has its own transaction. */
const unknownClasses = /^(08|57|58|XX)/;
/** Each connection keeps the plans of this many statements. Later ones, e.g. inserts of many rows, are planned each time. */
const maxNamedStatements = 200;

/** `bigint` as a number: seqs and amounts are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig['getTypeParser'],
};

/**
 * Connections to a Postgres that takes writes. One that failed or did not reply is replaced, because a late reply would be that
 * of the next statement, and because the address may lead to another server by now.
 */
export class LedgerPool implements PostgresPool {
  readonly #pool: pg.Pool;

  constructor({ url, name, logger, connectTimeoutMs = 2_000, timeoutMs = 2_000, connections = 10 }: LedgerPoolOptions) {
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: name,
      max: connections,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
      // A process that hangs within a transaction must not keep others from its orders.
      idle_in_transaction_session_timeout: 2 * timeoutMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      types,
      onConnect: requireWritable,
    });
    // An idle connection has failed, e.g. in a restart of the server: the next call makes a new one.
    this.#pool.on('error', (error) => logger.debug({ error: error.message }, 'A connection to Postgres has ended'));
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw connectionError(error);
    });
    let failure: Error | undefined;
    const onError = (error: Error) => {
      failure ??= connectionError(error);
    };
    client.on('error', onError);
    let warning: string | undefined;
    const onNotice = ({ code = '', message }: { code: string | undefined; message: string | undefined }) => {
      if (code === unspecificWarning) warning = message;
    };
    client.on('notice', onNotice);
    const query = async (text: string, values: readonly unknown[] = []) => {
      if (failure) throw failure;
      warning = undefined;
      try {
        const result = await client.query({ text, values: [...values], ...nameOf(text, values) });
        // A commit whose wait for a standby was cancelled succeeds with a warning, and a failover may lose it.
        if (warning !== undefined) throw new Error(warning);
        return result;
      } catch (error) {
        const thrown = connectionError(error, true);
        if (isFatal(thrown)) failure ??= thrown;
        throw thrown;
      }
    };
    return {
      query: query as unknown as PostgresPoolClient['query'],
      release: () => {
        client.removeListener('error', onError);
        client.removeListener('notice', onNotice);
        client.release(failure ?? false);
      },
    };
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

const statementNames = new Map<string, string>();

/** A named statement is parsed and planned once per connection. */
function nameOf(text: string, values: readonly unknown[]): { name?: string } {
  if (values.length === 0) return {};
  let name = statementNames.get(text);
  if (name === undefined && statementNames.size < maxNamedStatements) {
    name = `s${statementNames.size + 1}`;
    statementNames.set(text, name);
  }
  return name === undefined ? {} : { name };
}

/** During a failover the address may lead to a standby: what it has may be outdated. */
async function requireWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only');
  if (rows[0]?.transaction_read_only !== 'off')
    throw new LedgerConnectionError('the server is read-only, e.g. a standby');
}

/** There is no connection to a server that takes writes, or it was lost, or the server did not reply in time. */
export class LedgerConnectionError extends Error {
  override name = 'LedgerConnectionError';
  /** The statement was sent: it may have taken effect. */
  readonly wasSent: boolean;

  constructor(message: string, { cause, wasSent = false }: { cause?: unknown; wasSent?: boolean } = {}) {
    super(message, { cause });
    this.wasSent = wasSent;
  }
}

/** The errors of the client that are not replies of the server have no class of their own. */
function connectionError(error: unknown, wasSent = false): Error {
  if (error instanceof pg.DatabaseError || error instanceof LedgerConnectionError) return error;
  return new LedgerConnectionError(messageOf(error), { cause: error, wasSent });
}

/** True if the server did not answer the statement with a result or an error of that statement. */
export function isFatal(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || fatalClasses.test(error.code ?? '');
}

/** True if a statement with a transaction of its own failed so that it may have taken effect. */
export function mayHaveCommitted(error: unknown): boolean {
  if (error instanceof LedgerConnectionError) return error.wasSent;
  return unknownClasses.test(sqlError(error)?.code ?? '');
}

/** The SQLSTATE and the constraint of an error of the server. */
export function sqlError(error: unknown): { code: string; constraint: string | undefined } | undefined {
  return error instanceof pg.DatabaseError ? { code: error.code ?? '', constraint: error.constraint } : undefined;
}
