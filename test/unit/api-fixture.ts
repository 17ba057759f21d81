import { onTestFinished, vi } from 'vitest';
import { type BookingProcess, buildBookingProcess } from '../../src/booking/booking-process.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import type { Access } from '../../src/identity/access.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { testAccess } from '../integration/booking-fixture.ts';
import { sandboxCheckout, type TestCheckout } from '../support/checkout.ts';
import { patience } from '../support/patience.ts';
import { silent } from '../support/silent.ts';

interface Reply {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: object }>;
}

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  security: object[];
  requestBody?: { required: boolean };
  parameters?: { name: string; description: string }[];
  responses: Record<string, Reply>;
}

export interface ApiDocument {
  info: { description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, { type: string; name?: string }> };
}

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  $ref?: string;
}

type StoreOptions = ConstructorParameters<typeof MemorySeatStore>[0];

class FailingStore extends MemorySeatStore {
  readonly #failure: () => Error | undefined;

  constructor(options: StoreOptions, failure: () => Error | undefined) {
    super(options);
    this.#failure = failure;
  }

  override async decide(...args: Parameters<MemorySeatStore['decide']>) {
    this.#throwFailure();
    return super.decide(...args);
  }

  override async eventsAfter(...args: Parameters<MemorySeatStore['eventsAfter']>) {
    this.#throwFailure();
    return super.eventsAfter(...args);
  }

  override async open(...args: Parameters<MemorySeatStore['open']>) {
    this.#throwFailure();
    return super.open(...args);
  }

  #throwFailure(): void {
    const failure = this.#failure();
    if (failure) throw failure;
  }
}

export const holdTtlMs = 30_000;
const rules = { holdTtlMs, maxHoldsPerUser: 2, maxExtensions: 1, reholdCooldownMs: 60_000 };
const startedAtMs = 1_700_000_000_000;

interface ApiOptions {
  access?: Partial<Access>;
  /** Of both shows. */
  change?: Partial<Show>;
  failure?: Error;
}

export interface TestApi extends BookingProcess {
  checkout: TestCheckout;
  /** Moves the clock of the stores. */
  pass(ms: number): void;
  /** While `act` runs, the stores of all shows fail. */
  whileFailing(failure: Error, act: () => Promise<unknown>): Promise<void>;
}

/** As `startApiOfFile`, until the end of the test. */
export async function startApi(options: ApiOptions = {}): Promise<TestApi> {
  const api = await startApiOfFile(options);
  onTestFinished(() => api.app.close());
  return api;
}

/** The API of a booking process that sells two equal shows in memory, `main` and `second`, of 4 seats each. The caller closes it: the files of a worker share its timers. */
export async function startApiOfFile({ access = {}, change = {}, failure }: ApiOptions = {}): Promise<TestApi> {
  const state = { failure, nowMs: startedAtMs };
  const line = new MemoryBusLine();
  const checkout = sandboxCheckout({ nowMs: () => state.nowMs });
  const process = await buildBookingProcess({
    ledger: checkout.ledger,
    checkout,
    shows: ['main', 'second'].map((id) => ({ ...defaultShow({ rows: 1, cols: 4 }, id), ...change })),
    rules,
    storeOf: ({ plan }, ofShow) => new FailingStore({ ...ofShow, plan, nowMs: () => state.nowMs }, () => state.failure),
    busOf: ({ id }) => new MemoryEventBus(line, id),
    logger: silent,
    access: testAccess(access),
  });
  const areReady = () =>
    vi.waitFor(async () => {
      for (const { show, service } of process.shows.opened) {
        if (!(await service.isReady())) throw new Error(`${show.id} is not ready`);
      }
    }, patience);
  process.shows.start();
  process.shows.get('second');
  if (!failure) await areReady();
  return {
    ...process,
    checkout,
    pass(ms) {
      state.nowMs += ms;
    },
    async whileFailing(failure, act) {
      state.failure = failure;
      await act();
      state.failure = undefined;
      await areReady();
    },
  };
}

export const documentOf = async ({ app }: TestApi): Promise<ApiDocument> =>
  (await app.inject({ url: '/api/docs/json' })).json();

/** By method and path, such as `GET /api/seats`. */
export const operationsOf = ({ paths }: ApiDocument): [name: string, operation: Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]): [string, Operation] => [`${method.toUpperCase()} ${path}`, each]),
  );
