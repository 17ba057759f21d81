import type { Migration } from 'kysely';
import * as orders from './0001-orders.ts';
import * as seatHistory from './0002-seat-history.ts';
import * as stuckOrders from './0003-stuck-orders.ts';

/**
 * In order of their names; applied ones never change. Forward only, and each so that the processes of the previous version
 * work with it: during an update both run.
 */
export const migrations: Record<string, Migration> = {
  '0001-orders': orders,
  '0002-seat-history': seatHistory,
  '0003-stuck-orders': stuckOrders,
};
