import type { Ledger } from '../../../src/ledger/ledger.ts';
import { LedgerUnavailableError } from '../../../src/ledger/ledger-errors.ts';
import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { OrderFaults } from './faults.ts';
import { Server } from './server.ts';

/** The database: a connection to it may break at any time, also while it commits. */
export function ledgerServer(world: World, faults: OrderFaults): Server {
  return new Server('ledger', world, faults, {
    timeoutMs: 2_000,
    refused: () => new LedgerUnavailableError('down'),
    unknown: () => new LedgerUnavailableError('the connection was lost', { outcome: 'unknown' }),
  });
}

/** The ledger as one process sees it. */
export function connectLedger(server: Server, ledger: Ledger, host: Host): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => server.call(host, String(name), () => method.apply(target, args));
    },
  });
}
