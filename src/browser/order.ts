import type { OrderReply } from '../protocol/order.ts';
import type { SessionReply } from '../protocol/session.ts';
import { Announcer } from './announcer.ts';
import { type ApiFailure, type ApiResult, callApi, postJson } from './api-call.ts';
import { element, setText, unpackDataBlocks } from './dom.ts';
import { MessageList } from './message-list.ts';
import { OrderView } from './order/order-view.ts';
import { OrderWatch } from './order/order-watch.ts';
import { msUntilNextSecond, ServerClock } from './server-clock.ts';

/** `fetch` must be called as a method of the window. */
const fetcher: typeof fetch = (...request) => fetch(...request);

/** Sessions last for hours. */
const renewSessionMs = 3_600_000;

unpackDataBlocks();
openOrder(decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? ''));

function openOrder(id: string): void {
  const announcer = new Announcer();
  const messages = new MessageList();
  const view = new OrderView(announcer);
  const clock = new ServerClock(() => performance.now());
  const trouble = element('order-trouble', HTMLElement);
  const dialog = element('cancel-dialog', HTMLDialogElement);
  let order: OrderReply | undefined;
  let isBusy = false;
  let nextTick: ReturnType<typeof setTimeout> | undefined;

  const watch = new OrderWatch({
    id,
    fetch: fetcher,
    monotonicMs: () => performance.now(),
    isHidden: () => document.hidden,
    msLeft,
    onOrder: take,
    onTrouble: showTrouble,
    onUnknown: () => {
      trouble.hidden = true;
      element('order-loading', HTMLElement).hidden = true;
      element('order', HTMLElement).hidden = true;
      element('no-order', HTMLElement).hidden = false;
    },
  });

  function msLeft({ pay_until: until }: OrderReply): number {
    return clock.msUntil(until);
  }

  function take(next: OrderReply, roundTripMs: number): void {
    const isFirst = order === undefined;
    clock.sample(next.server_time, roundTripMs);
    order = next;
    trouble.hidden = true;
    render();
    if (isFirst) void keepSession();
  }

  function render(): void {
    if (!order) return;
    view.render({ order, msLeft: msLeft(order), isBusy });
    tick();
  }

  /** No animation frame: a page in the background has none, but must announce the time. */
  function tick(): void {
    clearTimeout(nextTick);
    if (!order) return;
    const leftMs = msLeft(order);
    view.renderTime(leftMs);
    const delayMs = msUntilNextSecond(leftMs);
    if (delayMs === undefined) return;
    // The words change at the end of the time.
    nextTick = setTimeout(delayMs >= leftMs ? render : tick, delayMs);
  }

  function showTrouble({ error }: ApiFailure): void {
    trouble.hidden = false;
    const text = order
      ? 'This page may be out of date: the order cannot be read at the moment. Nothing is lost. Trying again…'
      : 'Your order cannot be read at the moment. Nothing is lost. Trying again…';
    setText(trouble, `${text} (${error.message.replace(/\.$/, '')})`);
  }

  /** A user who returns for a ticket needs the session of the purchase. */
  async function keepSession(): Promise<void> {
    const result = await callApi<SessionReply>(fetcher, '/api/session', { method: 'POST' });
    setTimeout(() => void keepSession(), renewSessionMs);
    if (!('body' in result) || result.body.expires_at === undefined) return;
    const until = new Date(result.body.expires_at * 1000);
    const text = until.toLocaleString(undefined, {
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      hour: '2-digit',
      minute: '2-digit',
    });
    setText(
      element('kept-until', HTMLElement),
      `This page opens in this browser only, until ${text}. Each visit extends it.`,
    );
  }

  /** `act` is a command that is safe to repeat. */
  async function command(
    act: () => Promise<ApiResult<OrderReply>>,
    whatFailed: string,
  ): Promise<OrderReply | undefined> {
    if (isBusy) return undefined;
    isBusy = true;
    render();
    const sentAtMs = performance.now();
    const result = await act();
    isBusy = false;
    if ('body' in result) {
      watch.take(result.body, performance.now() - sentAtMs);
      return result.body;
    }
    const { error } = result;
    const text = `${whatFailed} ${error.message.replace(/\.$/, '')}.`;
    messages.add(text, 'error', { topic: 'command' });
    announcer.announce(text, true);
    render();
    watch.refresh();
    return undefined;
  }

  /** The same order again: a payment after one that failed. */
  async function pay(): Promise<void> {
    if (!order) return;
    const { show, seats } = order;
    const body = { seats: seats.map(({ id, ticket_type }) => ({ id, ticket_type })) };
    const path = `/api/shows/${encodeURIComponent(show)}/orders`;
    const paying = await command(
      () => callApi<OrderReply>(fetcher, path, postJson(body)),
      'The payment could not be started.',
    );
    if (paying?.pay_url !== undefined) location.assign(paying.pay_url);
  }

  async function cancel(): Promise<void> {
    dialog.close();
    const path = `/api/orders/${encodeURIComponent(id)}/cancel`;
    await command(() => callApi<OrderReply>(fetcher, path, postJson({})), 'The order was not cancelled.');
  }

  element('pay-btn', HTMLButtonElement).addEventListener('click', () => void pay());
  element('cancel-btn', HTMLButtonElement).addEventListener('click', () => {
    if (!isBusy) dialog.showModal();
  });
  element('cancel-yes', HTMLButtonElement).addEventListener('click', () => void cancel());
  element('cancel-no', HTMLButtonElement).addEventListener('click', () => dialog.close());
  element('print-btn', HTMLButtonElement).addEventListener('click', () => print());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) watch.refresh();
  });
  // The user has come back from the page of the payment.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) watch.refresh();
  });
  addEventListener('online', () => watch.refresh());
  watch.refresh();
}
