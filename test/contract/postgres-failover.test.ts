import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Order } from '../../src/ledger/order.ts';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { patience } from '../support/patience.ts';
import { type PostgresPair, startPostgresPair } from '../support/postgres-pair.ts';
import { queried } from '../support/queried.ts';
import { silent } from '../support/silent.ts';
import { newOrder, newShow } from './ledger.contract.ts';

const newPair = () => startPostgresPair({ isSynchronous: true });

/** Its tables are up to date. */
async function ledgerAt({ url, ownerUrl }: PostgresPair): Promise<PostgresLedger> {
  const ledger = new PostgresLedger({ url, ownerUrl, name: 'test', logger: silent });
  onTestFinished(() => ledger.close());
  await vi.waitFor(() => ledger.order(randomUUID()), patience);
  return ledger;
}

const unavailable = (outcome: 'none' | 'unknown') => ({ name: 'LedgerUnavailableError', outcome });

describe('[R1012] a server that takes no writes', () => {
  test('is not read while it is a standby at the address; once promoted it is used without a restart', async () => {
    const pair = await newPair();
    onTestFinished(() => pair.stop());
    const ledger = await ledgerAt(pair);
    const order = await ledger.createOrder(newOrder(newShow()));
    pair.address.retarget(pair.standby.port);
    pair.address.cut();
    await expect(ledger.order(order.id)).rejects.toMatchObject(unavailable('none'));
    await expect(ledger.createOrder(newOrder(newShow()))).rejects.toMatchObject(unavailable('none'));
    // Control: a client without the check reads from it.
    await vi.waitFor(
      async () => expect(await queried(pair.standby.url, 'SELECT id FROM orders')).toEqual([{ id: order.id }]),
      patience,
    );
    await pair.promote();
    expect(await ledger.order(order.id)).toEqual(order);
    expect((await ledger.createOrder(newOrder(newShow()))).version).toBe(1);
  });

  test('loses its connections, also if they stay open', async () => {
    const pair = await newPair();
    onTestFinished(() => pair.stop());
    const ledger = await ledgerAt(pair);
    await queried(pair.primary.adminUrl, 'ALTER SYSTEM SET default_transaction_read_only = on');
    await queried(pair.primary.adminUrl, 'SELECT pg_reload_conf()');
    await vi.waitFor(async () => {
      const rows = await queried(pair.primary.url, 'SHOW transaction_read_only');
      expect(rows).toEqual([{ transaction_read_only: 'on' }]);
    }, patience);
    await pair.promote();
    pair.address.retarget(pair.standby.port); // what is connected stays connected
    expect((await ledger.createOrder(newOrder(newShow()))).version).toBe(1);
    expect(await queried(pair.standby.url, 'SELECT id FROM orders')).toHaveLength(1);
  });
});

describe('[R1013] [G11] a commit that the standby has not confirmed', () => {
  const waitingCommits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  let pair: PostgresPair;
  beforeAll(async () => {
    pair = await newPair();
  });
  afterEach(() => pair?.replication.heal());
  afterAll(() => pair?.stop());

  const commitWaits = () =>
    vi.waitFor(
      async () => expect(await queried(pair.primary.adminUrl, `SELECT 1 ${waitingCommits}`)).not.toEqual([]),
      patience,
    );
  const cancelWait = () => queried(pair.primary.adminUrl, `SELECT pg_cancel_backend(pid) ${waitingCommits}`);

  const begun = { kind: 'begun', attempt: 1, atMs: 1, provider: 'sandbox', amountMinor: 9001 } as const;
  const notice = () => ({ provider: 'sandbox', id: randomUUID(), type: 'begun', receivedAtMs: 1 });
  const writes: Record<string, (ledger: PostgresLedger, order: Order) => Promise<unknown>> = {
    'a new order': (ledger) => ledger.createOrder(newOrder(newShow())),
    'a change': (ledger, order) => ledger.change(order, { state: 'paying', dueAtMs: undefined, atMs: 1 }),
    tickets: (ledger, order) => {
      const tickets = order.seats.map(({ seatId }) => ({ id: randomUUID(), seatId }));
      return ledger.issue(order, { tickets, dueAtMs: undefined, atMs: 1 });
    },
    'a fact': (ledger, { id }) => ledger.recordPayment(id, [begun]),
    'a message with a fact': (ledger, { id }) => ledger.recordPayment(id, [begun], notice()),
    'a message without a new fact': (ledger, { id }) => ledger.recordPayment(id, [], notice()),
  };
  const cases = Object.keys(writes).flatMap((what) => ['goes on', 'is cancelled'].map((wait) => [what, wait] as const));

  test.each(cases)('%s is not reported as done: its wait %s', async (what, wait) => {
    const ledger = await ledgerAt(pair);
    const order = await ledger.createOrder(newOrder(newShow()));
    pair.replication.hang();
    const refused = expect(writes[what]?.(ledger, order)).rejects.toMatchObject(unavailable('unknown'));
    await commitWaits();
    if (wait === 'is cancelled') await cancelWait();
    await refused;
    pair.replication.heal();
    await vi.waitFor(() => ledger.createOrder(newOrder(newShow())), patience);
  });

  test('control: Postgres reports it as done if its wait is cancelled', async () => {
    await ledgerAt(pair);
    pair.replication.hang();
    const client = new pg.Client(pair.primary.adminUrl);
    onTestFinished(() => client.end());
    await client.connect();
    const committed = client.query("INSERT INTO epochs VALUES ('control', 1, 'control', 0)");
    await commitWaits();
    await cancelWait();
    expect((await committed).rowCount).toBe(1);
    expect(await queried(pair.standby.url, 'SELECT 1 FROM epochs')).toEqual([]);
  });
});
