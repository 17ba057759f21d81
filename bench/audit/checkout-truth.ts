import { Redis } from 'ioredis';
import pg from 'pg';
import type { OrderRecord, ProviderRecord } from './checkout-audit.ts';

const keysPerRead = 1_000;

/** Reads orders from Postgres, and the payments of the sandbox from Redis, independently of the product's code, which it checks. */
export class CheckoutTruth {
  readonly #pool: pg.Pool;
  readonly #redis: Redis | undefined;
  readonly #show: string;

  /** `redisUrl`: where the sandbox has its payments; undefined: they cannot be read. */
  constructor({ databaseUrl, redisUrl, show }: { databaseUrl: string; redisUrl: string | undefined; show: string }) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 5_000 });
    this.#pool.on('error', () => {}); // the next query reports it
    this.#redis =
      redisUrl === undefined ? undefined : new Redis(redisUrl, { maxRetriesPerRequest: 1, lazyConnect: true });
    this.#redis?.on('error', () => {}); // as above
    this.#show = show;
  }

  /** Number of orders that are still due. */
  async dueOrders(): Promise<number> {
    const { rows } = await this.#pool.query('SELECT count(*) FROM orders WHERE show = $1 AND due_at IS NOT NULL', [
      this.#show,
    ]);
    return Number(rows[0].count);
  }

  async orders(): Promise<OrderRecord[]> {
    const { rows } = await this.#pool.query(
      `SELECT id, user_id, state, reason, amount_minor,
         (SELECT array_agg(seat_id) FROM order_seats WHERE order_id = orders.id) AS seat_ids,
         (SELECT array_agg(seat_id) FROM tickets WHERE order_id = orders.id AND voided_at IS NULL) AS ticket_seat_ids,
         (SELECT json_agg(payments) FROM payments WHERE order_id = orders.id) AS payments
       FROM orders WHERE show = $1`,
      [this.#show],
    );
    return rows.map((row) => ({
      id: row.id,
      userId: row.user_id,
      state: row.state,
      reason: row.reason ?? undefined,
      amountMinor: Number(row.amount_minor),
      seatIds: row.seat_ids ?? [],
      ticketSeatIds: row.ticket_seat_ids ?? [],
      payments: (row.payments ?? []).map((payment: Record<string, unknown>) => ({
        reference: payment.reference ?? undefined,
        capturedMinor: Number(payment.captured_minor),
        refundedMinor: Number(payment.refunded_minor),
      })),
    }));
  }

  /** All payments of the sandbox, including those that the ledger does not have. */
  async payments(): Promise<ProviderRecord[] | undefined> {
    if (!this.#redis) return undefined;
    const payments: ProviderRecord[] = [];
    for await (const keys of this.#redis.scanStream({ match: 'venue:sandbox:*', count: keysPerRead })) {
      if (keys.length === 0) continue;
      for (const json of await this.#redis.mget(keys)) if (json) payments.push(JSON.parse(json));
    }
    return payments;
  }

  async close(): Promise<void> {
    this.#redis?.disconnect();
    await this.#pool.end();
  }
}
