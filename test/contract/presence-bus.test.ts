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
  memory: () => new MemoryEventBus(line),
  NATS: () => natsBus({ url: nats.url }),
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
});
