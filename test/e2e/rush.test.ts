import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { classOf, hasClass, post, textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const updatesPerSecond = 100;
/** More turns distinguish the cost of a rush from other load of the machine. */
const turns = Number(process.env.RUSH_TURNS ?? 1);
const turnMs = 2_500;

/** An event of Chromium's trace. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  args?: { name?: string; frame_reporter?: { state?: string } };
}

/** The number of frames of the page by outcome: presented, dropped, …. */
type Fates = Record<string, number>;

async function fatesDuring(page: Page, action: () => Promise<unknown>): Promise<Fates> {
  const client = await page.context().newCDPSession(page);
  const trace: TraceEvent[] = [];
  client.on('Tracing.dataCollected', ({ value }) => trace.push(...(value as unknown as TraceEvent[])));
  const traced = new Promise((resolve) => client.once('Tracing.tracingComplete', resolve));
  await client.send('Tracing.start', {
    traceConfig: { includedCategories: ['cc', 'benchmark', 'disabled-by-default-devtools.timeline.frame'] },
  });
  await action();
  await client.send('Tracing.end');
  await traced;
  await client.detach();
  return fatesOfFrames(trace);
}

function fatesOfFrames(trace: readonly TraceEvent[]): Fates {
  const pages = trace.filter(({ name, args }) => name === 'process_name' && args?.name === 'Renderer');
  const fates: Fates = {};
  for (const { name, ph, pid, args } of trace) {
    const fate = args?.frame_reporter?.state;
    if (name !== 'PipelineReporter' || ph !== 'b' || !fate || !pages.some((page) => page.pid === pid)) continue;
    fates[fate] = (fates[fate] ?? 0) + 1;
  }
  return fates;
}

describe('a rush', () => {
  const pages = usePages(startEmbedded);

  test('[R122] 100 updates a second are drawn at most once per frame, and the last drawing is correct', {
    timeout: 90_000,
  }, async () => {
    const { page } = await pages.open();
    const counts = await page.evaluateHandle(() => {
      const counts = { frames: 0, drawings: 0, changes: 0 };
      const count = () => {
        counts.frames++;
        requestAnimationFrame(count);
      };
      requestAnimationFrame(count);
      // Called once for all changes of one task.
      new MutationObserver((records) => {
        counts.drawings++;
        counts.changes += records.length;
      }).observe(document.getElementById('seat-map') as HTMLElement, {
        attributes: true,
        attributeFilter: ['class'],
        subtree: true,
      });
      return counts;
    });
    const calm: Fates[] = [];
    const rushed: Fates[] = [];
    for (let turn = 0; turn < turns; turn++) {
      calm.push(await fatesDuring(page, () => page.waitForTimeout(turnMs)));
      rushed.push(await fatesDuring(page, rush));
    }

    const { frames, drawings, changes } = (await counts.jsonValue()) as Record<string, number>;
    expect(changes).toBeGreaterThan(100);
    expect(drawings).toBeLessThanOrEqual(frames as number);
    for (let row = 0; row < 10; row++) await classOf(page, `seat-${'ABCDEFGHIJ'[row]}1`).toMatch(hasClass('available'));
    await textOf(page, 'count').toBe('100');

    // Printed and not asserted, since the machine may be busy.
    process.stdout.write(`Fates of frames, ${turnMs / 1_000} s at a time: ${JSON.stringify({ calm, rushed })}\n`);
  });

  /** Holds and releases a hundred seats, evenly over the time. */
  async function rush(): Promise<void> {
    const pairs = (updatesPerSecond * turnMs) / 2_000;
    const startMs = performance.now();
    const running: Promise<void>[] = [];
    for (let n = 0; n < pairs; n++) {
      const waitMs = startMs + (n * 2_000) / updatesPerSecond - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const id = `${'ABCDEFGHIJ'[n % 10]}${(Math.floor(n / 10) % 10) + 1}`;
      running.push(holdForAMoment(id, `rush-${n}`));
    }
    await Promise.all(running);
  }

  async function holdForAMoment(id: string, user: string): Promise<void> {
    await post(pages.venue, 'select', id, user);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await post(pages.venue, 'release', id, user);
  }
});
