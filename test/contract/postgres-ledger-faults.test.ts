import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LedgerUnavailableError, OrderChangedError } from '../../src/ledger/ledger-errors.ts';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { patience } from '../support/patience.ts';
import { startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { newOrder, newShow } from './ledger.contract.ts';

let server: TestPostgres;
let proxy: TcpProxy;
let ledger: PostgresLedger;
let admin: pg.Client;

const through = (address: string, port: number) => address.replace(`:${server.port}/`, `:${port}/`);

function ledgerAt(url: string): PostgresLedger {
  const made = new PostgresLedger({
    url,
    ownerUrl: server.ownerUrl,
    name: 'test',
    logger: silent,
    timeoutMs: 500,
    connectTimeoutMs: 500,
  });
  onTestFinished(() => made.close());
  return made;
}

beforeAll(async () => {
  server = await startPostgres();
  admin = new pg.Client(server.adminUrl.replace(/\/booking$/, '/booking'));
  admin.on('error', () => {});
  await admin.connect();
});
afterAll(async () => {
  await admin?.end().catch(() => {});
  await server?.stop();
});
beforeEach(async () => {
  proxy = await startTcpProxy(server.port);
  ledger = new PostgresLedger({
    url: through(server.url, proxy.port),
    ownerUrl: server.ownerUrl,
    name: 'test',
    logger: silent,
    timeoutMs: 500,
    connectTimeoutMs: 500,
  });
});
afterEach(async () => {
  await ledger.close();
  await proxy.close();
});

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const to = (state: 'paying' | 'lapsed') => ({ state, dueAtMs: undefined, atMs: 1_800_000_000_000 });

/**
 * Forwards to Postgres, and cuts the connection when a write has been forwarded: before its reply comes back. `isOn`: otherwise it
 * only forwards. The write takes effect, unless `isLost`: then it never arrives.
 */
async function startWriteCutter(): Promise<{ port: number; cuts: number; isOn: boolean; isLost: boolean }> {
  const cutter = { port: 0, cuts: 0, isOn: false, isLost: false };
  const relay = createServer((client) => {
    const target = connect(server.port, '127.0.0.1');
    let isWriting = false;
    /** Named statements of this connection that write: their text is sent only once. */
    const writes = new Set<string>();
    for (const socket of [client, target]) socket.on('error', () => {});
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      for (const [, name = ''] of text.matchAll(/(s\d+)\0WITH written AS/g)) writes.add(name);
      const used = [...text.matchAll(/\0(s\d+)\0/g)].map(([, name = '']) => name);
      if (cutter.isOn && used.some((name) => writes.has(name))) {
        isWriting = true;
        cutter.cuts++;
        if (cutter.isLost) return void client.destroy();
      }
      target.write(chunk);
    });
    target.on('data', (chunk) => {
      if (isWriting) return void client.destroy(); // Postgres has replied, so the write has taken effect
      client.write(chunk);
    });
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void relay.close());
  cutter.port = (relay.address() as { port: number }).port;
  return cutter;
}

