import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/ledger/migrate.ts';
import { migrations } from '../../src/ledger/migrations/index.ts';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { newOrder, newShow } from './ledger.contract.ts';

let server: TestPostgres;
let url: string;
let ownerUrl: string;
let admin: pg.Client;
let databases = 0;

const names = Object.keys(migrations);

beforeAll(async () => {
  server = await startPostgres();
  admin = new pg.Client(server.adminUrl);
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await server?.stop();
});
/** Each test has an empty database of its own. */
beforeEach(async () => {
  const name = `booking_${++databases}`;
  await admin.query(`CREATE DATABASE ${name} OWNER booking_owner`);
  url = server.url.replace(/\/booking$/, `/${name}`);
  ownerUrl = server.ownerUrl.replace(/\/booking$/, `/${name}`);
});

function openLedger(): PostgresLedger {
  const ledger = new PostgresLedger({ url, ownerUrl, name: 'test', logger: silent });
  onTestFinished(() => ledger.close());
  return ledger;
}

async function client(address: string): Promise<pg.Client> {
  const connected = new pg.Client(address);
  await connected.connect();
  onTestFinished(() => connected.end());
  return connected;
}

const applied = async () => {
  const { rows } = await (await client(ownerUrl)).query('SELECT name FROM kysely_migration ORDER BY name');
  return rows.map(({ name }) => name);
};

test('[R1083] a migration that adds to tables fails no call of a connected process', async () => {
  const ledger = openLedger();
  const order = await ledger.createOrder(newOrder(newShow()));
  const readByAllConnections = () => Promise.all(Array.from({ length: 20 }, () => ledger.order(order.id)));
  await readByAllConnections();
  // The control: the plans of such a connection are of no use afterwards.
  const connected = await client(url);
  const read = { name: 'read', text: 'SELECT orders.* FROM orders WHERE id = $1', values: [order.id] };
  await connected.query(read);
  await (await client(ownerUrl)).query('ALTER TABLE orders ADD COLUMN later text');
  await expect(connected.query(read)).rejects.toThrow('cached plan must not change result type');
  expect(await readByAllConnections()).toEqual(Array(20).fill(order));
  expect((await ledger.change(order, { state: 'paying', dueAtMs: undefined, atMs: 1 })).version).toBe(2);
});

describe('[R717] the tables', () => {
  test('are created in an empty database, once, by any number of processes that start together', async () => {
    const ledgers = [openLedger(), openLedger(), openLedger()];
    const orders = ledgers.map((_, i) => newOrder(newShow(), { userId: `user-${i}` }));
    await Promise.all(ledgers.map((ledger, i) => ledger.createOrder(orders[i] ?? newOrder(''))));
    expect(await applied()).toEqual(names);
  });

  test.each(names.slice(1).map((name) => [names[names.indexOf(name) - 1] ?? '', name]))(
    'are brought from %s to %s, with their content',
    async (previous) => {
      await migrate({ url, ownerUrl, name: 'test', logger: silent }, names.slice(0, names.indexOf(previous) + 1));
      expect(await applied()).toEqual(names.slice(0, names.indexOf(previous) + 1));
      const owner = await client(ownerUrl);
      await owner.query(`INSERT INTO orders (id, show, user_id, state, version, currency, amount_minor, pay_until, created_at, changed_at)
        VALUES ('kept', 'main', 'ann', 'open', 1, 'EUR', 100, now(), now(), now())`);
      const ledger = openLedger();
      expect(await ledger.order('kept')).toMatchObject({ amountMinor: 100, userId: 'ann' });
      expect(await applied()).toEqual(names);
    },
  );

  test('of a newer version stay as they are, and the older process works with them', async () => {
    await openLedger().totals();
    const owner = await client(ownerUrl);
    await owner.query(`INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-newer', '2099-01-01')`);
    const order = await openLedger().createOrder(newOrder(newShow()));
    expect(order.version).toBe(1);
    expect(await applied()).toEqual([...names, '9999-newer']);
  });

  test('are created as soon as the database can be reached, if it could not at the start', async () => {
    const ledger = openLedger();
    const [, name] = /\/(\w+)$/.exec(url) ?? [];
    await admin.query(`DROP DATABASE ${name}`);
    await expect(ledger.totals()).rejects.toThrow('does not exist');
    await admin.query(`CREATE DATABASE ${name} OWNER booking_owner`);
    expect(await ledger.totals()).toEqual([]);
  });
});

describe('[R718] the role of the service', () => {
  test.each([
    ['deletes nothing', 'DELETE FROM orders'],
    ['empties no table', 'TRUNCATE seat_events'],
    ['changes no table', 'ALTER TABLE orders ADD COLUMN x int'],
    ['drops no table', 'DROP TABLE tickets'],
    ['makes no table', 'CREATE TABLE extra (x int)'],
    ['makes no temporary table', 'CREATE TEMP TABLE extra (x int)'],
    ['rewrites no transition', "UPDATE seat_events SET user_id = 'eve'"],
    ['rewrites no price', 'UPDATE order_seats SET price_minor = 0'],
    ['rewrites no amount', 'UPDATE orders SET amount_minor = 0'],
    ['gives no ticket to another seat', "UPDATE tickets SET seat_id = 'A1'"],
    ['forgets no notice', "UPDATE notices SET id = ''"],
    ['rewrites no migration', "UPDATE kysely_migration SET name = ''"],
    ['reads no passwords', 'SELECT * FROM pg_authid'],
    ['makes no role', 'CREATE ROLE eve'],
  ])('%s', async (_, statement) => {
    await migrate({ url, ownerUrl, name: 'test', logger: silent });
    await admin.query(`REVOKE ALL ON DATABASE ${/\/(\w+)$/.exec(url)?.[1]} FROM PUBLIC`);
    await admin.query(`GRANT CONNECT ON DATABASE ${/\/(\w+)$/.exec(url)?.[1]} TO booking`);
    const service = await client(url);
    await expect(service.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('connects to no other database', async () => {
    await expect(client(server.url.replace(/\/booking$/, '/postgres'))).rejects.toMatchObject({ code: '42501' });
  });

  test('has no rights before the tables are created, and needs none of the owner afterwards', async () => {
    const service = new PostgresLedger({ url, name: 'test', logger: silent });
    onTestFinished(() => service.close());
    await expect(service.totals()).rejects.toThrow('permission denied');
    await openLedger().totals();
    expect(await service.totals()).toEqual([]);
  });
});
