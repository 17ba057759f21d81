import { describe } from 'vitest';
import { groupContract } from './group.contract.ts';
import { seatStoreContract } from './seat-store.contract.ts';
import { memoryPlace } from './store-places.ts';

describe('MemorySeatStore', () => {
  seatStoreContract(async () => memoryPlace());
  groupContract(async () => memoryPlace());
});
