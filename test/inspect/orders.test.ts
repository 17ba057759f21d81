import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type OrderFilter, OrderWatches } from '../../src/inspect/order-watches.ts';
import type { Order } from '../../src/ledger/order.ts';
import { OrderActors } from '../../src/orders/order-actors.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import type { OrderState } from '../../src/protocol/order-state.ts';
import { pricedShow, sandboxCheckout } from '../support/checkout.ts';
import { patience } from '../support/patience.ts';
import { silent } from '../support/silent.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { joined, ofType, openFeed, startInspected } from './inspect-fixture.ts';

const user_id = 'user_0123456789abcdef';

async function startShop() {
  const checkout = sandboxCheckout();
  const venue = await startInspected({ shows: [pricedShow('gala'), pricedShow('other')], checkout });
  const post = async (url: string, payload: object | string, headers = {}) =>
    venue.app.inject({ method: 'POST', url, payload, headers });
  return {
    ...venue,
    checkout,
    async order(...seats: string[]): Promise<OrderReply> {
      await post('/api/shows/gala/holds', { seats, user_id });
      const reply = await post('/api/shows/gala/orders', { seats: seats.map((id) => ({ id })), user_id });
      return reply.json();
    },
    async pay({ id, pay_url = '' }: OrderReply): Promise<OrderReply> {
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      await post(pay_url, 'card=4242424242424242', form);
      return (await venue.app.inject({ url: `/api/orders/${id}?user_id=${user_id}` })).json();
    },
  };
}

const machineOf = ({ id }: OrderReply) => `order-${id.slice(0, 6)}`;

describe('[R920] the feed has the orders of its seats', () => {
  test('the existing ones, then each from its first transition to its last', async () => {
    const { url, order, pay } = await startShop();
    const first = await order('A1', 'A2');
    const feed = await joined(await openFeed(url, 'all', { show: 'gala' }));
    const [known] = ofType(feed, '@xstate.actor', machineOf(first));
    expect(known?.snapshot).toMatchObject({
      value: 'paying',
      context: { order: { seatIds: ['A1', 'A2'], amountMinor: 9_000, currency: 'EUR', state: 'paying' } },
    });
    const second = await order('A3');
    await vi.waitFor(() => expect(ofType(feed, '@xstate.actor', machineOf(second))).toHaveLength(1), patience);
    await pay(first);
    const values = () => ofType(feed, '@xstate.snapshot', machineOf(first)).map(({ snapshot }) => snapshot);
    await vi.waitFor(() => expect(values().at(-1)).toMatchObject({ value: 'issued' }), patience);
    const events = ofType(feed, '@xstate.event', machineOf(first)).map(({ event }) => event.type);
    expect(events).toEqual(expect.arrayContaining(['AUTHORISED', 'BOOKING', 'ISSUED']));
    const taken = ofType(feed, 'transition', machineOf(first)).flatMap(({ classes }) => classes);
    expect(taken.some((name) => name.includes('booking'))).toBe(true);
  });

  test('of named seats only the orders that have one of them, and none of another show', async () => {
    const { url, order } = await startShop();
    const wanted = await order('A1', 'A2');
    const other = await order('A3');
    const [some, elsewhere] = await Promise.all([
      openFeed(url, 'A2', { show: 'gala' }).then(joined),
      openFeed(url, 'all', { show: 'other' }).then(joined),
    ]);
    const later = await order('A4');
    const also = await order('B1');
    for (const feed of [some, elsewhere]) {
      for (const each of [other, later, also]) expect(ofType(feed, '@xstate.actor', machineOf(each))).toEqual([]);
    }
    expect(ofType(some, '@xstate.actor', machineOf(wanted))).toHaveLength(1);
    expect(ofType(elsewhere, '@xstate.actor', machineOf(wanted))).toEqual([]);
  });

  test('[G8] [R921] without the data that would allow to read or pay an order, or to enter', async () => {
    const { url, order, pay, checkout } = await startShop();
    const feed = await joined(await openFeed(url, 'all', { show: 'gala' }));
    const created = await order('A1');
    const paid = await pay(created);
    await vi.waitFor(() => expect(ofType(feed, '@xstate.actor', machineOf(created))).toHaveLength(1), patience);
    await vi.waitFor(
      () =>
        expect(ofType(feed, '@xstate.snapshot', machineOf(created)).at(-1)?.snapshot).toMatchObject({
          value: 'issued',
        }),
      patience,
    );
    const text = JSON.stringify(feed.messages);
    const { payments = [], tickets = [] } = (await checkout.ledger.order(created.id)) ?? {};
    const secrets = [created.id, user_id, payments[0]?.reference, tickets[0]?.id, paid.tickets?.[0]?.code];
    expect(secrets.every((secret) => secret !== undefined && secret.length > 8)).toBe(true);
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).toContain('user_…def');
  });
});

