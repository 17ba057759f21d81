import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { readShow } from '../../src/shows/read-shows.ts';
import { textOf } from '../support/browser.ts';
import { usePages } from '../support/pages.ts';
import { startEmbedded } from '../support/servers.ts';

const updatesPerSecond = 100;
const rushMs = 5_000;
const frameMs = 1_000 / 60;

/** The work of the page's main thread during an action. */
async function frameTimes(page: Page, action: () => Promise<unknown>) {
  const recorded = await page.evaluateHandle(() => {
    const recorded = { frames: 0, drawings: 0, longTasks: [] as number[], isOver: false };
    const count = () => {
      recorded.frames++;
      if (!recorded.isOver) requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) recorded.longTasks.push(Math.round(duration));
    }).observe({ type: 'longtask' });
    // Called once for all changes of one task.
    new MutationObserver(() => recorded.drawings++).observe(document.getElementById('plan-map') as HTMLElement, {
      attributes: true,
      attributeFilter: ['class', 'aria-label'],
      subtree: true,
    });
    return recorded;
  });
  const cpuMs = await cpuMsDuring(page, action);
  return { cpuMs, ...(await recorded.jsonValue()) };
}

/** CPU time of the page's main thread, which other work on the machine does not change. */
async function cpuMsDuring(page: Page, action: () => Promise<unknown>): Promise<number> {
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable', { timeDomain: 'threadTicks' });
  const taskSeconds = async () => {
    const { metrics } = await client.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
  const before = await taskSeconds();
  await action();
  const cpuMs = ((await taskSeconds()) - before) * 1_000;
  await client.detach();
  return cpuMs;
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** CPU time of the thread, in µs. */
  tdur?: number;
  args?: { name?: string };
}

/** The CPU time of each task of the page's main thread, in ms, ascending. */
async function tasksDuring(client: CDPSession, action: () => Promise<void>): Promise<number[]> {
  const trace: TraceEvent[] = [];
  client.on('Tracing.dataCollected', ({ value }) => trace.push(...(value as unknown as TraceEvent[])));
  const traced = new Promise((resolve) => client.once('Tracing.tracingComplete', resolve));
  await client.send('Tracing.start', {
    traceConfig: { includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'] },
  });
  await action();
  await client.send('Tracing.end');
  await traced;
  const main = trace.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const isMain = ({ pid, tid }: TraceEvent) => main.some((thread) => thread.pid === pid && thread.tid === tid);
  return trace
    .flatMap((event) =>
      event.name === 'RunTask' && event.tdur !== undefined && isMain(event) ? [event.tdur / 1_000] : [],
    )
    .sort((a, b) => a - b);
}

describe('a rush on a large show', () => {
  const pages = usePages(startEmbedded);
  const { plan } = readShow('shows/arena.json');
  /** 500 groups of 5 seats all over the hall. Holding and releasing each is 5,000 updates. */
  const rushedGroups = Array.from({ length: 500 }, (_, n) => {
    const at = ((n * 37) % Math.floor(plan.size / 5)) * 5;
    return plan.ids.slice(at, at + 5);
  });

  test('[R560] the overview with its counts takes less than 1 s of CPU from the request on', async () => {
    const visits: { cpuMs: number; paintedMs: number }[] = [];
    for (let visit = 0; visit < 3; visit++) {
      // A user with nothing in the cache. The list is in the same process of the browser.
      const context = await pages.browser.newContext();
      const page = await context.newPage();
      await page.goto(`${pages.venue.url}/shows`);
      await page.addInitScript(() => {
        const look = () => {
          const isShown = document.querySelector('.area-count:not(:empty)') !== null;
          if (isShown) requestAnimationFrame(() => Object.assign(window, { paintedMs: performance.now() }));
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
      const cpuMs = await cpuMsDuring(page, async () => {
        await page.goto(`${pages.venue.url}/shows/arena`);
        await page.waitForFunction(() => 'paintedMs' in window);
      });
      visits.push({
        cpuMs,
        paintedMs: await page.evaluate(() => (window as unknown as { paintedMs: number }).paintedMs),
      });
      await context.close();
    }
    const shown = visits.map(({ cpuMs, paintedMs }) => `${Math.round(paintedMs)} ms (CPU ${Math.round(cpuMs)})`);
    process.stdout.write(`Overview with counts after ${shown.join(', ')}\n`);
    const cpuMs = Math.min(...visits.map((visit) => visit.cpuMs));
    expect(cpuMs).toBeGreaterThan(20);
    expect(cpuMs).toBeLessThan(1_000);
  });

  test.each(['overview', 'section'])(
    '[R560] with 100 updates a second, the %s is drawn at most once per frame, and the thread has time for 60 of them',
    { timeout: 60_000 },
    async (view) => {
      const { page } = await pages.open({ viewport: { width: 1200, height: 800 } }, `${pages.venue.url}/shows/arena`);
      if (view === 'section') {
        await page.locator('.area[aria-label^="Block 106,"]').click();
        await page.locator('.map-grid .seat').first().waitFor();
      }
      const { cpuMs, frames, drawings, longTasks } = await frameTimes(page, () => rush(`${view}-rush`));
      const perFrameMs = cpuMs / Math.max(1, frames);
      process.stdout.write(
        `${view}: ${frames} frames in ${rushMs} ms, ${perFrameMs.toFixed(1)} ms of work each, tasks over 50 ms: ${longTasks.length}\n`,
      );
      expect(drawings).toBeGreaterThan(50);
      expect(drawings).toBeLessThanOrEqual(frames + 1);
      // The number of frames depends on other load of the machine; the work of a frame much less.
      expect(perFrameMs).toBeLessThan(frameMs);
      await textOf(page, 'count').toBe(String(plan.size));
    },
  );

  test('[R816] with 1,000 updates a second no task of the page takes longer than a frame, and a CPU that is 6 times slower has time for them', {
    timeout: 120_000,
  }, async () => {
    const { page } = await pages.open({ viewport: { width: 1200, height: 800 } }, `${pages.venue.url}/shows/arena`);
    await page.locator('.area[aria-label^="Block 106,"]').click();
    await page.locator('.map-grid .seat').first().waitFor();
    const client = await page.context().newCDPSession(page);

    // A page that is too slow is so in every rush; a busy machine makes a task longer in some.
    let longestMs = Number.POSITIVE_INFINITY;
    for (let round = 1; round <= 3 && longestMs >= frameMs; round++) {
      const tasks = await tasksDuring(client, () => groupRush(`fast-${round}`));
      const longest = tasks.slice(-3).map((ms) => ms.toFixed(1));
      process.stdout.write(
        `1,000 updates/s: ${tasks.length} tasks of the main thread, the longest take ${longest} ms of CPU\n`,
      );
      expect(tasks.length).toBeGreaterThan(100);
      longestMs = Math.min(longestMs, tasks.at(-1) ?? longestMs);
    }
    expect(longestMs).toBeLessThan(frameMs);

    await client.send('Emulation.setCPUThrottlingRate', { rate: 6 });
    const rushed = new Set(rushedGroups.flat());
    const id = plan.ids.find(
      (each, index) => each.startsWith('106-') && !rushed.has(each) && plan.flags(index).length === 0,
    );
    const startMs = performance.now();
    const cpuMs = await cpuMsDuring(page, async () => {
      const rushing = groupRush('slow');
      await page.evaluate((seat) => document.querySelector<HTMLElement>(`[data-seat-id="${seat}"]`)?.click(), id);
      await page.locator(`[data-seat-id="${id}"].mine`).waitFor();
      await rushing;
    });
    const share = cpuMs / (performance.now() - startMs);
    await client.send('Emulation.setCPUThrottlingRate', { rate: 1 });
    process.stdout.write(
      `1,000 updates/s, a CPU 6 times slower: the main thread is busy for ${Math.round(share * 100)} % of the time\n`,
    );
    expect(share).toBeLessThan(0.8);
    await page.locator(`[data-seat-id="${id}"]`).click();
    await textOf(page, 'count').toBe(String(plan.size));
  });

  test('[R560] the compressed scripts are at most 60 KB, and that of the list 4 KB', () => {
    const sizeOf = (file: string) => gzipSync(readFileSync(`public/${file}`)).length;
    expect(sizeOf('show.js')).toBeLessThanOrEqual(60 * 1024);
    expect(sizeOf('shows.js')).toBeLessThanOrEqual(4 * 1024);
  });

  /** Holds and releases the groups: 1,000 updates per second. */
  async function groupRush(user: string): Promise<void> {
    const startMs = performance.now();
    const running: Promise<void>[] = [];
    for (const [n, seats] of rushedGroups.entries()) {
      const waitMs = startMs + (n * rushMs) / rushedGroups.length - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      running.push(holdGroup(seats, `${user}-${n}`));
    }
    await Promise.all(running);
  }

  async function holdGroup(seats: readonly string[], user_id: string): Promise<void> {
    for (const path of ['holds', 'holds/release']) {
      const ask = async () => {
        const response = await fetch(new URL(`/api/shows/arena/${path}`, pages.venue.url), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ seats, user_id }),
        });
        return response.json() as Promise<{ success: boolean; error?: { retryable: boolean } }>;
      };
      let reply = await ask();
      while (reply.error?.retryable) reply = await ask(); // a busy machine: as the page does
      expect(reply, JSON.stringify(reply)).toMatchObject({ success: true });
    }
  }

  /** Holds and releases seats of all sections, and of Block 106 more than of others. */
  async function rush(user: string): Promise<void> {
    const pairs = (updatesPerSecond * rushMs) / 2_000;
    const block = plan.ids.filter((id) => id.startsWith('106-'));
    const startMs = performance.now();
    const running: Promise<void>[] = [];
    for (let n = 0; n < pairs; n++) {
      const waitMs = startMs + (n * 2_000) / updatesPerSecond - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const id = n % 2 === 0 ? block[n % block.length] : plan.ids[(n * 37) % plan.size];
      running.push(holdForAMoment(id ?? '', `${user}-${n}`));
    }
    await Promise.all(running);
  }

  async function holdForAMoment(seat_id: string, user_id: string): Promise<void> {
    for (const action of ['select', 'release']) {
      const response = await fetch(new URL(`/api/shows/arena/seats/${action}`, pages.venue.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ seat_id, user_id }),
      });
      expect(await response.json()).toMatchObject({ success: true });
      if (action === 'select') await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
});
