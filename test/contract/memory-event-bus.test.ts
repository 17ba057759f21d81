import { describe, expect, test, vi } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { eventBusContract, eventsOf } from './event-bus.contract.ts';

describe('MemoryEventBus', () => {
  const line = new MemoryBusLine();
  eventBusContract((show) => new MemoryEventBus(line, show));

  test('[R1054] no listener runs within `publish`, which an actor calls during a transition', async () => {
    const [from, to] = [new MemoryEventBus(line), new MemoryEventBus(line)];
    const onEvent = vi.fn();
    const end = to.subscribe({ onEvent });
    const published = from.publish(eventsOf('epoch').held(1));
    expect(onEvent).not.toHaveBeenCalled();
    await published;
    expect(onEvent).toHaveBeenCalledOnce();
    end();
  });

  test.fails('[R1054] the control: a test fails if XState warns of an actor that starts during the transition of another', () => {
    const inner = createMachine({ context: () => ({}) });
    createActor(createMachine({ entry: () => void createActor(inner) })).start();
  });
});
