import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AbortedTransactionError, Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import type { Logger } from 'pino';
import { messageOf } from '../process/error-facts.ts';
import { appendToHistory, readHistory, readRestorable, readStrayBookings } from './history-transactions.ts';
import type {
  EventBatch,
  HistoryPosition,
  Issue,
  Ledger,
  Notice,
  OrderChange,
  OrderQuery,
  OrderTotals,
  PaymentTotals,
} from './ledger.ts';
import { LedgerUnavailableError } from './ledger-errors.ts';
import {
  isFatal,
  LedgerConnectionError,
  LedgerPool,
  type LedgerPoolOptions,
  mayHaveCommitted,
  sqlError,
} from './ledger-pool.ts';
import type { LedgerTables } from './ledger-tables.ts';
import { migrate } from './migrate.ts';
import type { NewOrder, Order, PaymentFact, Ticket } from './order.ts';
import { orderById, orderOf, selectOrders, ticketOf } from './order-queries.ts';
import { openOrder } from './order-rules.ts';
import {
  changeOrder,
  claimOrders,
  insertOrder,
  issueOrder,
  recordFacts,
  seatAlreadySold,
  seatInOrder,
} from './order-writes.ts';
import type { BookedSeat, LedgerEvent, RestorableSeat, StrayBooking } from './seat-history.ts';

/** For how long a call repeats itself while the database cannot be reached, and after a conflict of two transactions. */
const repeatForMs = 1_000;
const repeatPauseMs = 50;
/** Errors of the server that say nothing about the statement: a plan from before a migration, resources, rights, read-only, cancelled, lock not available. */
const unavailable = /^(08|0A000|25006|28|3D|42501|53|55P03|57|58|XX)/;
/** Serialization failure, deadlock. */
const conflict = /^40/;

export interface PostgresLedgerOptions extends LedgerPoolOptions {
  logger: Logger;
  /** Address of the role that owns the tables, which makes and changes them. Absent: the role of `url` owns them. */
  ownerUrl?: string | undefined;
}

/** The ledger in Postgres. The first call that reaches the database brings its tables up to date. */
export class PostgresLedger implements Ledger {
  readonly #options: PostgresLedgerOptions;
  readonly #db: Kysely<LedgerTables>;
  #migrated: Promise<void> | undefined;
  #isMigrated = false;

  constructor(options: PostgresLedgerOptions) {
    this.#options = options;
    this.#db = new Kysely({ dialect: new PostgresDialect({ pool: new LedgerPool(options) }) });
  }

