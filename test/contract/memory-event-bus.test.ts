import { describe } from 'vitest';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { eventBusContract } from './event-bus.contract.ts';

describe('MemoryEventBus', () => {
  const line = new MemoryBusLine();
  eventBusContract((show) => new MemoryEventBus(line, show));
});
