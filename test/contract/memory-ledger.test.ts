import { describe } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { ordersContract } from './ledger.contract.ts';
import { historyContract } from './ledger-history.contract.ts';

describe('MemoryLedger', () => {
  const ledger = new MemoryLedger();
  ordersContract(() => ledger);
  historyContract(() => ledger);
});
