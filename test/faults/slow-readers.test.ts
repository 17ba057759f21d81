import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { subjectsOf } from '../../src/protocol/events.ts';
import { startEdge, startNats } from '../support/servers.ts';
import { FakeBooking } from '../unit/edge-fixture.ts';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { naiveBroadcast } from './naive-broadcast.ts';
import { residentMegabytes } from './process-memory.ts';
import { proofLine } from './proof-line.ts';
import { connectSilentClients } from './silent-clients.ts';
import { nowMs, pause, until } from './time.ts';
import { VenueClient } from './venue-client.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const silentClients = 200;
/**
 * The guarantee names 500 events/s for 10 s. The kernel alone holds that (some 3 MB for each connection), so there are
 * twelve times as many here, of the longest user ids there are: 12 MB for each client.
 */
const updates = { perTick: 120, tickMs: 20, total: 60_000 };
const userId = 'u'.repeat(64);
const mostGrowthMb = 100;

/** Publishes transitions as booking processes do, at a steady rate. */
async function publish(natsUrl: string, booking: FakeBooking, eachTick: () => void): Promise<void> {
  const nats = await connect({ servers: natsUrl });
  onTestFinished(() => nats.close());
  const startedAtMs = nowMs();
  for (let sent = 0; sent < updates.total; ) {
    const due = Math.min(updates.total, Math.ceil(((nowMs() - startedAtMs) / updates.tickMs) * updates.perTick));
    for (; sent < due; sent++) {
      const event = booking.hold(`A${(sent % 10) + 1}`, userId);
      nats.publish(subjectsOf().of(event), JSON.stringify(event));
    }
    eachTick();
    await pause(updates.tickMs);
  }
  await nats.flush();
}

test('[G10] 200 silent clients under twelve times 500 events/s for 10 s: the memory of the edge stays flat', async () => {
  const nats = await startNats();
  const booking = new FakeBooking();
  const edge = await startEdge({ natsUrl: nats.url, bookingUrls: [await booking.listen()] });
  onTestFinished(async () => {
    await edge.kill();
    await Promise.all([edge.stop(), nats.stop()]);
  });
  const reader = new VenueClient({ userId: 'reader', urls: [edge.url] });
  onTestFinished(() => reader.close());
  await until('the reader is live', () => reader.isLive);
  await connectSilentClients(`${edge.url.replace('http', 'ws')}/ws`, silentClients);

  const beforeMb = residentMegabytes(edge.pid);
  let mostMb = beforeMb;
  const startedAtMs = nowMs();
  await publish(nats.url, booking, () => {
    mostMb = Math.max(mostMb, residentMegabytes(edge.pid));
  });
  const seconds = (nowMs() - startedAtMs) / 1000;
  const caughtUpAfterMs = await until('who reads has all of it', () => reader.seq === updates.total);
  const metrics = await (await fetch(`${edge.url}/metrics`)).text();
  const skipped = Number(/^edge_clients_slow_total (\d+)$/m.exec(metrics)?.[1]);
  const figures = { beforeMb, mostMb, growthMb: mostMb - beforeMb, skipped, caughtUpAfterMs };
  proofLine({ fault: 'silent clients', silentClients, eventsPerSecond: updates.total / seconds, ...figures });
  expect(reader.violations).toEqual([]);
  expect(skipped, 'the kernel alone did not hold it').toBe(silentClients);
  expect(mostMb - beforeMb).toBeLessThan(mostGrowthMb);
});

async function startNaiveEdge(): Promise<{ child: ChildProcessWithoutNullStreams; nextLine: () => Promise<string> }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', naiveBroadcast]);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => String((await lines.next()).value) };
}

test('[G10] the control: an edge that lets ws keep unread data grows by hundreds of megabytes', async () => {
  const { child, nextLine } = await startNaiveEdge();
  const port = await nextLine();
  await connectSilentClients(`ws://127.0.0.1:${port}`, silentClients);
  const pid = child.pid as number;
  const beforeMb = residentMegabytes(pid);
  // Half as many bytes as above, in larger pieces: it would take a minute otherwise.
  const [count, updateBytes] = [16_000, 400];
  child.stdin.write(`${count} ${updateBytes}\n`);
  await nextLine();
  const growthMb = residentMegabytes(pid) - beforeMb;
  proofLine({ control: 'silent clients', silentClients, updates: count, updateBytes, beforeMb, growthMb });
  expect(growthMb).toBeGreaterThan(1.5 * mostGrowthMb);
});
