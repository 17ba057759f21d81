import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { buildEdge } from '../../src/edge/app.ts';
import { type BookingApi, BookingClient } from '../../src/edge/booking-client.ts';
import type { Edge } from '../../src/edge/edge.ts';
import type { EdgeLimits } from '../../src/edge/limits.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { TestClient } from '../unit/edge-fixture.ts';
import { type SeveralShows, type SeveralShowsOptions, severalShows } from './several-shows.ts';
import { silent } from './silent.ts';

export interface ShowsSystem {
  booking: SeveralShows;
  bookingUrl: string;
  edges: TestEdge[];
}

export interface TestEdge {
  edge: Edge;
  wsUrl: string;
  /** Open subscriptions to the events of a show. */
  subscriptions(show: string): number;
  connect(protocols?: string[]): Promise<TestClient>;
}

interface ShowsSystemOptions extends SeveralShowsOptions {
  edges?: number;
  limits?: Partial<EdgeLimits>;
  /** In place of the edge's client of the booking process, which it gets. */
  apiOf?: (client: BookingClient) => BookingApi;
}

/** A booking process with several shows, and edges, in this process: they communicate over HTTP and a bus in memory. */
export async function showsSystem({ edges = 1, limits, apiOf, ...options }: ShowsSystemOptions): Promise<ShowsSystem> {
  const line = options.line ?? new MemoryBusLine();
  const booking = await severalShows({ ...options, line });
  const bookingUrl = await booking.app.listen({ host: '127.0.0.1', port: 0 });
  const [defaultShow] = options.shows;
  const startEdge = async (): Promise<TestEdge> => {
    const client = new BookingClient({ urls: [bookingUrl] });
    const counts = new Map<string, number>();
    const { app, edge } = buildEdge({
      busOf: (show) => countedBus(line, show, counts),
      booking: apiOf?.(client) ?? client,
      defaultShow: defaultShow?.id ?? 'main',
      logger: silent,
      limits: { drainTimeoutMs: 1_000, ...limits },
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(async () => {
      await app.close();
      await client.close();
    });
    await edge.ready;
    const wsUrl = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/ws`;
    return {
      edge,
      wsUrl,
      subscriptions: (show) => counts.get(show) ?? 0,
      connect: (protocols) => new TestClient(wsUrl, protocols).opened(),
    };
  };
  return { booking, bookingUrl, edges: await Promise.all(Array.from({ length: edges }, startEdge)) };
}

function countedBus(line: MemoryBusLine, show: string | undefined, counts: Map<string, number>): MemoryEventBus {
  const bus = new MemoryEventBus(line, show);
  const count = (change: number) => counts.set(show ?? 'main', (counts.get(show ?? 'main') ?? 0) + change);
  const subscribe = bus.subscribe.bind(bus);
  bus.subscribe = (listener) => {
    const end = subscribe(listener);
    count(1);
    return () => {
      end();
      count(-1);
    };
  };
  return bus;
}
