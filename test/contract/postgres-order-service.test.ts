import { afterAll, beforeAll, describe } from 'vitest';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { startPostgres, type TestPostgres } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { orderServiceContract } from './order-service.contract.ts';

let server: TestPostgres;
let ledgers: [PostgresLedger, PostgresLedger];

beforeAll(async () => {
  server = await startPostgres();
  const { url, ownerUrl } = server;
  const ledgerOf = (name: string) => new PostgresLedger({ url, ownerUrl, name, logger: silent });
  ledgers = [ledgerOf('one'), ledgerOf('two')];
});
afterAll(async () => {
  await Promise.all((ledgers ?? []).map((ledger) => ledger.close()));
  await server?.stop();
});

describe('OrderService over PostgresLedger', () => {
  orderServiceContract(() => ledgers, 3);
});
