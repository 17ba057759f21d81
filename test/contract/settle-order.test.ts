import { afterAll, beforeAll, describe } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { settleContract } from './settle-order.contract.ts';

describe('with the ledger in memory', () => {
  const ledger = new MemoryLedger();
  settleContract(() => ledger);
});

describe('with the ledger in Postgres', { timeout: 60_000 }, () => {
  let server: TestPostgres;
  let ledger: PostgresLedger;
  beforeAll(async () => {
    server = await startPostgres();
    ledger = new PostgresLedger({ url: server.url, ownerUrl: server.ownerUrl, name: 'test', logger: silent });
  });
  afterAll(async () => {
    await ledger?.close();
    await server?.stop();
  });
  settleContract(() => ledger);
});
