import type { Logger } from 'pino';
import { orderMachine } from '../../machines/order.ts';
import { chartDefinition } from '../charts/chart-definition.ts';
import type { OrderActor, OrderActors, OrderActorsWatcher } from '../orders/order-actors.ts';
import { ActorWatch } from './actor-watch.ts';
import { orderProjection, shownOrderId } from './projection.ts';
import { serverSentEvent } from './seat-watches.ts';
import type { Viewer } from './viewer.ts';

type OrderViewer = Pick<Viewer, 'send' | 'isGone' | 'drained'>;

interface WatchedOrder {
  watch: ActorWatch;
  order: { show: string; seatIds: readonly string[] };
  readonly viewers: Set<OrderViewer>;
}

/** Whether a viewer wants to see an order with these seats. */
export type OrderFilter = (order: WatchedOrder['order']) => boolean;

interface OrderWatchesOptions {
  actors: Pick<OrderActors, 'latest' | 'watcher'>;
  logger: Logger;
  maxOrders: number;
}

const definition = chartDefinition(orderMachine);
const machineId = (orderId: string): string => `order-${shownOrderId(orderId)}`;

/** The orders that a process has shown last, for the viewers of all shows. Without viewers no actor is observed. */
export class OrderWatches implements OrderActorsWatcher {
  readonly #options: OrderWatchesOptions;
  /** By id, the one that started longest ago first. */
  readonly #orders = new Map<string, WatchedOrder>();
  readonly #viewers = new Map<OrderViewer, OrderFilter>();

  constructor(options: OrderWatchesOptions) {
    this.#options = options;
  }

  /** Sends the orders that the viewer wants, then their live events until it leaves. */
  async join(viewer: OrderViewer, isWanted: OrderFilter): Promise<void> {
    if (this.#viewers.size === 0) this.#begin();
    this.#viewers.set(viewer, isWanted);
    for (const watched of [...this.#orders.values()]) {
      if (viewer.isGone) return;
      this.#join(watched, viewer);
      await viewer.drained();
    }
  }

  leave(viewer: OrderViewer): void {
    if (!this.#viewers.delete(viewer)) return;
    for (const { viewers } of this.#orders.values()) viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#options.actors.watcher = undefined;
    for (const { watch } of this.#orders.values()) watch.stop();
    this.#orders.clear();
  }

  started(actor: OrderActor): void {
    const watched = this.#watch(actor);
    for (const viewer of this.#viewers.keys()) this.#join(watched, viewer);
  }

  stopped(orderId: string): void {
    const watched = this.#orders.get(orderId);
    if (!watched) return;
    watched.watch.stop();
    this.#orders.delete(orderId);
    const text = serverSentEvent({ type: 'order-dropped', order: machineId(orderId) });
    for (const viewer of watched.viewers) viewer.send(text);
  }

  #begin(): void {
    const { actors, maxOrders } = this.#options;
    actors.watcher = this;
    const latest = [...actors.latest()].slice(0, maxOrders).reverse();
    for (const actor of latest) this.#watch(actor);
  }

  /** In place of an earlier actor of the order. */
  #watch(actor: OrderActor): WatchedOrder {
    const { id, show, seatIds } = actor.getSnapshot().context.order;
    this.#orders.get(id)?.watch.stop();
    this.#orders.delete(id);
    const viewers = new Set<OrderViewer>();
    const watch = new ActorWatch({
      id: machineId(id),
      definition,
      snapshot: () => actor.getSnapshot(),
      projection: orderProjection,
      send: (message) => {
        const text = serverSentEvent(message); // serialised once for all viewers
        for (const viewer of viewers) viewer.send(text);
      },
      onError: (err) => this.#options.logger.error({ err, orderId: id }, 'The inspector failed; the order goes on'),
    });
    watch.start(actor);
    const watched = { watch, order: { show, seatIds }, viewers };
    this.#orders.set(id, watched);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > this.#options.maxOrders && oldest !== undefined) this.stopped(oldest);
    return watched;
  }

  #join({ watch, order, viewers }: WatchedOrder, viewer: OrderViewer): void {
    if (viewers.has(viewer) || !this.#viewers.get(viewer)?.(order)) return;
    viewers.add(viewer);
    viewer.send(watch.soFar.map(serverSentEvent).join(''));
  }
}