describe('[R715] while Postgres cannot be reached', () => {
  test.each(['drop', 'hang'] as const)(
    '%s: every call is refused as retryable within seconds, and works again afterwards',
    async (fault) => {
      const order = await ledger.createOrder(newOrder(newShow()));
      proxy[fault]();
      const startedAtMs = performance.now();
      const failures = await Promise.all([
        failureOf(ledger.order(order.id)),
        failureOf(ledger.change(order, to('paying'))),
        failureOf(ledger.claimDue(0, 1, 1)),
        failureOf(ledger.appendEvents(order.show, { events: [] })),
      ]);
      expect(performance.now() - startedAtMs).toBeLessThan(8_000);
      for (const failure of failures) expect(failure).toBeInstanceOf(LedgerUnavailableError);
      proxy.heal();
      await vi.waitFor(async () => expect(await ledger.order(order.id)).toEqual(order), patience);
      expect((await ledger.change(order, to('paying'))).version).toBe(2);
    },
  );

  test.each(['drop', 'hang'] as const)(
    '%s from the start: the same, before the tables were looked at',
    async (fault) => {
      proxy[fault]();
      const [url, ownerUrl] = [through(server.url, proxy.port), through(server.ownerUrl, proxy.port)];
      const early = new PostgresLedger({
        url,
        ownerUrl,
        name: 'test',
        logger: silent,
        timeoutMs: 500,
        connectTimeoutMs: 500,
      });
      onTestFinished(() => early.close());
      const startedAtMs = performance.now();
      expect(await failureOf(early.order(randomUUID()))).toBeInstanceOf(LedgerUnavailableError);
      expect(performance.now() - startedAtMs).toBeLessThan(8_000);
      proxy.heal();
      await vi.waitFor(async () => expect(await early.order(randomUUID())).toBeUndefined(), patience);
    },
  );

  test('connections that went silent for good are replaced', async () => {
    const order = await ledger.createOrder(newOrder(newShow()));
    await Promise.all(Array.from({ length: 10 }, () => ledger.order(order.id)));
    proxy.silence();
    await vi.waitFor(async () => expect(await ledger.order(order.id)).toEqual(order), patience);
  });

  test('a restart of Postgres loses nothing, and no call that follows fails', async () => {
    const order = await ledger.createOrder(newOrder(newShow()));
    const paying = await ledger.change(order, to('paying'));
    await server.kill();
    expect(await failureOf(ledger.order(order.id))).toBeInstanceOf(LedgerUnavailableError);
    await server.restart();
    admin = new pg.Client(server.adminUrl);
    admin.on('error', () => {});
    await admin.connect();
    expect(await ledger.order(order.id)).toEqual(paying);
  });

  test('a wrong password, a missing database and a standby are unavailable too, not errors of the caller', async () => {
    const wrong = server.url.replace('booking-password', 'wrong');
    const missing = server.url.replace(/\/booking$/, '/nowhere');
    for (const url of [wrong, missing]) {
      const failure = await failureOf(ledgerAt(url).order(randomUUID()));
      expect(failure).toBeInstanceOf(LedgerUnavailableError);
      expect(String(failure)).not.toContain('booking-password');
    }
    await admin.query('ALTER ROLE booking SET default_transaction_read_only = on');
    const readOnly = ledgerAt(server.url);
    await expect(readOnly.order(randomUUID())).rejects.toThrow('read-only');
    expect(await failureOf(readOnly.createOrder(newOrder(newShow())))).toBeInstanceOf(LedgerUnavailableError);
    await admin.query('ALTER ROLE booking RESET default_transaction_read_only');
  });
});

describe('[R716] [G11] if the connection is lost during a write', () => {
  test('one that took effect is not repeated as another one, and one that did not is', async () => {
    const cutter = await startWriteCutter();
    const cut = ledgerAt(through(server.url, cutter.port));
    for (const isLost of [false, true]) {
      const order = newOrder(newShow());
      const cutOnce = async <T>(call: () => Promise<T>): Promise<T> => {
        const before = cutter.cuts;
        Object.assign(cutter, { isOn: true, isLost });
        const result = call();
        await vi.waitFor(() => expect(cutter.cuts).toBeGreaterThan(before), patience);
        cutter.isOn = false;
        return result;
      };
      const created = await cutOnce(() => cut.createOrder(order));
      expect(created.version).toBe(1);
      const paying = await cutOnce(() => cut.change(created, to('paying')));
      expect(paying).toMatchObject({ state: 'paying', version: 2 });
      const facts = [{ kind: 'begun', attempt: 1, atMs: 1, provider: 'sandbox', amountMinor: 9001 } as const];
      const notice = { provider: 'sandbox', id: randomUUID(), type: 'begun', receivedAtMs: 1 };
      const { order: paid } = await cutOnce(() => cut.recordPayment(order.id, facts, notice));
      expect(paid).toMatchObject({ version: 3, payments: [{ attempt: 1 }] });
      const tickets = order.seats.map(({ seatId }) => ({ id: randomUUID(), seatId }));
      const issued = await cutOnce(() => cut.issue(paid, { tickets, dueAtMs: undefined, atMs: 2 }));
      expect(issued).toMatchObject({ state: 'issued', version: 4 });
      expect(issued.tickets).toHaveLength(2);
      expect(await ledger.order(order.id)).toEqual(issued);
    }
  });

  test('a call whose outcome stays unknown reports that, and the order shows the outcome', async () => {
    const cutter = await startWriteCutter();
    const cut = ledgerAt(through(server.url, cutter.port));
    const order = await cut.createOrder(newOrder(newShow()));
    cutter.isOn = true; // also at each repetition
    const failure = await failureOf(cut.change(order, to('paying')));
    expect(failure).toMatchObject({ name: 'LedgerUnavailableError', outcome: 'unknown' });
    const now = await ledger.order(order.id);
    expect(now).toMatchObject({ state: 'paying', version: 2 });
    cutter.isOn = false;
    const repeated = await failureOf(cut.change(order, to('paying')));
    expect(repeated).toBeInstanceOf(OrderChangedError);
    expect((repeated as OrderChangedError).current).toEqual(now);
  });
});
