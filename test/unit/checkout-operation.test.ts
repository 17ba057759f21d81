import { expect, test, vi } from 'vitest';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import { pricedShow, sandboxCheckout } from '../support/checkout.ts';
import { patience } from '../support/patience.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { severalShows, testShow } from '../support/several-shows.ts';

const card = '4242424242424242';
const user_id = 'alice';

async function startShop() {
  const checkout = sandboxCheckout();
  const { logger, lines } = recordedLog();
  logger.level = 'trace';
  const shop = await severalShows({
    shows: [testShow('main'), pricedShow('gala')],
    checkout,
    ledger: checkout.ledger,
    logger,
  });
  const messages = (text: string) => lines.filter(({ msg }) => msg === text);
  return { ...shop, checkout, lines, messages };
}

test('[R914] while the ledger is unavailable /ready reports it and stays 200; one line in the log, one when it is back', async () => {
  const { app, checkout, messages } = await startShop();
  const ready = async () => {
    const reply = await app.inject({ url: '/ready' });
    return { status: reply.statusCode, ...reply.json() };
  };
  expect(await ready()).toEqual({ status: 'ok', checkout: 'ok' });
  const claims = vi.spyOn(checkout.ledger, 'claimDue').mockRejectedValue(new LedgerUnavailableError('down'));
  await expect.poll(ready, patience).toEqual({ status: 'ok', checkout: 'unavailable' });
  expect((await app.inject({ url: '/ready' })).statusCode).toBe(200);
  await vi.waitFor(() => expect(claims.mock.calls.length).toBeGreaterThan(2), patience);
  expect(messages('Overdue orders could not be read; retrying')).toHaveLength(1);
  claims.mockRestore();
  await expect.poll(ready, patience).toEqual({ status: 'ok', checkout: 'ok' });
  expect(messages('Checkout is available again')).toHaveLength(1);
});

test('[R914] an order that needs a person is an error in the log, with its id and the reason', async () => {
  const { app, checkout, post, lines } = await startShop();
  await post('gala/holds', { seats: ['A1'], user_id });
  const { body } = await post('gala/orders', { seats: [{ id: 'A1' }], user_id });
  const order = await checkout.ledger.order(body.id);
  const captured = { kind: 'captured', attempt: 1, atMs: Date.now(), totalMinor: 1 } as const;
  await checkout.ledger.recordPayment(body.id, [captured]);
  await app.inject({ url: `/api/orders/${body.id}?user_id=${user_id}` });
  expect(order?.amountMinor).toBe(4_500);
  await vi.waitFor(
    () =>
      expect(lines).toContainEqual(
        expect.objectContaining({
          level: 50,
          msg: 'An order needs a person',
          orderId: body.id,
          show: 'gala',
          reason: 'Paid 1 of 4500',
        }),
      ),
    patience,
  );
});

test('[R924] the number of a card is stored and logged nowhere; replies about orders and tickets are not cached', async () => {
  const { app, checkout, post, lines } = await startShop();
  await post('gala/holds', { seats: ['A1'], user_id });
  const { body } = await post('gala/orders', { seats: [{ id: 'A1' }], user_id });
  const { id, pay_url = '' } = body as OrderReply;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const paid = await app.inject({ method: 'POST', url: pay_url, payload: `card=${card}`, headers });
  expect(paid.statusCode).toBe(303);
  const reply = await app.inject({ url: `/api/orders/${id}?user_id=${user_id}` });
  expect(reply.json()).toMatchObject({ state: 'issued' });
  const ticket = await app.inject({ url: `/api/tickets/${reply.json().tickets[0].code}` });
  expect(ticket.json()).toMatchObject({ valid: true });
  for (const { headers } of [reply, ticket]) expect(headers['cache-control']).toBe('no-store');
  const payment = await checkout.bank.get(pay_url.slice('/sandbox/'.length));
  expect(payment.state).toBe('captured');
  expect(lines.length).toBeGreaterThan(0);
  for (const kept of [lines, payment, await checkout.ledger.order(id), paid.headers]) {
    expect(JSON.stringify(kept)).not.toContain(card);
  }
});
