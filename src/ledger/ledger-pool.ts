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

/** The first parts of the SQLSTATEs after which a connection is of no use: connection, read-only server, operator intervention, internal error. */
const fatalClasses = /^(08|25006|57|58|XX)/;
/** The class of warnings. */
const warningClass = /^01/;

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
      if (warningClass.test(code)) warning = message;
    };
    client.on('notice', onNotice);
    const query = async (...args: unknown[]) => {
      if (failure) throw failure;
      warning = undefined;
      try {
        const result = await (client.query as (...args: unknown[]) => Promise<unknown>).apply(client, args);
        // A COMMIT whose wait for a standby was cancelled succeeds with a warning, and a failover may lose it.
        if (args[0] === 'commit' && warning !== undefined) throw new Error(warning);
        return result;
      } catch (error) {
        const thrown = connectionError(error);
        if (isFatal(thrown)) failure ??= thrown;
        throw thrown;
      }
    };
    return {
      query: query as PostgresPoolClient['query'],
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

/** During a failover the address may lead to a standby: what it has may be outdated. */
async function requireWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only');
  if (rows[0]?.transaction_read_only !== 'off')
    throw new LedgerConnectionError('the server is read-only, e.g. a standby');
}

/** There is no connection to a server that takes writes, or it was lost, or the server did not reply in time. */
export class LedgerConnectionError extends Error {
  override name = 'LedgerConnectionError';
}

/** The errors of the client that are not replies of the server have no class of their own. */
function connectionError(error: unknown): Error {
  if (error instanceof pg.DatabaseError || error instanceof LedgerConnectionError) return error;
  return new LedgerConnectionError(messageOf(error), { cause: error });
}

/** True if the server did not answer the statement with a result or an error of that statement. */
export function isFatal(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || fatalClasses.test(error.code ?? '');
}

/** The SQLSTATE and the constraint of an error of the server. */
export function sqlError(error: unknown): { code: string; constraint: string | undefined } | undefined {
  return error instanceof pg.DatabaseError ? { code: error.code ?? '', constraint: error.constraint } : undefined;
}
