import { onTestFinished, vi } from 'vitest';
import {
  type BookingProcess,
  type BookingProcessOptions,
  buildBookingProcess,
} from '../../src/booking/booking-process.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { type Access, accessOf } from '../../src/identity/access.ts';
import { loadBookingConfig } from '../../src/process/config.ts';
import { defaultShow, type GridSize } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import { patience } from './patience.ts';
import { silent } from './silent.ts';

/** A free show without dates: rows A, B of five seats each. Any field can be set. */
export const testShow = (id: string, { rows = 2, cols = 5, ...changes }: Partial<Show & GridSize> = {}): Show => ({
  ...defaultShow({ rows, cols }, id),
  ...changes,
});

export const accessFrom = (env: NodeJS.ProcessEnv = { RATE_LIMIT: 'off' }): Access =>
  accessOf(loadBookingConfig(env), silent);

export interface SeveralShowsOptions extends Partial<Omit<BookingProcessOptions, 'rules' | 'shows'>> {
  /** The first is the default show. */
  shows: readonly Show[];
  rules?: Partial<HoldRules>;
  /** For the memory buses. */
  line?: MemoryBusLine;
}

export type SeveralShows = BookingProcess & {
  /** Ids of the shows that the process has opened. */
  opened(): string[];
  /** `path`: below `/api/shows/`. */
  post(path: string, body: object, headers?: Record<string, string>): Promise<PostReply>;
};

interface PostReply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests match its fields
  body: any;
  headers: Record<string, unknown>;
}

/** A started booking process with several shows, in memory unless there are other stores and buses. Closed when the test has finished. */
export async function severalShows(options: SeveralShowsOptions): Promise<SeveralShows> {
  const { shows, rules, line = new MemoryBusLine(), ...rest } = options;
  const [first] = shows;
  const process = await buildBookingProcess({
    shows,
    rules: { holdTtlMs: 30_000, maxHoldsPerUser: 6, maxExtensions: 2, ...rules },
    storeOf: ({ plan }, ofShow) => new MemorySeatStore({ ...ofShow, plan }),
    busOf: (show) => new MemoryEventBus(line, show === first ? undefined : show.id),
    logger: silent,
    access: accessFrom(),
    ...rest,
  });
  const { app } = process;
  onTestFinished(() => app.close());
  process.shows.start();
  await vi.waitFor(() => {
    if (!process.shows.default.service.isOpen) throw new Error('The default show is not open');
  }, patience);
  return {
    ...process,
    opened: () => [...process.shows.opened].map(({ show }) => show.id),
    async post(path, body, headers = {}) {
      const url = `/api/shows/${path}`;
      const reply = await app.inject({ method: 'POST', url, payload: body, headers, remoteAddress: '203.0.113.7' });
      return { status: reply.statusCode, body: reply.json(), headers: reply.headers };
    },
  };
}