describe('[R922] orders are observed while there is a viewer', () => {
  function startWatches(maxOrders = 3) {
    const clock = new VirtualClock();
    const actors = new OrderActors({ clock, nowMs: () => clock.nowMs(), advance: () => {} });
    onTestFinished(() => actors.stop());
    const show = (id: string, state: OrderState, version: number) =>
      actors.show({
        ...{ id, show: 'gala', userId: 'alice', currency: 'EUR', amountMinor: 4_500, state, version },
        ...{ seats: [{ seatId: id, ticketType: 'adult', priceMinor: 4_500 }], payments: [], tickets: [] },
        ...{ payUntilMs: 0, createdAtMs: 0, changedAtMs: 0, dueAtMs: undefined, reason: undefined, stuckIn: undefined },
      } satisfies Order);
    const watches = new OrderWatches({ actors, logger: silent, maxOrders });
    const join = async (isWanted: OrderFilter = () => true) => {
      const seen: string[] = [];
      const viewer = {
        isGone: false,
        drained: async () => {},
        send: (text: string) => {
          for (const [, json = ''] of text.matchAll(/data: (.*)\n\n/g)) {
            const { type, sessionId, order, snapshot } = JSON.parse(json);
            if (type !== '@xstate.event')
              seen.push(`${type} ${sessionId ?? order}${snapshot ? ` ${snapshot.value}` : ''}`);
          }
        },
      };
      await watches.join(viewer, isWanted);
      return { seen, leave: () => watches.leave(viewer) };
    };
    return { actors, show, join };
  }

  test('from the first viewer to the last', async () => {
    const { actors, show, join } = startWatches();
    show('A1', 'open', 1);
    expect(actors.watcher).toBeUndefined();
    const [one, two] = [await join(), await join()];
    one.leave();
    expect(actors.watcher).toBeDefined();
    show('A1', 'paying', 2);
    expect(one.seen).toEqual(['@xstate.actor order-A1 open']);
    expect(two.seen.at(-1)).toBe('@xstate.snapshot order-A1 paying');
    two.leave();
    expect(actors.watcher).toBeUndefined();
    expect((await join()).seen).toEqual(['@xstate.actor order-A1 paying']);
  });

  test('the latest ones, in a bounded number: one that is no longer sent is named', async () => {
    const { show, join } = startWatches(2);
    for (const id of ['A1', 'A2', 'A3']) show(id, 'open', 1);
    const { seen } = await join();
    expect(seen).toEqual(['@xstate.actor order-A2 open', '@xstate.actor order-A3 open']);
    show('A4', 'open', 1);
    expect(seen.slice(2)).toEqual(['order-dropped order-A2', '@xstate.actor order-A4 open']);
    show('A2', 'paying', 2);
    expect(seen).toHaveLength(4);
  });

  test('an order whose states another process has skipped is sent again', async () => {
    const { show, join } = startWatches();
    show('A1', 'open', 1);
    const { seen } = await join();
    show('A1', 'issued', 6);
    expect(seen).toEqual(['@xstate.actor order-A1 open', '@xstate.actor order-A1 issued']);
    show('A1', 'refunding', 7);
    expect(seen.at(-1)).toBe('@xstate.snapshot order-A1 refunding');
  });
});
