import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { SeatEvent } from '../../src/protocol/events.ts';

/** How often each event, as `epoch:seq`, is in JetStream's log. `natsUrl`: a comma list of a cluster's servers. */
async function publishedCounts(natsUrl: string): Promise<Map<string, number>> {
  const connection = await connect({ servers: natsUrl.split(',') });
  try {
    const { state } = await (await jetstreamManager(connection)).streams.info('SEATS');
    const counts = new Map<string, number>();
    if (state.messages === 0) return counts;
    const consumer = await jetstream(connection).consumers.get('SEATS');
    for await (const message of await consumer.consume()) {
      const { epoch, seq } = message.json<SeatEvent>();
      counts.set(`${epoch}:${seq}`, (counts.get(`${epoch}:${seq}`) ?? 0) + 1);
      if (message.seq >= state.last_seq) break;
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
