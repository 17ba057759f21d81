import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import {
  OrderChangedError,
  SeatAlreadySoldError,
  SeatInOrderError,
  UnknownOrderError,
} from '../../src/ledger/ledger-errors.ts';
import type { NewOrder, Order, PaymentFact } from '../../src/ledger/order.ts';
import { paymentState } from '../../src/ledger/order.ts';

const startMs = 1_800_000_000_000;

/** A show that no other test has sold seats of. */
export const newShow = () => `show-${randomUUID().slice(0, 8)}`;

export function newOrder(show: string, overrides: Partial<NewOrder> & { seatIds?: string[] } = {}): NewOrder {
  const { seatIds = ['A1', 'A2'], ...rest } = overrides;
  return {
    id: randomUUID(),
    show,
    userId: 'ann',
    currency: 'EUR',
    seats: seatIds.map((seatId, i) => ({ seatId, ticketType: 'adult', priceMinor: 4500 + i })),
    payUntilMs: startMs + 600_000,
    dueAtMs: startMs + 600_000,
    createdAtMs: startMs,
    ...rest,
  };
}

const begun = (attempt = 1): PaymentFact => ({
  kind: 'begun',
  attempt,
  atMs: startMs + 1,
  provider: 'sandbox',
  amountMinor: 9001,
});
const noticeOf = (id: string) => ({ provider: 'sandbox', id, type: 'payment.captured', receivedAtMs: startMs });
const to = (state: Exclude<Order['state'], 'issued'>) => ({ state, dueAtMs: undefined, atMs: startMs + 5 });
const ticketsOf = ({ seats }: NewOrder | Order) => seats.map(({ seatId }) => ({ id: randomUUID(), seatId }));
const issueOf = (order: NewOrder | Order) => ({ tickets: ticketsOf(order), dueAtMs: undefined, atMs: startMs + 9 });
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The contract of every ledger, about orders, payments and tickets. */
export function ordersContract(ledgerOf: () => Ledger): void {
  test('[R700] an order is created once, with its seats in order and the sum of their prices', async () => {
    const [ledger, order] = [ledgerOf(), newOrder(newShow())];
    const created = await ledger.createOrder(order);
    const { seats, ...given } = order;
    expect(created).toMatchObject({ ...given, seats, state: 'open', version: 1, amountMinor: 9001, payments: [] });
    expect(await ledger.createOrder(order)).toEqual(created);
    expect(await ledger.order(order.id)).toEqual(created);
    expect(await ledger.order(randomUUID())).toBeUndefined();
    expect(await ledger.orders({ show: order.show, limit: 10 })).toEqual([created]);
    await expect(ledger.createOrder({ ...order, userId: 'eve' })).rejects.toThrow('other content');
    await expect(ledger.createOrder(newOrder(order.show, { seatIds: [] }))).rejects.toThrow('must have seats');
  });

  test('[R701] a user has at most one unfinished order for a seat, also when two are created at once', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const orders = [newOrder(show), newOrder(show, { seatIds: ['A2', 'A3'] })];
    const results = await Promise.all(orders.map((order) => failure(ledger.createOrder(order))));
    const refused = results.filter((result) => result !== undefined);
    expect(refused).toHaveLength(1);
    const winner = orders[results.indexOf(undefined)];
    expect(refused[0]).toBeInstanceOf(SeatInOrderError);
    expect(refused[0]).toMatchObject({ orderId: winner?.id });
    await ledger.createOrder(newOrder(show, { userId: 'bob' })); // another user
    await ledger.createOrder(newOrder(newShow())); // another show
    await ledger.change((await ledger.order(winner?.id ?? '')) as Order, to('lapsed'));
    const next = await ledger.createOrder(newOrder(show));
    const cancelled = await ledger.change(next, to('cancelled'));
    const later = await ledger.createOrder(newOrder(show));
    await expect(ledger.change(cancelled, to('paying'))).rejects.toThrow(SeatInOrderError);
    expect((await ledger.order(next.id))?.state).toBe('cancelled');
    expect(later.state).toBe('open');
  });

  test('[R702] of changes to the same version exactly one wins; the others get the order as it is then', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    const states = ['paying', 'lapsed', 'cancelled', 'paying'] as const;
    const results = await Promise.allSettled(states.map((state) => ledger.change(order, to(state))));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won.map(({ value }) => value.version)).toEqual([2]);
    const now = await ledger.order(order.id);
    expect(now).toEqual(won[0]?.value);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toBeInstanceOf(OrderChangedError);
      expect((result.reason as OrderChangedError).current).toEqual(now);
    }
  });

  test('[R702] a change keeps the state and the reason that it does not give', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    const asked = await ledger.change(order, { ...to('needs_person'), reason: 'the provider is silent' });
    const kept = await ledger.change(asked, { dueAtMs: startMs + 99, atMs: startMs + 6 });
    expect(kept).toMatchObject({
      state: 'needs_person',
      reason: 'the provider is silent',
      dueAtMs: startMs + 99,
      changedAtMs: startMs + 6,
      version: 3,
    });
  });

  test('[R703] money facts are recorded whatever the state of the order, and raise its version only if they are new', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    const paying = await ledger.change(order, { ...to('paying'), facts: [begun()] });
    expect(paying.payments).toMatchObject([
      { attempt: 1, provider: 'sandbox', amountMinor: 9001, begunAtMs: startMs + 1 },
    ]);
    await ledger.change(paying, to('lapsed'));
    const captured: PaymentFact = {
      kind: 'captured',
      attempt: 1,
      atMs: startMs + 7,
      totalMinor: 9001,
      reference: 'pay_7',
    };
    const { order: paid, isNew } = await ledger.recordPayment(order.id, [captured]);
    expect(isNew).toBe(true);
    expect(paid).toMatchObject({ state: 'lapsed', version: 4 });
    expect(paid.payments.map(paymentState)).toEqual(['captured']);
    expect(await ledger.recordPayment(order.id, [captured, begun()])).toEqual({ order: paid, isNew: false });
    expect(await ledger.orderOfPayment('sandbox', 'pay_7')).toEqual(paid);
    expect(await ledger.orderOfPayment('stripe', 'pay_7')).toBeUndefined();
    // A decision without this fact about the money has no effect.
    await expect(ledger.change({ ...paid, version: 3 }, to('cancelled'))).rejects.toThrow(OrderChangedError);
    await expect(ledger.recordPayment(randomUUID(), [begun()])).rejects.toThrow(UnknownOrderError);
  });

  test('[R703] a fact that contradicts a known one is refused and changes nothing', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    const { order: known } = await ledger.recordPayment(order.id, [{ ...begun(), reference: 'pay_1' }]);
    const wrong: PaymentFact[] = [
      { kind: 'authorised', attempt: 2, atMs: startMs },
      { kind: 'authorised', attempt: 1, atMs: startMs, reference: 'pay_2' },
      { ...begun(), provider: 'stripe' } as PaymentFact,
    ];
    for (const fact of wrong) {
      await expect(ledger.recordPayment(order.id, [fact], noticeOf(randomUUID()))).rejects.toThrow(RangeError);
    }
    expect(await ledger.order(order.id)).toEqual(known);
  });

  test('[R704] [G11] a notice takes effect once, however often and at how many processes it arrives', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    await ledger.recordPayment(order.id, [begun()]);
    const notice = noticeOf(randomUUID());
    const fact: PaymentFact = { kind: 'refunded', attempt: 1, atMs: startMs + 8, totalMinor: 500 };
    const results = await Promise.all([1, 2, 3].map(() => ledger.recordPayment(order.id, [fact], notice)));
    expect(results.filter(({ isNew }) => isNew)).toHaveLength(1);
    const unknown = { ...notice, id: randomUUID() };
    await expect(ledger.recordPayment(randomUUID(), [fact], unknown)).rejects.toThrow(UnknownOrderError);
    // It was not recorded: its next delivery takes effect.
    const later = await ledger.recordPayment(order.id, [{ ...fact, totalMinor: 700 }], unknown);
    expect(later.isNew).toBe(true);
    expect(later.order.payments).toMatchObject([{ refundedMinor: 700 }]);
    // A new notice without new facts is recorded as well.
    expect(await ledger.recordPayment(order.id, [fact], noticeOf(randomUUID()))).toEqual({ ...later, isNew: true });
  });

  test('[R705] [G12] an order is issued with all its tickets or none, and a seat is in one live ticket', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const first = await ledger.createOrder(newOrder(show, { seatIds: ['A1', 'A2'] }));
    const second = await ledger.createOrder(newOrder(show, { seatIds: ['A2', 'A3'], userId: 'bob' }));
    const results = await Promise.all([first, second].map((order) => failure(ledger.issue(order, issueOf(order)))));
    const loser = results[0] === undefined ? second : first;
    const winner = loser === first ? second : first;
    const refusal = results.find((result) => result !== undefined);
    expect(refusal).toBeInstanceOf(SeatAlreadySoldError);
    expect(refusal).toMatchObject({ seatIds: ['A2'] });
    const issued = await ledger.order(winner.id);
    expect(issued).toMatchObject({ state: 'issued', version: 2 });
    expect(issued?.tickets.map(({ seatId }) => seatId).sort()).toEqual(winner.seats.map(({ seatId }) => seatId));
    expect(await ledger.order(loser.id)).toEqual(loser);
    expect(await ledger.liveTicket(show, loser === second ? 'A3' : 'A1')).toBeUndefined();
    const ticket = await ledger.liveTicket(show, 'A2');
    expect(ticket).toMatchObject({ orderId: winner.id, show, seatId: 'A2', voidedAtMs: undefined });
    expect(await ledger.ticket(ticket?.id ?? '')).toEqual(ticket);
    await expect(ledger.issue(first, issueOf(second))).rejects.toThrow();
  });

  test('[R705] an order is not issued at another version, nor without a ticket for each seat', async () => {
    const ledger = ledgerOf();
    const order = await ledger.createOrder(newOrder(newShow()));
    const lapsed = await ledger.change(order, to('lapsed'));
    await expect(ledger.issue(order, issueOf(order))).rejects.toThrow(OrderChangedError);
    await expect(ledger.issue(lapsed, { ...issueOf(order), tickets: ticketsOf(order).slice(1) })).rejects.toThrow(
      'one ticket for each of its seats',
    );
    await expect(ledger.issue({ ...order, id: randomUUID() }, issueOf(order))).rejects.toThrow(UnknownOrderError);
    expect((await ledger.order(order.id))?.tickets).toEqual([]);
  });

  test('[R706] a void ticket frees its seat for another order, and stays on record', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const order = await ledger.createOrder(newOrder(show));
    const issued = await ledger.issue(order, issueOf(order));
    const refunding = await ledger.change(issued, { ...to('refunding'), voidTickets: true });
    expect(refunding.tickets.map(({ voidedAtMs }) => voidedAtMs)).toEqual([startMs + 5, startMs + 5]);
    const next = await ledger.createOrder(newOrder(show, { userId: 'bob' }));
    const again = await ledger.issue(next, issueOf(next));
    expect(again.state).toBe('issued');
    expect((await ledger.liveTicket(show, 'A1'))?.orderId).toBe(next.id);
  });

  test('[R707] overdue orders are claimed by one process each, and again after the lease', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const dueOf = (place: number) => startMs - 1_000_000_000 - place; // before those of all other tests
    const created: Order[] = [];
    for (let place = 0; place < 6; place++) {
      const order = newOrder(show, { seatIds: [`C${place + 1}`], dueAtMs: dueOf(place) });
      created.push(await ledger.createOrder(order));
    }
    const nowMs = dueOf(1);
    const claims = await Promise.all([ledger.claimDue(nowMs, 1_000, 3), ledger.claimDue(nowMs, 1_000, 3)]);
    const ids = claims.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const due = created.slice(1).map(({ id }) => id);
    expect([...ids, ...(await ledger.claimDue(nowMs, 1_000, 9)).map(({ id }) => id)].sort()).toEqual(due.sort());
    expect(await ledger.claimDue(nowMs + 999, 1_000, 9)).not.toContainEqual(expect.objectContaining({ id: due[0] }));
    const again = await ledger.claimDue(nowMs + 1_000, 1_000, 9);
    expect(again.map(({ id }) => id)).toEqual(expect.arrayContaining(due));
    // A claim is no change: the holder of a version may still use it.
    const [first] = created.slice(1);
    expect((await ledger.change(first as Order, to('lapsed'))).version).toBe(2);
    for (const { id } of created) {
      const order = await ledger.order(id);
      if (order?.dueAtMs !== undefined) await ledger.change(order, to('lapsed'));
    }
  });

  test('[R707] the longest overdue is claimed first', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const dues = [-2_000_000_002, -2_000_000_009, -2_000_000_005].map((offset) => startMs + offset);
    for (const [place, dueAtMs] of dues.entries()) {
      await ledger.createOrder(newOrder(show, { seatIds: [`D${place + 1}`], dueAtMs }));
    }
    const claimed = await ledger.claimDue(startMs - 2_000_000_000, 1, 2);
    expect(claimed.map(({ seats }) => seats[0]?.seatId)).toEqual(['D2', 'D3']);
    for (const order of await ledger.orders({ show, limit: 9 })) await ledger.change(order, to('lapsed'));
  });

  test('[R708] orders are listed by show, user and state, the newest first', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const made: Order[] = [];
    for (const [place, userId] of ['ann', 'bob', 'ann'].entries()) {
      const order = newOrder(show, { seatIds: [`E${place + 1}`], userId, createdAtMs: startMs + place });
      made.push(await ledger.createOrder(order));
    }
    const seatsOf = async (query: Parameters<Ledger['orders']>[0]) =>
      (await ledger.orders({ show, ...query })).map(({ seats }) => seats[0]?.seatId);
    expect(await seatsOf({ limit: 9 })).toEqual(['E3', 'E2', 'E1']);
    expect(await seatsOf({ limit: 2 })).toEqual(['E3', 'E2']);
    expect(await seatsOf({ userId: 'ann', limit: 9 })).toEqual(['E3', 'E1']);
    await ledger.change(made[2] as Order, to('lapsed'));
    expect(await seatsOf({ state: 'lapsed', limit: 9 })).toEqual(['E3']);
    expect(await seatsOf({ state: 'open', limit: 9 })).toEqual(['E2', 'E1']);
  });

  test('[R709] the totals count orders and the money that was kept, by state and show', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const paid = await ledger.createOrder(newOrder(show));
    await ledger.createOrder(newOrder(show, { userId: 'bob' }));
    await ledger.recordPayment(paid.id, [begun(), { kind: 'captured', attempt: 1, atMs: startMs, totalMinor: 9001 }]);
    await ledger.recordPayment(paid.id, [{ kind: 'refunded', attempt: 1, atMs: startMs, totalMinor: 1 }]);
    await ledger.recordPayment(paid.id, [begun(2), { kind: 'captured', attempt: 2, atMs: startMs, totalMinor: 1000 }]);
    const totals = (await ledger.totals()).filter((total) => total.show === show);
    expect(totals).toEqual([{ state: 'open', show, currency: 'EUR', orders: 2, paidMinor: 10_000 }]);
  });

  test('[R915] an order keeps the state in which it came to need a person, until it continues', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    let order = await ledger.createOrder(newOrder(show));
    const change = async (state: Exclude<Order['state'], 'issued'>) => {
      order = await ledger.change(order, to(state));
      expect((await ledger.order(order.id))?.stuckIn).toBe(order.stuckIn);
      return order.stuckIn;
    };
    expect(order.stuckIn).toBeUndefined();
    expect(await change('paying')).toBeUndefined();
    expect(await change('needs_person')).toBe('paying');
    expect(await change('needs_person')).toBe('paying');
    expect(await change('paying')).toBeUndefined();
    expect(await change('booking')).toBeUndefined();
    expect(await change('needs_person')).toBe('booking');
    expect(await change('refunding')).toBe('booking');
    expect(await change('needs_person')).toBe('refunding');
    expect(await change('refunding')).toBe('refunding');
    expect(await change('refunded')).toBe('refunding');
  });

  test('[R915] [G12] an order without all its tickets is not changed to issued; one that has them is', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const order = await ledger.createOrder(newOrder(show));
    const issued = { state: 'issued', dueAtMs: undefined, atMs: startMs } as const;
    expect(await failure(ledger.change(order, issued))).toMatchObject({
      message: expect.stringContaining('one ticket'),
    });
    expect((await ledger.order(order.id))?.state).toBe('open');
    const stuck = await ledger.change(await ledger.issue(order, issueOf(order)), to('needs_person'));
    const again = await ledger.change(stuck, issued);
    expect(again).toMatchObject({ state: 'issued', stuckIn: undefined });
    expect(again.tickets).toEqual(stuck.tickets);
    const revoked = await ledger.change(again, { ...to('needs_person'), voidTickets: true });
    expect(await failure(ledger.change(revoked, issued))).toBeDefined();
  });

  test('[R913] the totals of payments count each once, by provider and by what its facts add up to', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const provider = `provider of ${show}`;
    const atMs = startMs;
    const histories: PaymentFact[][] = [
      [],
      [{ kind: 'authorised', attempt: 1, atMs }],
      [
        { kind: 'authorised', attempt: 1, atMs },
        { kind: 'cancelled', attempt: 1, atMs },
      ],
      [{ kind: 'captured', attempt: 1, atMs, totalMinor: 9000 }],
      [
        { kind: 'captured', attempt: 1, atMs, totalMinor: 9000 },
        { kind: 'refunded', attempt: 1, atMs, totalMinor: 1 },
      ],
      [
        { kind: 'captured', attempt: 1, atMs, totalMinor: 9000 },
        { kind: 'refunded', attempt: 1, atMs, totalMinor: 9000 },
      ],
      [{ kind: 'failed', attempt: 1, atMs, failure: 'declined' }],
      [
        { kind: 'failed', attempt: 1, atMs, failure: 'declined' },
        { kind: 'captured', attempt: 1, atMs, totalMinor: 9000 },
      ],
    ];
    for (const [place, facts] of histories.entries()) {
      const { id } = await ledger.createOrder(newOrder(show, { userId: `user ${place}` }));
      await ledger.recordPayment(id, [{ kind: 'begun', attempt: 1, atMs, provider, amountMinor: 9000 }, ...facts]);
    }
    const totals = (await ledger.paymentTotals()).filter((total) => total.provider === provider);
    expect(Object.fromEntries(totals.map(({ state, payments }) => [state, payments]))).toEqual({
      begun: 1,
      authorised: 1,
      cancelled: 1,
      captured: 3,
      refunded: 1,
      failed: 1,
    });
  });
}
