import { mkdtempSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { expect, onTestFinished, vi } from 'vitest';
import { buildBookingProcess } from '../../src/booking/booking-process.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import type { Access } from '../../src/identity/access.ts';
import type { FeedMessage } from '../../src/inspect/feed.ts';
import { inspectPath } from '../../src/inspect/inspect-path.ts';
import type { InspectOptions } from '../../src/inspect/routes.ts';
import { present } from '../../src/process/present.ts';
import { defaultShow, gridPlan } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { testAccess } from '../integration/booking-fixture.ts';
import type { TestCheckout } from '../support/checkout.ts';
import { patience } from '../support/patience.ts';
import { silent } from '../support/silent.ts';

/** Other tests open the pages in a browser. Here the files only have to exist. */
function emptyPages(): string {
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-inspect-'));
  for (const name of ['bridge.html', 'live.html']) writeFileSync(join(dir, name), `<title>${name}</title>`);
  return dir;
}

export interface VenueOptions {
  /** Of the default show. */
  store?: MemorySeatStore;
  /** Besides the default show, and their stores by id. */
  shows?: readonly Show[];
  stores?: Map<string, MemorySeatStore>;
  line?: MemoryBusLine;
  inspect?: Partial<InspectOptions> | 'off';
  rows?: number;
  port?: number;
  access?: Partial<Access>;
  checkout?: TestCheckout;
  logger?: Logger;
}

export const newStore = (rows = 10) =>
  new MemorySeatStore({ plan: gridPlan({ rows, cols: 10 }), holdTtlMs: 30_000, maxHoldsPerUser: 10_000 });

const rules = { holdTtlMs: 30_000, maxHoldsPerUser: 10_000 };

/** A booking process with stores in memory, listening, with the inspector on. */
export async function startInspected(options: VenueOptions = {}) {
  const { rows = 10, store = newStore(rows), shows = [], stores = new Map(), line = new MemoryBusLine() } = options;
  const first = defaultShow({ rows, cols: 10 });
  stores.set(first.id, store);
  for (const { id, plan } of shows) if (!stores.has(id)) stores.set(id, new MemorySeatStore({ ...rules, plan }));
  const inspect: InspectOptions = {
    node: 'booking-1',
    peerUrls: [],
    hosts: [],
    inspectorUrl: 'https://stately.ai/inspect',
    pageDir: emptyPages(),
    ...(options.inspect === 'off' ? {} : options.inspect),
  };
  const { app, shows: onSale } = await buildBookingProcess({
    shows: [first, ...shows],
    rules,
    storeOf: ({ id }) => present(stores.get(id), id),
    busOf: ({ id }) => new MemoryEventBus(line, id === first.id ? undefined : id),
    logger: options.logger ?? silent,
    access: testAccess(options.access),
    checkout: options.checkout,
    ledger: options.checkout?.ledger,
    ...(options.inspect !== 'off' && { inspect }),
  });
  const { service } = onSale.default;
  onSale.start();
  onTestFinished(async () => {
    await app.close();
  });
  await vi.waitFor(() => expect(service.isOpen).toBe(true), patience);
  const url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const command = async (action: string, seatId: string, userId: string) => {
    const reply = await app.inject({
      method: 'POST',
      url: `/api/seats/${action}`,
      payload: { seat_id: seatId, user_id: userId },
    });
    return reply.json();
  };
  return { app, service, onSale, store, line, url, command, attached: countObservers(service.seatActors) };
}

/** Counts the observers of each actor that are attached and not yet detached. */
function countObservers(registry: { actors: readonly { id: string; system: object }[]; onHydrated: () => void }) {
  const counted: { id: string; observers: number }[] = [];
  const count = () => {
    for (const { id, system } of registry.actors) {
      const watched = system as { inspect(observer: unknown): { unsubscribe(): void } };
      const inspect = watched.inspect.bind(watched);
      const actor = { id, observers: 0 };
      counted.push(actor);
      watched.inspect = (observer) => {
        actor.observers++;
        const subscription = inspect(observer);
        return {
          unsubscribe() {
            actor.observers--;
            subscription.unsubscribe();
          },
        };
      };
    }
  };
  count();
  let next = registry.onHydrated;
  Object.defineProperty(registry, 'onHydrated', {
    get: () => () => {
      count(); // new actors, before they have an observer
      next();
    },
    // The inspector of a show begins with its first viewer.
    set: (onHydrated) => {
      next = onHydrated;
    },
  });
  return () => counted.filter(({ observers }) => observers > 0).map(({ id, observers }) => `${id}: ${observers}`);
}

export interface FeedReader {
  messages: FeedMessage[];
  status: number;
  /** True once the server has closed the feed. */
  ended: boolean;
  close(): void;
}

/** Reads a feed until `close`, as an EventSource does. */
export async function openFeed(
  url: string,
  seats: string,
  { headers = {}, node, show }: { headers?: Record<string, string>; node?: string; show?: string } = {},
): Promise<FeedReader> {
  const abort = new AbortController();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // `fetch` replaces an aborted connection with a new one, and the server's close would wait for that.
    get(url + inspectPath('feed', { seats, node, show }), { headers, signal: abort.signal, agent: false }, resolve).on(
      'error',
      reject,
    );
  });
  const reader: FeedReader = {
    messages: [],
    status: response.statusCode ?? 0,
    ended: false,
    close: () => abort.abort(),
  };
  onTestFinished(() => abort.abort());
  void (async () => {
    let text = '';
    try {
      for await (const chunk of response) {
        text += Buffer.from(chunk).toString('utf8');
        const frames = text.split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) {
          if (frame.startsWith('data: ')) reader.messages.push(JSON.parse(frame.slice('data: '.length)));
        }
      }
    } catch {
      // closed by the test or by the server: `ended` is set in both cases
    }
    reader.ended = true;
  })();
  return reader;
}

export async function joined(reader: FeedReader): Promise<FeedReader> {
  await vi.waitFor(() => expect(reader.messages.some(({ type }) => type === 'joined')).toBe(true), patience);
  return reader;
}

/** The messages of one type, and of one seat if an id is given. */
export function ofType<Type extends FeedMessage['type']>(reader: FeedReader, type: Type, sessionId?: string) {
  return reader.messages.filter(
    (message): message is Extract<FeedMessage, { type: Type }> =>
      message.type === type && (sessionId === undefined || (message as { sessionId: string }).sessionId === sessionId),
  );
}

/** The messages after the initial ones. */
export const sinceJoined = ({ messages }: FeedReader): FeedMessage[] =>
  messages.slice(messages.findIndex(({ type }) => type === 'joined') + 1);
