import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { ClientBuffers, type WaitingBytes } from '../../src/edge/client-buffers.ts';
import { edgeMetrics } from '../../src/edge/metrics.ts';

const budgetBytes = 1_000;

/** Creates clients with these buffered bytes; returns the dropped ones and the remaining bytes. */
async function check(clients: Record<string, Partial<WaitingBytes>>) {
  const metrics = edgeMetrics(new Registry());
  const buffers = new ClientBuffers({ budgetBytes, metrics, logger: pino({ level: 'silent' }) });
  onTestFinished(() => buffers.close());
  const dropped: string[] = [];
  for (const [name, waiting] of Object.entries(clients)) {
    buffers.add({
      waiting: () => ({ bytes: 0, stalledBytes: 0, stateBytes: 0, stateParts: [], ...waiting }),
      terminate: () => dropped.push(name),
    });
  }
  buffers.check();
  return { dropped: dropped.sort(), buffered: (await metrics.bufferedBytes.get()).values[0]?.value };
}

test('[R287] within the budget no client is dropped', async () => {
  expect(await check({ a: { bytes: 500, stalledBytes: 500 }, b: { bytes: 500, stalledBytes: 500 } })).toEqual({
    dropped: [],
    buffered: 1_000,
  });
});

test('[R287] beyond it the slowest are dropped first', async () => {
  const clients = {
    slowest: { bytes: 900, stalledBytes: 900 },
    slow: { bytes: 400, stalledBytes: 300 },
    slower: { bytes: 400, stalledBytes: 400 },
  };
  expect(await check(clients)).toEqual({ dropped: ['slowest'], buffered: 800 });
});

test('[R287] a client that reads is not dropped, however much is buffered for it', async () => {
  const clients = { reads: { bytes: 5_000 }, slow: { bytes: 10, stalledBytes: 10 } };
  expect(await check(clients)).toEqual({ dropped: ['slow'], buffered: 5_000 });
});

test('[R287] a VENUE_STATE that many clients share counts once', async () => {
  const [shared, other] = [Buffer.alloc(600), Buffer.alloc(600)];
  const waits = (part: Buffer) => ({ bytes: 610, stalledBytes: 610, stateBytes: 600, stateParts: [part] });
  const clients = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`client-${n}`, waits(shared)]));
  expect(await check(clients)).toEqual({ dropped: [], buffered: 800 });
  expect((await check({ ...clients, last: waits(other) })).dropped).toEqual(['last']);
});
