import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { HistoryGapError } from '../../src/ledger/ledger-errors.ts';
import type { PaymentFact } from '../../src/ledger/order.ts';
import type { LedgerEvent } from '../../src/ledger/seat-history.ts';
import { newOrder, newShow } from './ledger.contract.ts';

const startMs = 1_800_000_000_000;

/** `held A1 ann`: its seq follows from its place. */
function eventsOf(epoch: string, firstSeq: number, ...texts: string[]): LedgerEvent[] {
  return texts.map((text, i) => {
    const [type, seat_id = '', user_id = '', reason] = text.split(' ');
    const seq = firstSeq + i;
    const event = { type, seat_id, user_id, epoch, seq, atMs: startMs + seq } as LedgerEvent;
    if (type === 'held') event.expiresAtMs = startMs + 30_000 + seq;
    if (reason) event.reason = reason as NonNullable<LedgerEvent['reason']>;
    return event;
  });
}

const all = async (ledger: Ledger, show: string) => ledger.eventsAfter(show, undefined, 10_000);

/** The contract of every ledger, about the transitions of shows. */
export function historyContract(ledgerOf: () => Ledger): void {
  test('[R710] transitions are kept in order, with all fields of the log', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const events = eventsOf(
      'e1',
      1,
      'held A1 ann',
      'held A1 ann extended',
      'released A1 ann user',
      'held A2 bob',
      'booked A2 bob',
    );
    await ledger.appendEvents(show, { events: events.slice(0, 2) });
    await ledger.appendEvents(show, { events: events.slice(2) });
    expect(await all(ledger, show)).toEqual(events);
    expect(await ledger.projectedSeq(show, 'e1')).toBe(5);
    expect(await ledger.projectedSeq(show, 'e2')).toBeUndefined();
    expect(await ledger.projectedSeq(newShow(), 'e1')).toBeUndefined();
    expect(await ledger.eventsAfter(show, { epochNo: 1, seq: 2 }, 2)).toEqual(events.slice(2, 4));
  });

  test('[R711] each transition is kept once, however many processes append overlapping parts at once', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const texts = Array.from({ length: 300 }, (_, i) => `${i % 2 ? 'released' : 'held'} A1 ann`);
    const events = eventsOf('e1', 1, ...texts);
    const writer = async (size: number) => {
      for (let from = 0; from < events.length; ) {
        const projected = (await ledger.projectedSeq(show, 'e1')) ?? 0;
        from = Math.max(0, projected - 10); // behind: another process writes as well
        await ledger.appendEvents(show, { events: events.slice(from, from + size) });
        from += size;
      }
    };
    await Promise.all([writer(40), writer(64), writer(7 + 40)]);
    await ledger.appendEvents(show, { events });
    expect(await all(ledger, show)).toEqual(events);
  });

  test('[R711] a missing transition is refused and nothing is written', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    await expect(ledger.appendEvents(show, { events: eventsOf('e1', 2, 'held A1 ann') })).rejects.toThrow(
      HistoryGapError,
    );
    await ledger.appendEvents(show, { events: eventsOf('e1', 1, 'held A1 ann') });
    await expect(ledger.appendEvents(show, { events: eventsOf('e1', 3, 'held A2 ann') })).rejects.toThrow(
      HistoryGapError,
    );
    await expect(ledger.appendEvents(show, { events: eventsOf('e2', 3, 'held A2 ann') })).rejects.toThrow(
      HistoryGapError,
    );
    expect(await all(ledger, show)).toHaveLength(1);
  });

  test('[R712] a new epoch continues the log; transitions of the old one that the store had lost stay', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    await ledger.appendEvents(show, { events: eventsOf('e1', 1, 'held A1 ann', 'held A2 bob', 'booked A2 bob') });
    // The ledger was behind at the end of e1: the log still has its last transition.
    const rest = [...eventsOf('e1', 4, 'booked A1 ann'), ...eventsOf('e2', 5, 'held A3 ann', 'released A3 ann user')];
    await ledger.appendEvents(show, { events: rest });
    // Redis lost the end of e2.
    const last = eventsOf('e3', 6, 'booked A3 eve');
    await ledger.appendEvents(show, { events: last });
    const events = await all(ledger, show);
    expect(events.map(({ epoch, seq }) => `${epoch}:${seq}`)).toEqual([
      'e1:1',
      'e1:2',
      'e1:3',
      'e1:4',
      'e2:5',
      'e2:6',
      'e3:6',
    ]);
    expect(await ledger.eventsAfter(show, { epochNo: 2, seq: 5 }, 9)).toEqual(events.slice(5));
    // Redis lost everything.
    await ledger.appendEvents(show, { events: eventsOf('e4', 1, 'held A1 bob') });
    expect(await ledger.projectedSeq(show, 'e4')).toBe(1);
    expect(await ledger.projectedSeq(show, 'e2')).toBe(6);
  });

  test('[R713] [G12] restorable are the bookings of the history and the seats of live tickets', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    expect(await ledger.restorable(show)).toEqual([]);
    const order = await ledger.createOrder(newOrder(show, { seatIds: ['B1', 'B2'] }));
    const tickets = ['B1', 'B2'].map((seatId) => ({ id: randomUUID(), seatId }));
    const issued = await ledger.issue(order, { tickets, dueAtMs: undefined, atMs: startMs });
    await ledger.appendEvents(show, {
      events: eventsOf(
        'e1',
        1,
        'booked A2 bob',
        'held A1 ann',
        'booked B1 ann',
        'booked A3 eve',
        'released A3 eve',
        'held A3 ann',
      ),
    });
    const ticketed = [
      { seatId: 'B1', userId: 'ann', orderId: order.id },
      { seatId: 'B2', userId: 'ann', orderId: order.id },
    ];
    expect(await ledger.restorable(show)).toEqual([{ seatId: 'A2', userId: 'bob' }, ...ticketed]);
    // In a new epoch the seat that Redis had lost was held by another user: the booking stays.
    await ledger.appendEvents(show, { events: eventsOf('e2', 7, 'held A2 eve', 'released A2 eve expired') });
    expect(await ledger.restorable(show)).toContainEqual({ seatId: 'A2', userId: 'bob' });
    await ledger.change(issued, { state: 'refunding', dueAtMs: undefined, atMs: startMs, voidTickets: true });
    // The booking of B1 is that of the order: without its ticket, the seat may be sold again.
    expect(await ledger.restorable(show)).toEqual([{ seatId: 'A2', userId: 'bob' }]);
  });

  test('[R899] stray are the bookings of a user whose orders of the seat have all ended, and that has no live ticket', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    const seatIds = ['A1', 'A2'];
    const booked = [
      { seatId: 'A1', userId: 'ann', at: { epoch: 'e1', seq: 1 } },
      { seatId: 'A2', userId: 'ann', at: { epoch: 'e1', seq: 2 } },
      { seatId: 'A3', userId: 'bob', at: { epoch: 'e1', seq: 3 } },
    ];
    const paid: PaymentFact[] = [
      { kind: 'begun', attempt: 1, atMs: startMs, provider: 'sandbox', amountMinor: 9_000 },
      { kind: 'authorised', attempt: 1, atMs: startMs, reference: randomUUID() },
    ];
    const stray = async () => (await ledger.strayBookings(show, booked)).map((seat) => Object.values(seat));
    expect(await stray()).toEqual([]);
    await ledger.appendEvents(show, { events: eventsOf('e1', 1, 'booked A1 ann', 'booked A2 ann', 'booked A3 bob') });
    expect(await stray(), 'without an order').toEqual([]);
    const first = await ledger.createOrder(newOrder(show, { seatIds }));
    expect(await stray()).toEqual([]);
    await ledger.change(first, { state: 'cancelled', dueAtMs: undefined, atMs: startMs });
    expect(await stray(), 'it was never paid: ann booked the seats without an order').toEqual([]);
    await ledger.recordPayment(first.id, paid);
    expect(await stray()).toEqual([
      ['A1', 'ann', first.id],
      ['A2', 'ann', first.id],
    ]);
    const second = await ledger.createOrder(newOrder(show, { seatIds: ['A2'], createdAtMs: startMs + 60_000 }));
    expect(await stray()).toEqual([['A1', 'ann', first.id]]);
    const tickets = [{ id: randomUUID(), seatId: 'A2' }];
    const issued = await ledger.issue(second, { tickets, dueAtMs: undefined, atMs: startMs });
    expect(await stray()).toEqual([['A1', 'ann', first.id]]);
    const voided = { dueAtMs: undefined, atMs: startMs, voidTickets: true } as const;
    const refunding = await ledger.change(issued, { ...voided, state: 'refunding' });
    expect(await stray()).toEqual([['A1', 'ann', first.id]]);
    await ledger.change(refunding, { state: 'refunded', dueAtMs: undefined, atMs: startMs });
    expect(await stray()).toEqual([
      ['A1', 'ann', first.id],
      ['A2', 'ann', second.id],
    ]);
    const other = await ledger.createOrder(newOrder(show, { seatIds, userId: 'eve' }));
    await ledger.issue(other, {
      tickets: seatIds.map((seatId) => ({ id: randomUUID(), seatId })),
      dueAtMs: undefined,
      atMs: startMs,
    });
    expect(await stray(), 'the seat has a ticket').toEqual([]);
    const free = [{ seatId: 'A3', ticketType: 'adult', priceMinor: 0 }];
    const third = await ledger.createOrder(newOrder(show, { seats: free, userId: 'bob' }));
    await ledger.change(third, { state: 'lapsed', dueAtMs: undefined, atMs: startMs });
    expect(await stray()).toEqual([['A3', 'bob', third.id]]);
    await ledger.appendEvents(show, { events: eventsOf('e1', 4, 'released A3 bob closed') });
    expect(await ledger.strayBookings(show, booked.slice(0, 2)), 'it is not booked any more').toEqual([]);
    expect(await stray(), 'the store has lost its release').toEqual([['A3', 'bob', third.id]]);
    const inNewEpoch = [{ seatId: 'A3', userId: 'bob', at: { epoch: 'e2', seq: 3 } }];
    const [known] = await ledger.strayBookings(show, inNewEpoch);
    expect(known, 'the history does not have this epoch').toBeUndefined();
    await ledger.appendEvents(show, { events: eventsOf('e2', 4, 'held A4 bob') });
    expect(await ledger.strayBookings(show, inNewEpoch)).toEqual([{ seatId: 'A3', userId: 'bob', orderId: third.id }]);
    const later = [{ seatId: 'A3', userId: 'bob', at: { epoch: 'e2', seq: 5 } }];
    expect(await ledger.strayBookings(show, later), 'the history does not have this transition').toEqual([]);
    const recovered = [{ seatId: 'A3', userId: 'bob', atMs: startMs }];
    await ledger.appendEvents(show, { events: eventsOf('e2', 9, 'held A4 bob'), recovered });
    expect(await ledger.strayBookings(show, inNewEpoch), 'the ledger may have lost its order').toEqual([]);
  });

  test('[R714] after a gap the history continues, and has the bookings of the gap', async () => {
    const [ledger, show] = [ledgerOf(), newShow()];
    await ledger.appendEvents(show, { events: eventsOf('e1', 1, 'booked A1 ann') });
    const events = eventsOf('e1', 10, 'held A5 ann');
    const recovered = [
      { seatId: 'A1', userId: 'ann', atMs: startMs },
      { seatId: 'A2', userId: 'bob', atMs: startMs },
    ];
    await ledger.appendEvents(show, { events, recovered });
    expect(await ledger.projectedSeq(show, 'e1')).toBe(10);
    expect((await all(ledger, show)).map(({ seq }) => seq)).toEqual([1, 10]);
    expect(await ledger.restorable(show)).toEqual([
      { seatId: 'A1', userId: 'ann' },
      { seatId: 'A2', userId: 'bob' },
    ]);
    await ledger.appendEvents(show, { events, recovered });
    await ledger.appendEvents(show, { events: eventsOf('e1', 11, 'released A5 ann user') });
    expect(await all(ledger, show)).toHaveLength(3);
  });
}
