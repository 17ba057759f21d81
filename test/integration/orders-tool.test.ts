import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { freePort, startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { startOrders } from '../support/start-orders.ts';

let server: TestPostgres;
let ledger: PostgresLedger;
let dataDir: string;
beforeAll(async () => {
  server = await startPostgres();
  ledger = new PostgresLedger({ url: server.url, ownerUrl: server.ownerUrl, name: 'test', logger: silent });
  // As ./start.sh leaves it.
  dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-orders-'));
  mkdirSync(join(dataDir, 'postgres'));
  writeFileSync(join(dataDir, 'postgres', 'address'), `${server.url}\n`);
});
afterAll(async () => {
  await ledger?.close();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** The program of `npm run orders`, once it is built. */
async function orders(args: string[], env: NodeJS.ProcessEnv = { DATA_DIR: dataDir }) {
  const child = spawn(process.execPath, ['dist/orders/main.js', ...args], { env: { PATH: process.env.PATH, ...env } });
  let [out, notes] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    notes += data;
  });
  const [code] = await once(child, 'close');
  return { code, out, notes };
}

/** An order for which the provider took another amount. Its booking process keeps running. */
async function stuckOrder(show: string) {
  const shop = await startOrders(ledger, show);
  const { orderId, bank, reference, nowMs } = shop;
  await bank.pay(reference, '4242424242424242');
  await ledger.recordPayment(orderId, [{ kind: 'captured', attempt: 1, atMs: nowMs(), totalMinor: 1, reference }]);
  await shop.orders.advance(orderId);
  await bank.capture(reference);
  const timer = setInterval(() => void shop.orders.reconcile().catch(() => {}), 50);
  onTestFinished(() => clearInterval(timer));
  return shop;
}

test('[R919] npm run orders lists orders that need a person, shows one, and returns its money', {
  timeout: 60_000,
}, async () => {
  const { orderId, bank, reference, order, orders: service } = await stuckOrder('gala');
  const list = await orders(['list']);
  expect(list).toMatchObject({ code: 0, notes: '' });
  expect(list.out).toMatch(new RegExp(`^${orderId}  needs_person  \\S+  gala  €45\\.00  "Paid 1 of 4500"$`, 'm'));
  expect((await orders(['list', 'refunded'])).out).toBe('No order is refunded.\n');
  const shown = (await orders(['show', orderId])).out;
  for (const line of ['Stuck in  issued', 'Due       never: nothing happens by itself', 'User      "alice"'])
    expect(shown.split('\n')).toContain(line);
  expect(shown).toContain(`1. sandbox ${reference}; captured; of €45.00; captured €0.01, refunded €0.00`);
  const [ticket] = (await order())?.tickets ?? [];
  expect(ticket).toBeDefined();
  expect(shown).not.toContain(ticket?.id);

  const retried = await orders(['retry', orderId]);
  expect(retried).toMatchObject({ code: 0, notes: '' });
  expect(retried.out).toContain('State     needs_person since');
  const refunded = await orders(['refund', orderId]);
  expect(refunded).toMatchObject({ code: 0, notes: '' });
  expect(refunded.out).toContain('State     refunded since');
  expect(await bank.get(reference)).toMatchObject({ capturedMinor: 4_500, refundedMinor: 4_500 });
  expect(await orders(['refund', orderId])).toMatchObject({
    code: 1,
    notes: 'The order stays as it is: it is refunded: the money is back.\n',
  });
  expect((await service.order(orderId))?.state).toBe('refunded');
});

test("[R919] a provider's text reaches the terminal as JSON", { timeout: 30_000 }, async () => {
  const { orderId, orders: service, nowMs } = await startOrders(ledger, 'terminal');
  const failure = '\u001b[2Jdeclined';
  await ledger.recordPayment(orderId, [{ kind: 'failed', attempt: 1, atMs: nowMs(), failure }]);
  const { out } = await orders(['show', orderId], { DATABASE_URL: server.url });
  expect(out).toContain('"\\u001b[2Jdeclined"');
  expect(out).not.toContain('\u001b');
  await service.cancel((await service.advance(orderId)).id);
});

test('[R919] the error of a command is named, with the remedy', { timeout: 60_000 }, async () => {
  const missing = mkdtempSync(join(tmpdir(), 'concert-booking-orders-'));
  onTestFinished(() => rmSync(missing, { recursive: true }));
  const closed = `postgres://booking:a-secret@127.0.0.1:${await freePort()}/booking`;
  expect(await orders(['--help'], {})).toMatchObject({ code: 0, out: expect.stringContaining('refund ID') });
  expect(await orders([])).toMatchObject({
    code: 2,
    notes: expect.stringMatching(/^A command is missing\n\nnpm run orders/),
  });
  expect(await orders(['pay', 'x'])).toMatchObject({ code: 2, notes: expect.stringContaining('pay: no such command') });
  expect(await orders(['list', 'paid'])).toMatchObject({
    code: 2,
    notes: expect.stringContaining('paid: no such state'),
  });
  expect(await orders(['show'])).toMatchObject({
    code: 2,
    notes: expect.stringContaining('The id of the order is missing'),
  });
  expect(await orders(['show', 'x', 'y'])).toMatchObject({
    code: 2,
    notes: expect.stringContaining('y: one argument too many'),
  });
  expect(await orders(['show', 'nobody'])).toMatchObject({ code: 1, notes: 'There is no order nobody\n' });
  expect(await orders(['list'], { DATA_DIR: missing })).toMatchObject({
    code: 1,
    notes: expect.stringContaining(`No Postgres was started with DATA_DIR=${missing}: set DATA_DIR or DATABASE_URL`),
  });
  const unreachable = await orders(['list'], { DATABASE_URL: closed });
  expect(unreachable).toMatchObject({ code: 1, notes: expect.stringContaining('Postgres is unavailable') });
  expect(unreachable.notes).not.toContain('a-secret');
});
