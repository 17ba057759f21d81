import { describe } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { orderServiceContract } from './order-service.contract.ts';

describe('OrderService over MemoryLedger', () => {
  orderServiceContract(() => {
    const ledger = new MemoryLedger();
    return [ledger, ledger];
  });
});
