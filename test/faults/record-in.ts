import { Redis } from 'ioredis';
import { startRedis } from '../support/servers.ts';
import { readVenueRecord, type VenueRecord } from './venue-log.ts';

/** The content of a data folder, read by a separate Redis. */
export async function recordIn(dir: string): Promise<VenueRecord> {
  const server = await startRedis({ dir });
  const redis = new Redis(server.url);
  try {
    return await readVenueRecord(redis);
  } finally {
    redis.disconnect();
    await server.stop();
  }
}
