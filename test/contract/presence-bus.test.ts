import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import type { EdgePresence } from '../../src/protocol/presence.ts';
import { natsBus } from '../support/nats-bus.ts';
import { patience } from '../support/patience.ts';
import { startNats, type TestServer } from '../support/servers.ts';
import { connected } from './event-bus.contract.ts';

let nats: TestServer;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats?.stop());

const line = new MemoryBusLine();
const buses = {
  memory: (show?: string) => new MemoryEventBus(line, show),
  NATS: (show?: string) => natsBus({ url: nats.url, show }),
};

describe.each(Object.entries(buses))('%s', (_, newBus) => {
  test('[R110] the presence of an edge reaches every other edge, but not itself', async () => {
    const [from, to] = [newBus(), newBus()];
    const heard: Record<'from' | 'to', EdgePresence[]> = { from: [], to: [] };
    from.subscribePresence((presence) => heard.from.push(presence));
    to.subscribePresence((presence) => heard.to.push(presence));
    await Promise.all([connected(from), connected(to)]);
    await vi.waitFor(() => {
      from.publishPresence({ edge: 'a', clients: 3 });
      expect(heard.to).toContainEqual({ edge: 'a', clients: 3 });
    }, patience);
    await vi.waitFor(() => {
      to.publishPresence({ edge: 'b', clients: 4 });
      expect(heard.from).toContainEqual({ edge: 'b', clients: 4 });
    }, patience);
    expect(heard.from.map(({ edge }) => edge)).not.toContain('a');
  });

  test('[R595] an edge does not receive the presence of another show; after the end of its subscription it receives nothing', async () => {
    const shows = [undefined, 'chamber', 'arena'];
    const heard = shows.map((): EdgePresence[] => []);
    const ends = shows.map((show, i) => {
      const bus = newBus(show);
      return { bus, end: bus.subscribePresence((presence) => heard[i]?.push(presence)) };
    });
    const senders = shows.map((show) => newBus(show));
    await Promise.all([...senders, ...ends.map(({ bus }) => bus)].map(connected));
    const publishAll = () => {
      for (const [i, from] of senders.entries()) from.publishPresence({ edge: `edge-${i}`, clients: i });
    };
    await vi.waitFor(() => {
      publishAll();
      for (const each of heard) expect(each.length).toBeGreaterThan(1);
    }, patience);
    expect(heard.map((each) => [...new Set(each.map(({ edge }) => edge))])).toEqual([
      ['edge-0'],
      ['edge-1'],
      ['edge-2'],
    ]);
    ends[0]?.end();
    const [ofEnded, ofOther] = [heard[0]?.length, heard[1]?.length ?? 0];
    await vi.waitFor(() => {
      publishAll();
      expect(heard[1]?.length).toBeGreaterThan(ofOther + 2);
    }, patience);
    expect(heard[0]).toHaveLength(ofEnded ?? -1);
  });
});
