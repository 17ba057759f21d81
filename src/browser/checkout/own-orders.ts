import type { OrderList, OrderReply } from '../../protocol/order.ts';
import { endedStates, unfinishedStates } from '../../protocol/order-state.ts';
import type { Seat } from '../../protocol/seat.ts';
import { SeatStatus } from '../../protocol/seat-status.ts';
import { callApi } from '../api-call.ts';

const retryMs = 5_000;
const againMs = 3_000;
/** A hold that lasts longer than a hold was checked out, in another tab or earlier. */
const toleranceMs = 2_000;

export interface OwnOrdersOptions {
  /** Id of the show. */
  show: string;
  fetch: typeof fetch;
  headers: () => Record<string, string>;
  onChange: () => void;
}

/** A seat that the user holds or has booked. `leftMs`: until the hold ends. */
export interface OwnSeat {
  seat: Seat;
  leftMs: number;
}

/** The user's orders of a show: their seats are held until they are paid, so the page treats them apart from other holds. */
export class OwnOrders {
  readonly #options: OwnOrdersOptions;
  #orders: readonly OrderReply[] = [];
  #orderedIds: ReadonlySet<string> = new Set();
  /** The user whose orders these are. */
  #userId: string | undefined;
  #isReading = false;
  /** The seats that the last read was for. */
  #readFor = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OwnOrdersOptions) {
    this.#options = options;
  }

  /** Those that still matter, the newest first. */
  get shown(): readonly OrderReply[] {
    return this.#orders.filter(({ state }) => !endedStates.has(state));
  }

  /** The unfinished order that has the seat. */
  orderOf(seatId: string): OrderReply | undefined {
    if (!this.#orderedIds.has(seatId)) return undefined;
    return this.#orders.find(
      ({ state, seats }) => unfinishedStates.has(state) && seats.some(({ id }) => id === seatId),
    );
  }

  /** An order that was made by this page. */
  add(order: OrderReply): void {
    this.#take([order, ...this.#orders.filter(({ id }) => id !== order.id)]);
  }

  /** Reads the orders again if these seats of the user cannot be explained by those that are known. */
  explain(userId: string, seats: readonly OwnSeat[], holdMs: number): void {
    if (userId !== this.#userId) this.#forget();
    const odd = this.#userId === userId ? seats.filter((each) => this.#isOdd(each, holdMs)) : seats;
    this.#userId = userId;
    const heldIds = new Set(seats.flatMap(({ seat }) => (seat.status === SeatStatus.held ? seat.id : [])));
    const goneIds = [...this.#orderedIds].filter((id) => !heldIds.has(id));
    const reason = [...odd.map(({ seat: { id, status } }) => `${id}:${status}`), ...goneIds].join();
    const isNew = reason !== this.#readFor;
    this.#readFor = reason;
    if (isNew && reason !== '') void this.read();
    // Redis decides before the ledger does.
    else if (goneIds.length > 0) this.#readIn(againMs);
  }

  async read(): Promise<void> {
    if (this.#isReading) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isReading = true;
    const { show, fetch: fetcher, headers } = this.#options;
    const path = `/api/shows/${encodeURIComponent(show)}/orders`;
    const result = await callApi<OrderList>(fetcher, path, { headers: headers() });
    this.#isReading = false;
    if ('body' in result) this.#take(result.body.orders);
    else if (result.error.retryable) this.#readIn(result.retryAfterMs ?? retryMs);
  }

  #isOdd({ seat: { id, status }, leftMs }: OwnSeat, holdMs: number): boolean {
    if (status === SeatStatus.held) return !this.#orderedIds.has(id) && leftMs > holdMs + toleranceMs;
    return !this.#orders.some(({ state, seats }) => state === 'issued' && seats.some((each) => each.id === id));
  }

  #forget(): void {
    this.#orders = [];
    this.#orderedIds = new Set();
    this.#readFor = '';
  }

  #readIn(ms: number): void {
    this.#timer ??= setTimeout(() => void this.read(), ms);
  }

  #take(orders: readonly OrderReply[]): void {
    this.#orders = orders;
    const pending = orders.filter(({ state }) => unfinishedStates.has(state));
    this.#orderedIds = new Set(pending.flatMap(({ seats }) => seats.map(({ id }) => id)));
    this.#options.onChange();
  }
}
