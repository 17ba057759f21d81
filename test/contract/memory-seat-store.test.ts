import { describe } from 'vitest';
import { seatStoreContract } from './seat-store.contract.ts';
import { memoryPlace } from './store-places.ts';

describe('MemorySeatStore', () => {
  seatStoreContract(memoryPlace);
});
