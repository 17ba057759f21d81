import { onTestFinished } from 'vitest';
import { NatsEventBus } from '../../src/events/nats-event-bus.ts';
import { NatsLink, type NatsLinkOptions } from '../../src/events/nats-link.ts';
import { silent } from './silent.ts';

export type TestBus = NatsEventBus & { close(): Promise<void> };

/** A bus with a connection of its own, as another process has. It is closed when the test has finished, or by `close`. */
export function natsBus({
  show,
  ...options
}: Partial<NatsLinkOptions> & { url: string; show?: string | undefined }): TestBus {
  const link = NatsLink.connect({ name: 'test', logger: silent, ...options });
  onTestFinished(() => link.close());
  return Object.assign(new NatsEventBus(link, show), { close: () => link.close() });
}
