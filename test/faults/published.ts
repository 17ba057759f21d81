import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { SeatEvent } from '../../src/protocol/events.ts';

/** How often each event, as `epoch:seq`, is in JetStream's log. */
async function publishedCounts(natsUrl: string): Promise<Map<string, number>> {
  const connection = await connect({ servers: natsUrl });
  try {
    const { streams } = await jetstreamManager(connection);
    const { first_seq, last_seq } = (await streams.info('SEATS')).state;
    const counts = new Map<string, number>();
    for (let seq = first_seq; seq <= last_seq; seq++) {
      const event = (await streams.getMessage('SEATS', { seq }))?.json<SeatEvent>();
      if (!event) continue;
      const id = `${event.epoch}:${event.seq}`;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  } finally {
    await connection.close();
  }
}

/** Of these events, those that JetStream does not have exactly once. */
export async function notPublishedOnce(natsUrl: string, events: readonly SeatEvent[]): Promise<string[]> {
  const counts = await publishedCounts(natsUrl);
  return events.flatMap(({ epoch, seq }) => {
    const count = counts.get(`${epoch}:${seq}`) ?? 0;
    return count === 1 ? [] : [`${epoch}:${seq} is there ${count} times`];
  });
}
