import type { StorePlace } from './contract-venue.ts';
import { decisionContract } from './decision.contract.ts';
import { fenceContract } from './fence.contract.ts';
import { groupContract } from './group.contract.ts';
import { historyContract } from './history.contract.ts';
import { orderCommandsContract } from './order-commands.contract.ts';
import { seatLogContract } from './seat-log.contract.ts';

/** The contract of every seat store. */
export function seatStoreContract(newPlace: () => StorePlace): void {
  historyContract(newPlace);
  seatLogContract(newPlace);
  decisionContract(newPlace);
  groupContract(newPlace);
  orderCommandsContract(newPlace);
  fenceContract(newPlace);
}
