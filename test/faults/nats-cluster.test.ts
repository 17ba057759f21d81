import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { NatsLink } from '../../src/events/nats-link.ts';
import { type NatsCluster, startNatsCluster } from '../support/nats-cluster.ts';
import { patience } from '../support/patience.ts';
import { silent } from '../support/silent.ts';
import { expectProven, limitMs } from './expect-proven.ts';
import { runFault } from './fault-run.ts';
import { startFaultVenue } from './fault-venue.ts';
import { notPublishedOnce } from './published.ts';
import { nowMs, until } from './time.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let cluster: NatsCluster;
beforeAll(async () => {
  cluster = await startNatsCluster();
});
afterAll(() => cluster?.stop());

test('[R952] processes spread over the servers', async () => {
  const links = Array.from({ length: 40 }, (_, i) =>
    NatsLink.connect({ url: cluster.url, name: `spread-${i}`, logger: silent, listensOnly: true }),
  );
  onTestFinished(async () => void (await Promise.all(links.map((link) => link.close()))));
  await vi.waitFor(() => expect(links.every(({ connected }) => connected)).toBe(true), patience);
  const byServer = await Promise.all(cluster.monitoringUrls.map((url) => connectionsAt(url, 'spread-')));
  expect(byServer.reduce((sum, count) => sum + count)).toBe(links.length);
  expect(Math.min(...byServer), String(byServer)).toBeGreaterThan(0);
});

test('[R951] [G5] [G6] each server of the cluster is killed in turn under load: nothing is missed, and browsers are live', async () => {
  const [first] = cluster.servers;
  if (!first) throw new Error('no server');
  const settings = { NATS_STREAM_REPLICAS: '3' };
  const venue = await startFaultVenue({ natses: { first, url: cluster.url, settings } });
  await until('the stream has three replicas', () => cluster.isStreamWhole());
  const result = await runFault('NATS cluster, each kill -9', { venue, thinkMs: 60 }, async (run) => {
    const beganAtMs = nowMs();
    let slowestMs = 0;
    for (const server of cluster.servers) {
      await server.kill('SIGKILL');
      const seq = Number(await venue.admin.get('venue:seq'));
      await run.load.decides(20);
      const seenAfterMs = await until('the views move on', () => run.clients.every((client) => client.seq > seq));
      slowestMs = Math.max(slowestMs, seenAfterMs);
      await server.restart();
      await until('the server is back in the stream', () => cluster.isStreamWhole());
    }
    return { beganAtMs, endedAtMs: nowMs(), figures: { slowestMs } };
  });
  expectProven(result);
  expect(Number(result.figures?.slowestMs), 'browsers are live').toBeLessThan(limitMs);
  await vi.waitFor(async () => expect(await notPublishedOnce(cluster.url, result.record.events)).toEqual([]), patience);
});

/** The connections whose names have this prefix. */
async function connectionsAt(monitoringUrl: string, prefix: string): Promise<number> {
  const reply = await fetch(`${monitoringUrl}/connz`);
  const { connections } = (await reply.json()) as { connections: { name?: string }[] };
  return connections.filter(({ name }) => name?.startsWith(prefix)).length;
}