  async createOrder(order: NewOrder): Promise<Order> {
    const created = openOrder(order);
    return this.#write((db) => insertOrder(db, created), {
      order_seats_unfinished: (error) => seatInOrder(this.#db, created, error),
    });
  }

  order(id: string): Promise<Order | undefined> {
    return this.#read((db) => orderById(db, id));
  }

  async orders({ state, show, userId, limit }: OrderQuery): Promise<Order[]> {
    const rows = await this.#read((db) => {
      let query = selectOrders(db).orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
      if (state !== undefined) query = query.where('state', '=', state);
      if (show !== undefined) query = query.where('show', '=', show);
      if (userId !== undefined) query = query.where('user_id', '=', userId);
      return query.execute();
    });
    return rows.map(orderOf);
  }

  async orderOfPayment(provider: string, reference: string): Promise<Order | undefined> {
    const row = await this.#read((db) =>
      selectOrders(db)
        .where('id', '=', (eb) =>
          eb
            .selectFrom('payments')
            .select('order_id')
            .where('provider', '=', provider)
            .where('reference', '=', reference),
        )
        .executeTakeFirst(),
    );
    return row && orderOf(row);
  }

  recordPayment(orderId: string, facts: readonly PaymentFact[], notice?: Notice) {
    return this.#write((db) => recordFacts(db, orderId, facts, notice));
  }

  change(order: Order, change: OrderChange): Promise<Order> {
    const changeId = randomUUID();
    return this.#write((db) => changeOrder(db, order, changeId, change), {
      order_seats_unfinished: (error) => seatInOrder(this.#db, order, error),
    });
  }

  issue(order: Order, issue: Issue): Promise<Order> {
    const changeId = randomUUID();
    return this.#write((db) => issueOrder(db, order, changeId, issue), {
      tickets_live: (error) => seatAlreadySold(this.#db, order, error),
    });
  }

  claimDue(nowMs: number, leaseMs: number, limit: number): Promise<Order[]> {
    return this.#transact((db) => claimOrders(db, nowMs, leaseMs, limit));
  }

  async ticket(id: string): Promise<Ticket | undefined> {
    const row = await this.#read((db) => db.selectFrom('tickets').selectAll().where('id', '=', id).executeTakeFirst());
    return row && ticketOf(row);
  }

  async liveTicket(show: string, seatId: string): Promise<Ticket | undefined> {
    const row = await this.#read((db) =>
      db
        .selectFrom('tickets')
        .selectAll()
        .where('show', '=', show)
        .where('seat_id', '=', seatId)
        .where('voided_at', 'is', null)
        .executeTakeFirst(),
    );
    return row && ticketOf(row);
  }

  async totals(): Promise<OrderTotals[]> {
    const { rows } = await this.#read((db) =>
      sql<OrderTotals>`
        SELECT state, show, currency, count(*) AS orders, coalesce(sum(paid), 0)::bigint AS "paidMinor"
        FROM orders LEFT JOIN (
          SELECT order_id, sum(captured_minor - refunded_minor) AS paid FROM payments GROUP BY order_id
        ) payment ON payment.order_id = orders.id
        GROUP BY state, show, currency`.execute(db),
    );
    return rows;
  }

  async paymentTotals(): Promise<PaymentTotals[]> {
    // As `paymentState`.
    const { rows } = await this.#read((db) =>
      sql<PaymentTotals>`
        SELECT provider, CASE
          WHEN captured_at IS NOT NULL AND refunded_minor >= captured_minor THEN 'refunded'
          WHEN captured_at IS NOT NULL THEN 'captured'
          WHEN cancelled_at IS NOT NULL THEN 'cancelled'
          WHEN authorised_at IS NOT NULL THEN 'authorised'
          WHEN failed_at IS NOT NULL THEN 'failed'
          ELSE 'begun'
        END AS state, count(*) AS payments
        FROM payments GROUP BY 1, 2`.execute(db),
    );
    return rows;
  }

  appendEvents(show: string, batch: EventBatch): Promise<void> {
    return this.#transact((db) => appendToHistory(db, show, batch));
  }

  async projectedSeq(show: string, epoch: string): Promise<number | undefined> {
    const row = await this.#read((db) =>
      db
        .selectFrom('epochs')
        .select('projected_seq')
        .where('show', '=', show)
        .where('epoch', '=', epoch)
        .executeTakeFirst(),
    );
    return row?.projected_seq;
  }

  eventsAfter(show: string, after: HistoryPosition | undefined, limit: number): Promise<LedgerEvent[]> {
    return this.#read((db) => readHistory(db, show, after, limit));
  }

  restorable(show: string): Promise<RestorableSeat[]> {
    return this.#read((db) => readRestorable(db, show));
  }

  strayBookings(show: string, booked: readonly BookedSeat[]): Promise<StrayBooking[]> {
    return this.#read((db) => readStrayBookings(db, show, booked));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** One statement. */
  #read<T>(query: (db: Kysely<LedgerTables>) => Promise<T>): Promise<T> {
    return this.#repeated(() => query(this.#db));
  }

  /**
   * Statements that each have a transaction of their own, so that a write is one round trip. They may run several times, so they must
   * recognise their own effect. `violations`: the error in place of a violation of a constraint; undefined: repeat.
   */
  #write<T>(
    statements: (db: Kysely<LedgerTables>) => Promise<T>,
    violations: Record<string, (error: unknown) => Promise<Error | undefined>> = {},
  ): Promise<T> {
    return this.#repeated(async () => {
      try {
        return await statements(this.#db);
      } catch (error) {
        if (mayHaveCommitted(error))
          throw new LedgerUnavailableError(textOf(error), { cause: error, outcome: 'unknown' });
        const violated = violations[sqlError(error)?.constraint ?? ''];
        if (!violated) throw error;
        throw (await violated(error)) ?? new ConflictError('The other row has changed', { cause: error });
      }
    });
  }

  /** One transaction of several statements. It may run several times, so it must recognise its own effect. */
  #transact<T>(work: (db: Transaction<LedgerTables>) => Promise<T>): Promise<T> {
    return this.#repeated(async () => {
      const db = await this.#db.startTransaction().execute();
      // A rollback gives the connection back, also after a COMMIT that failed.
      const giveUp = () =>
        db
          .rollback()
          .execute()
          .catch(() => {}); // the connection is lost, and the transaction with it
      let result: T;
      try {
        result = await work(db);
      } catch (error) {
        await giveUp();
        throw error;
      }
      try {
        await db.commit().execute();
      } catch (error) {
        await giveUp();
        const isDecided = error instanceof AbortedTransactionError || !isFatal(error);
        throw isDecided ? error : new LedgerUnavailableError(textOf(error), { cause: error, outcome: 'unknown' });
      }
      return result;
    });
  }

  /** Repeats a call that failed for reasons of its own no longer than `repeatForMs`. */
  async #repeated<T>(call: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    let outcome: LedgerUnavailableError['outcome'] = 'none';
    for (;;) {
      try {
        await this.#ready();
        return await call();
      } catch (error) {
        const failure = failureOf(error);
        if (failure instanceof LedgerUnavailableError && failure.outcome === 'unknown') outcome = 'unknown';
        const isTransient = failure instanceof LedgerUnavailableError || failure instanceof ConflictError;
        if (!isTransient) throw error;
        if (performance.now() - startedAtMs > repeatForMs)
          throw new LedgerUnavailableError(failure.message, { cause: failure.cause, outcome });
        await sleep(repeatPauseMs);
      }
    }
  }

  /**
   * Resolves when the tables are up to date. They are brought up to date once, unless that fails: then the next call tries it
   * again. A call does not wait longer for it than for a statement.
   */
  async #ready(): Promise<void> {
    this.#migrated ??= migrate(this.#options).then(
      () => {
        this.#isMigrated = true;
      },
      (error: unknown) => {
        this.#migrated = undefined;
        throw new LedgerUnavailableError(textOf(error), { cause: error });
      },
    );
    if (this.#isMigrated) return;
    const waiting = new AbortController();
    const expired = sleep(this.#options.timeoutMs ?? 2_000, undefined, { signal: waiting.signal }).then(() => {
      throw new LedgerUnavailableError('Postgres is unavailable: its tables are still being brought up to date');
    });
    try {
      await Promise.race([this.#migrated, expired]);
    } finally {
      waiting.abort();
      expired.catch(() => {}); // it was not needed
    }
  }
}

/** Two transactions were in each other's way: this one is repeated. */
class ConflictError extends Error {
  override name = 'ConflictError';
}

function failureOf(error: unknown): unknown {
  const { code = '' } = sqlError(error) ?? {};
  if (conflict.test(code)) return new ConflictError(messageOf(error), { cause: error });
  const isUnavailable = error instanceof LedgerConnectionError || unavailable.test(code);
  return isUnavailable ? new LedgerUnavailableError(textOf(error), { cause: error }) : error;
}

const textOf = (error: unknown) => `Postgres is unavailable: ${messageOf(error)}`;
