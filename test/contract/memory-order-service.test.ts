import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { Random } from '../simulation/random.ts';
import { orderServiceContract, orderServiceControls } from './order-service.contract.ts';

/** As over a connection: requests and replies take some turns of the event loop, so that calls overlap. */
function connected(ledger: Ledger, random: Random): Ledger {
  const travel = async () => {
    for (let turns = random.int(0, 3); turns > 0; turns--) await nextTurn();
  };
  return new Proxy(ledger, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        await travel();
        try {
          return await method.apply(target, args);
        } finally {
          await travel();
        }
      };
    },
  });
}

describe('OrderService over MemoryLedger', () => {
  const ledgersOf = () => {
    const ledger = new MemoryLedger();
    return [connected(ledger, new Random(1)), connected(ledger, new Random(2))] as const;
  };
  orderServiceContract(ledgersOf, 100);
  orderServiceControls(ledgersOf);
});
