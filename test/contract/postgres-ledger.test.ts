import { afterAll, beforeAll, describe } from 'vitest';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { ordersContract } from './ledger.contract.ts';
import { historyContract } from './ledger-history.contract.ts';

let server: TestPostgres;
let ledger: PostgresLedger;

beforeAll(async () => {
  server = await startPostgres();
  const { url, ownerUrl } = server;
  ledger = new PostgresLedger({ url, ownerUrl, name: 'test', logger: silent });
});
afterAll(async () => {
  await ledger?.close();
  await server?.stop();
});

describe('PostgresLedger', () => {
  ordersContract(() => ledger);
  historyContract(() => ledger);
});
