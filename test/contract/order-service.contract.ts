import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { OrderChangedError } from '../../src/ledger/ledger-errors.ts';
import { type Order, paymentState } from '../../src/ledger/order.ts';
import { OrderClosedError, SeatsRefusedError } from '../../src/orders/order-errors.ts';
import { OrderSeats } from '../../src/orders/order-seats.ts';
import { present } from '../../src/process/present.ts';
import { Random } from '../simulation/random.ts';
import { price, twoProcesses } from './two-processes.ts';

const declined = '4000000000000002';
/** Longer than the time to pay, the hold after it and the retries. */
const muchLaterMs = 800_000;

/** The contract of checkout over a ledger. `ledgersOf`: two connections to the same one. `races`: how many are run. */
export function orderServiceContract(ledgersOf: () => readonly [Ledger, Ledger], races: number): void {
  test('[R1041] the message about a payment and the buyer who returns from it make no step twice at one process', async () => {
    const { counting, late } = countingCalls(ledgersOf());
    const shop = await twoProcesses(counting);
    for (const seatId of ['A1', 'A2', 'A3', 'A4', 'A5']) {
      const { id, pay } = await shop.checkout(`buyer of ${seatId}`, seatId);
      const message = shop.messageOf(await pay());
      const [, returned] = await Promise.all([
        shop.one.receive('sandbox', message),
        shop.one.advance(id, { mayAsk: true }),
      ]);
      expect(returned.state).toBe('issued');
    }
    expect(late.changes).toBe(0);
    expect(await shop.problems()).toEqual([]);
  });

  test('[R1084] an order that is paid at once is eight writes, and is read once', async () => {
    const { counting, calls } = countingCalls(ledgersOf());
    const shop = await twoProcesses(counting);
    const { id, pay } = await shop.checkout('ann', 'A1', 'A2');
    await shop.one.receive('sandbox', shop.messageOf(await pay()));
    const order = await shop.one.order(id);
    expect(order).toMatchObject({ state: 'issued', dueAtMs: undefined, payments: [{ capturedMinor: 2 * price }] });
    expect(calls).toEqual({ createOrder: 1, change: 5, recordPayment: 1, issue: 1, order: 1 });
  });

  describe('[R894] [G11] an order', () => {
    test('is paid, booked, issued and captured, and a repeated message changes nothing', async () => {
      const shop = await twoProcesses(ledgersOf());
      const { id, pay } = await shop.checkout('ann', 'A1', 'A2');
      const message = shop.messageOf(await pay());
      await Promise.all([shop.one, shop.two, shop.one].map((service) => service.receive('sandbox', message)));
      await shop.pass(30_000);
      const order = await shop.ledger.order(id);
      expect(order).toMatchObject({ state: 'issued', dueAtMs: undefined, payments: [{ capturedMinor: 2 * price }] });
      expect(order?.tickets.map(({ seatId }) => seatId).sort()).toEqual(['A1', 'A2']);
      await shop.two.receive('sandbox', message);
      expect(await shop.ledger.order(id)).toEqual(order);
      expect(await shop.seat('A1')).toMatchObject({ status: 2, held_by: 'ann' });
      expect(await shop.problems()).toEqual([]);
    });

    test('is found again by a repeated request, and paid by another attempt after a declined card', async () => {
      const shop = await twoProcesses(ledgersOf());
      const { id, pay } = await shop.checkout('ann', 'A1');
      const again = await shop.two.create(shop.orderOf('ann', ['A1']));
      expect(again.order.id).toBe(id);
      await expect(shop.two.create(shop.orderOf('ann', ['A1', 'A2']))).rejects.toThrow(OrderClosedError);
      await pay(declined);
      expect((await shop.two.advance(id, { mayAsk: true })).state).toBe('open');
      const { order, payUrl = '' } = await shop.one.create(shop.orderOf('ann', ['A1']));
      expect(order).toMatchObject({ id, state: 'paying', payments: [{ attempt: 1 }, { attempt: 2 }] });
      await shop.bank.pay(payUrl, '4242424242424242');
      expect((await shop.one.advance(id, { mayAsk: true })).state).toBe('issued');
      await shop.pass(30_000);
      expect(await shop.problems()).toEqual([]);
    });

    test('needs the holds of its user', async () => {
      const shop = await twoProcesses(ledgersOf());
      await shop.hold('bob', 'A1');
      await expect(shop.one.create(shop.orderOf('ann', ['A1']))).rejects.toThrow(SeatsRefusedError);
      expect(await shop.problems()).toEqual([]);
    });

    test('without a price is issued without a payment', async () => {
      const shop = await twoProcesses(ledgersOf());
      await shop.hold('ann', 'A1');
      const { order, payUrl } = await shop.one.create(shop.orderOf('ann', ['A1'], 0));
      expect([order.state, payUrl]).toEqual(['issued', undefined]);
      await shop.pass(30_000);
      expect(await shop.problems()).toEqual([]);
    });

    test('that is not paid lapses, and its seats are free; paid unseen in the last second, it is issued', async () => {
      const shop = await twoProcesses(ledgersOf());
      const unpaid = await shop.checkout('ann', 'A1');
      const unseen = await shop.checkout('bob', 'A2');
      await shop.pass(585_000);
      await unseen.pay();
      await shop.pass(muchLaterMs);
      expect((await shop.ledger.order(unpaid.id))?.state).toBe('lapsed');
      expect(await shop.seat('A1')).toMatchObject({ status: 0 });
      expect((await shop.ledger.order(unseen.id))?.state).toBe('issued');
      expect(await shop.problems()).toEqual([]);
    });

    test('that is cancelled releases its seats, and returns money that was paid unseen', async () => {
      const shop = await twoProcesses(ledgersOf());
      const [unpaid, paid] = [await shop.checkout('ann', 'A1'), await shop.checkout('bob', 'A2')];
      await paid.pay();
      for (const { id } of [unpaid, paid]) await shop.two.cancel(id);
      await shop.pass(30_000);
      const states = await Promise.all([unpaid, paid].map(async ({ id }) => (await shop.ledger.order(id))?.state));
      expect(states).toEqual(['cancelled', 'refunded']);
      expect((await shop.store.open()).seats.filter(({ status }) => status !== 0)).toEqual([]);
      expect(await shop.problems()).toEqual([]);
    });

    test('[R1098] that is not paid leaves a seat booked that its user has booked while there was no checkout', async () => {
      const shop = await twoProcesses(ledgersOf());
      const orders = [await shop.checkout('ann', 'A1'), await shop.checkout('bob', 'A2')];
      await shop.decide({ action: 'book', seatIds: ['A1'], userId: 'ann' });
      await shop.decide({ action: 'book', seatIds: ['A2'], userId: 'bob' });
      await shop.two.cancel(orders[1]?.id ?? '');
      await shop.pass(muchLaterMs);
      const states = await Promise.all(orders.map(async ({ id }) => (await shop.ledger.order(id))?.state));
      expect(states).toEqual(['lapsed', 'cancelled']);
      expect(await shop.seat('A1')).toMatchObject({ status: 2, held_by: 'ann' });
      expect(await shop.seat('A2')).toMatchObject({ status: 2, held_by: 'bob' });
    });

    test('[R1099] of a show that is taken off sale gets its money back', async () => {
      const shop = await twoProcesses(ledgersOf());
      const { id, reference } = await refunding(shop, Date.now(), 'A1');
      shop.remove();
      await shop.pass(30_000);
      expect((await shop.ledger.order(id))?.state).toBe('refunded');
      expect((await shop.bank.get(reference)).refundedMinor).toBe(price);
    });

    test('[R1099] gets its money back while the store is unavailable; its seats are free afterwards', async () => {
      const shop = await twoProcesses(ledgersOf());
      const { id, reference } = await refunding(shop, Date.now(), 'A1');
      const unavailable = vi.spyOn(OrderSeats.prototype, 'revoke').mockRejectedValue(new Error('no store'));
      onTestFinished(() => unavailable.mockRestore());
      await shop.pass(30_000);
      expect((await shop.ledger.order(id))?.state).toBe('refunding');
      expect((await shop.bank.get(reference)).refundedMinor).toBe(price);
      unavailable.mockRestore();
      await shop.pass(30_000);
      expect((await shop.ledger.order(id))?.state).toBe('refunded');
      expect(await shop.seat('A1')).toMatchObject({ status: 0 });
    });

    test('[R1100] without a price is issued only for seats that its user held, whatever else advances it', async () => {
      const [ledger, other] = ledgersOf();
      let beforeHold = async () => {};
      const shop = await twoProcesses([ledger, other]);
      const { hold } = OrderSeats.prototype;
      vi.spyOn(OrderSeats.prototype, 'hold').mockImplementation(async function (this: OrderSeats, ...args) {
        await beforeHold();
        return hold.apply(this, args);
      });
      onTestFinished(() => {
        vi.restoreAllMocks();
      });
      beforeHold = async () => {
        beforeHold = async () => {};
        await expect(shop.two.create(shop.orderOf('ann', ['A1'], 0))).rejects.toThrow(SeatsRefusedError);
      };
      await expect(shop.one.create(shop.orderOf('ann', ['A1'], 0))).rejects.toThrow(SeatsRefusedError);
      await shop.pass(muchLaterMs);
      expect(await shop.seat('A1')).toMatchObject({ status: 0 });
    });

    test('[R1101] that is refunded late frees no seat that its user has bought since', async () => {
      const shop = await twoProcesses(ledgersOf());
      const first = await refunding(shop, undefined, 'A1', 'A2');
      // The process that refunds has freed the seats, and goes on an hour later.
      await shop.decide({ action: 'revoke', seatIds: ['A1', 'A2'], userId: 'ann', orderId: 'of another process' });
      await shop.pass(30_000);
      const second = await shop.checkout('ann', 'A1');
      await shop.ledger.change(first, { dueAtMs: Date.now(), atMs: Date.now() });
      await shop.pass(30_000);
      expect((await shop.ledger.order(first.id))?.state).toBe('refunded');
      expect(await shop.seat('A1')).toMatchObject({ status: 1, held_by: 'ann' });
      await shop.one.receive('sandbox', shop.messageOf(await second.pay()));
      expect((await shop.ledger.order(second.id))?.state).toBe('issued');
      expect(await shop.problems()).toEqual([]);
    });

    test('[R1102] that is cancelled gets its money back, also if the message about the payment was first', async () => {
      const [ledger, other] = ledgersOf();
      const shop = await twoProcesses([ledger, other]);
      const { id, reference, pay } = await shop.checkout('ann', 'A1');
      const { payment } = present(shop.messageOf(await pay()), 'a message');
      // The process that got the message ends before it goes on.
      await ledger.recordPayment(id, [
        { kind: 'authorised', attempt: 1, atMs: Date.now(), reference: payment.reference },
      ]);
      await shop.two.cancel(id);
      await shop.pass(30_000);
      expect((await ledger.order(id))?.state).toBe('refunded');
      expect((await shop.bank.get(reference)).capturedMinor).toBe(0);
      expect(await shop.seat('A1')).toMatchObject({ status: 0 });
      expect(await shop.problems()).toEqual([]);
    });

    test.each([
      ['is free: it is held again', undefined, 'issued'],
      ['is held by another user: the money goes back', 'bob', 'refunded'],
    ])('whose hold was lost before the payment, and whose seat %s', async (_what, other, state) => {
      const shop = await twoProcesses(ledgersOf());
      const { id, pay } = await shop.checkout('ann', 'A1');
      await shop.decide({ action: 'release', seatIds: ['A1'], userId: 'ann' });
      if (other) await shop.hold(other, 'A1');
      await shop.one.receive('sandbox', shop.messageOf(await pay()));
      await shop.pass(30_000);
      expect((await shop.ledger.order(id))?.state).toBe(state);
      expect((await shop.seat('A1'))?.held_by).toBe(other ?? 'ann');
      expect(await shop.problems()).toEqual([]);
    });

    test('[G12] of a seat that has a live ticket gets its money back', async () => {
      const shop = await twoProcesses(ledgersOf());
      const first = await shop.checkout('ann', 'A1');
      await shop.one.receive('sandbox', shop.messageOf(await first.pay()));
      // The store forgets the sale.
      await shop.decide({ action: 'revoke', seatIds: ['A1'], userId: 'ann', orderId: 'lost' });
      const second = await shop.checkout('bob', 'A1');
      await shop.two.receive('sandbox', shop.messageOf(await second.pay()));
      await shop.pass(30_000);
      expect(await shop.ledger.order(second.id)).toMatchObject({
        state: 'refunded',
        reason: 'Sold to someone else already: A1',
        tickets: [],
      });
      expect((await shop.ledger.liveTicket((await shop.ledger.order(first.id))?.show ?? '', 'A1'))?.orderId).toBe(
        first.id,
      );
    });
  });

  test.each([
    ['keeps the seat of an earlier ticket of its user, which the store had lost', false, 2],
    ['the control: without a look at the tickets it frees that seat', true, 0],
  ])('[G12] an order that cannot be issued %s', async (_what, isBlind, status) => {
    const ledgers = ledgersOf().map((ledger) =>
      isBlind ? withMethods(ledger, { liveTicket: async () => undefined }) : ledger,
    ) as unknown as readonly [Ledger, Ledger];
    const shop = await twoProcesses(ledgers);
    const first = await shop.checkout('ann', 'A1');
    await shop.one.receive('sandbox', shop.messageOf(await first.pay()));
    await shop.decide({ action: 'revoke', seatIds: ['A1'], userId: 'ann', orderId: 'lost' });
    const second = await shop.checkout('ann', 'A1');
    await shop.two.receive('sandbox', shop.messageOf(await second.pay()));
    await shop.pass(30_000);
    expect((await shop.ledger.order(second.id))?.state).toBe('refunded');
    expect(await shop.seat('A1')).toMatchObject({ status });
    expect((await shop.problems()).length === 0).toBe(!isBlind);
  });

  test.each([
    ['a booked seat whose orders have ended without a ticket is freed', true, 0],
    ['the control: without the look for such seats it stays booked for nobody', false, 2],
  ])('[R899] %s', async (_what, freesStrays, status) => {
    const [ledger, other] = ledgersOf();
    const slow = withMethods(ledger, {
      async issue(at, issue) {
        // Another process gives the order up, and the store loses its change.
        await other.change(at, { state: 'refunding', dueAtMs: issue.atMs, reason: 'test', atMs: issue.atMs });
        return ledger.issue(at, issue);
      },
    });
    const shop = await twoProcesses([slow, other], { freesStrays });
    const { id, pay } = await shop.checkout('ann', 'A1');
    await shop.one.receive('sandbox', shop.messageOf(await pay()));
    await shop.pass(30_000);
    expect((await other.order(id))?.state).toBe('refunded');
    expect(await shop.seat('A1')).toMatchObject({ status });
    expect((await shop.problems()).length === 0).toBe(freesStrays);
  });

  test.each([
    ['are freed only after the ledger lets nobody pay it: a payment that another process begins keeps them', true],
    ['the control: with a ledger that does not compare versions they are freed while that payment is open', false],
  ])('[R761] [R1082] the seats of a cancelled order %s', async (_what, comparesVersions) => {
    const [ledger, other] = ledgersOf();
    let beginsPayment = async () => {};
    const late = withMethods(ledger, {
      async change(at, change) {
        if (change.state !== 'cancelling') return ledger.change(at, change);
        await beginsPayment();
        return ledger.change(comparesVersions ? at : ((await ledger.order(at.id)) ?? at), change);
      },
    });
    const shop = await twoProcesses([late, other]);
    const { id, pay } = await shop.checkout('ann', 'A1');
    await shop.one.receive('sandbox', shop.messageOf(await pay(declined)));
    expect((await other.order(id))?.state).toBe('open');
    beginsPayment = async () => {
      beginsPayment = async () => {};
      await shop.two.create(shop.orderOf('ann', ['A1']));
    };
    const { close } = OrderSeats.prototype;
    const paymentsThen: string[][] = [];
    vi.spyOn(OrderSeats.prototype, 'close').mockImplementation(async function (this: OrderSeats, order) {
      paymentsThen.push(((await other.order(id))?.payments ?? []).map(paymentState));
      return close.call(this, order);
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    await shop.one.cancel(id);
    expect((await other.order(id))?.state).toBe('cancelled');
    expect(await shop.seat('A1')).toMatchObject({ status: 0 });
    expect(paymentsThen).toEqual([['failed', comparesVersions ? 'cancelled' : 'begun']]);
  });

  test('[R895] [G11] two processes that advance the same orders at once reach one result', {
    timeout: 120_000,
  }, async () => {
    for (let seed = 1; seed <= races; seed++) expect(await raceOf(seed, ledgersOf()), `seed ${seed}`).toEqual([]);
  });
}

/** An issued order of ann whose tickets a person has voided; it is due at `dueAtMs`. */
async function refunding(
  shop: Awaited<ReturnType<typeof twoProcesses>>,
  dueAtMs: number | undefined,
  ...seatIds: string[]
): Promise<Order & { reference: string }> {
  const { id, reference, pay } = await shop.checkout('ann', ...seatIds);
  await shop.one.receive('sandbox', shop.messageOf(await pay()));
  const issued = present(await shop.ledger.order(id), id);
  const voided = { state: 'refunding', voidTickets: true, reason: 'cancelled', dueAtMs, atMs: Date.now() } as const;
  return { ...(await shop.ledger.change(issued, voided)), reference };
}

/** The ledger, with these methods in place of its own. */
function withMethods(ledger: Ledger, methods: Partial<Ledger>): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const method = Reflect.get(name in methods ? methods : target, name);
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}

/** Ledgers, the calls of their methods, and how often a change of an order came too late. */
function countingCalls(ledgers: readonly [Ledger, Ledger]) {
  const late = { changes: 0 };
  const calls: Record<string, number> = {};
  const counting = ledgers.map(
    (ledger) =>
      new Proxy(ledger, {
        get(target, name) {
          const method = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            calls[String(name)] = (calls[String(name)] ?? 0) + 1;
            try {
              return await method.apply(target, args);
            } catch (error) {
              if (error instanceof OrderChangedError) late.changes++;
              throw error;
            }
          };
        },
      }),
  ) as unknown as readonly [Ledger, Ledger];
  return { counting, late, calls };
}

