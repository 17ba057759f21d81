import type { Migration } from 'kysely';
import { up as orders } from './0001-orders.ts';
import { up as seatHistory } from './0002-seat-history.ts';
import { up as stuckOrders } from './0003-stuck-orders.ts';
import { up as endingOrders } from './0004-ending-orders.ts';

/**
 * In order of their names; applied ones never change. Forward only, and each so that the processes of the previous version
 * work with it: during an update both run.
 */
export const migrations: Record<string, Migration> = {
  '0001-orders': { up: orders },
  '0002-seat-history': { up: seatHistory },
  '0003-stuck-orders': { up: stuckOrders },
  '0004-ending-orders': { up: endingOrders },
};
