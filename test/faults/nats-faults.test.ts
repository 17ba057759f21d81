import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { expectProven, faultTestTimeoutMs } from './expect-proven.ts';
import { type FaultRun, runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { notPublishedOnce } from './published.ts';
import { nowMs, pause, until } from './time.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue();

/** While NATS is unavailable, the browsers get updates by polling; at most these two seconds late. */
async function everybodySeesNews({ venue, clients }: FaultRun): Promise<void> {
  const seq = Number(await venue.admin.get('venue:seq'));
  await until('the views move on', () => clients.every((client) => client.seq >= seq));
}

test('[G5] [G6] NATS is killed under load for 5 s: the browsers get every update, and every event is published once', async () => {
  const result = await runFault('NATS kill -9 for 5 s', { venue: await freshVenue(), thinkMs: 60 }, async (run) => {
    const beganAtMs = nowMs();
    await run.venue.nats.kill('SIGKILL');
    await pause(4_000);
    await everybodySeesNews(run);
    await pause(1_000);
    await run.venue.nats.restart();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
  const { nats } = result.venue;
  await vi.waitFor(async () => expect(await notPublishedOnce(nats.url, result.record.events)).toEqual([]), patience);
});

test("[G6] NATS's data deleted while it is down: its stream is created again, and unrelayed events are published", async () => {
  let committedBefore = 0;
  const result = await runFault('NATS data deleted', { venue: await freshVenue() }, async ({ venue, load }) => {
    const beganAtMs = nowMs();
    await venue.nats.kill('SIGKILL');
    committedBefore = Number(await venue.admin.get('venue:seq'));
    await load.decides(100);
    for (const name of readdirSync(venue.natsDir)) {
      if (!name.endsWith('.log')) rmSync(join(venue.natsDir, name), { recursive: true });
    }
    await venue.nats.restart();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
  const sinceThen = result.record.events.filter(({ seq }) => seq > committedBefore);
  await vi.waitFor(async () => expect(await notPublishedOnce(result.venue.nats.url, sinceThen)).toEqual([]), patience);
});

test('[G5] [G6] a suspended NATS (SIGSTOP) that resumes: no event is lost', async () => {
  const result = await runFault('NATS SIGSTOP', { venue: await freshVenue(), thinkMs: 60 }, async (run) => {
    const beganAtMs = nowMs();
    await run.venue.nats.kill('SIGSTOP');
    await pause(4_000);
    await everybodySeesNews(run);
    await run.venue.nats.kill('SIGCONT');
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
  const { nats } = result.venue;
  await vi.waitFor(async () => expect(await notPublishedOnce(nats.url, result.record.events)).toEqual([]), patience);
});