/** The races must be able to find a fault. */
export function orderServiceControls(ledgersOf: () => readonly [Ledger, Ledger]): void {
  test('[R1041] the control: at two processes they make steps twice', async () => {
    const { counting, late } = countingCalls(ledgersOf());
    const shop = await twoProcesses(counting);
    for (let n = 1; n <= 20 && late.changes === 0; n++) {
      const { id, pay } = await shop.checkout(`buyer-${n}`, `${'AB'[n % 2]}${Math.ceil(n / 2)}`);
      const message = shop.messageOf(await pay());
      await Promise.all([shop.one.receive('sandbox', message), shop.two.advance(id, { mayAsk: true })]);
    }
    expect(late.changes).toBeGreaterThan(0);
  });

  test('[R895] the control: an end that frees seats which the other process may have sold leaves tickets without seats', {
    timeout: 120_000,
  }, async () => {
    vi.spyOn(OrderSeats.prototype, 'close').mockImplementation(async function (this: OrderSeats, order) {
      await this.revoke(order);
      return true;
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const found: string[] = [];
    for (let seed = 1; seed <= 100 && found.length === 0; seed++) found.push(...(await raceOf(seed, ledgersOf())));
    expect(found.join()).toContain('has a ticket for');
  });

  test('[R895] the control: with changes that do not compare the version, they do not', {
    timeout: 120_000,
  }, async () => {
    const careless = ledgersOf().map((ledger) =>
      withMethods(ledger, {
        async change(at, change) {
          for (;;) {
            const now = (await ledger.order(at.id)) ?? at;
            try {
              return await ledger.change(now, change);
            } catch (error) {
              if (!(error instanceof OrderChangedError)) throw error;
            }
          }
        },
      }),
    ) as unknown as readonly [Ledger, Ledger];
    const found: string[] = [];
    for (let seed = 1; seed <= 20 && found.length === 0; seed++) found.push(...(await raceOf(seed, careless)));
    expect(found).not.toEqual([]);
  });
}

/** Buyers, messages, cancellations and reconcilers at both processes at once. Returns what the audit finds at the end. */
async function raceOf(seed: number, ledgers: readonly [Ledger, Ledger]): Promise<string[]> {
  const random = new Random(seed);
  const shop = await twoProcesses(ledgers);
  const services = [shop.one, shop.two] as const;
  const any = () => random.pick(services);
  const buy = async (n: number) => {
    const row = 'ABCD'[n % 4];
    const checkout = await shop.checkout(
      `user-${n}`,
      `${row}${2 * Math.floor(n / 4) + 1}`,
      `${row}${2 * Math.floor(n / 4) + 2}`,
    );
    const acts: (() => Promise<unknown>)[] = [
      async () => any().receive('sandbox', shop.messageOf(await checkout.pay())),
      () => any().advance(checkout.id, { mayAsk: true }),
      () => any().advance(checkout.id, { mayAsk: true }),
      () => any().reconcile(),
    ];
    if (random.chance(0.5)) acts.push(() => any().cancel(checkout.id));
    if (random.chance(0.3)) acts.push(async () => any().receive('sandbox', shop.messageOf(await checkout.pay())));
    await Promise.allSettled(random.sample(acts, acts.length).map((act) => act()));
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => buy(n)));
  await shop.pass(muchLaterMs, 50_000);
  return shop.problems();
}
