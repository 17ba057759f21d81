import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { patience } from '../support/patience.ts';
import { fakeProgram, freeSettings, Launch, type Settings } from './launch-fixture.ts';

async function launched(settings: Settings): Promise<Launch> {
  const launch = new Launch(settings);
  onTestFinished(() => launch.cleanUp());
  return launch.isUp();
}

const user_id = 'ann';
// biome-ignore lint/suspicious/noExplicitAny: tests match its fields
type Body = any;

function shopAt({ HTTP_PORT }: Settings) {
  const url = `http://localhost:${HTTP_PORT}`;
  const post = (path: string, body: object): Promise<Body> =>
    fetch(url + path, { method: 'POST', body: JSON.stringify(body) }).then((reply) => reply.json());
  const get = (path: string): Promise<Body> => fetch(url + path).then((reply) => reply.json());
  return {
    post,
    get,
    pay: (payUrl: string, card: string) =>
      fetch(new URL(payUrl, url), { method: 'POST', body: new URLSearchParams({ card }), redirect: 'manual' }),
    /** Buys a seat of the show, and returns the code of the ticket. */
    async buy(show: string, seat: string): Promise<string> {
      await post(`/api/shows/${show}/holds`, { seats: [seat], user_id });
      const order = await post(`/api/shows/${show}/orders`, { seats: [{ id: seat }], user_id });
      await this.pay(order.pay_url, '4242424242424242');
      const state = async () => (await get(`/api/orders/${order.id}?user_id=${user_id}`)).state;
      await expect.poll(state, patience).toBe('issued');
      return (await get(`/api/orders/${order.id}?user_id=${user_id}`)).tickets[0].code;
    },
  };
}

test('[R910] start.sh sells shows with prices by orders, and prints the address of one; codes of tickets outlive it', {
  timeout: 150_000,
}, async () => {
  const settings = await freeSettings();
  const first = new Launch(settings);
  onTestFinished(() => first.cleanUp());
  await first.isUp();
  const address = `http://localhost:${settings.HTTP_PORT}/shows/chamber`;
  expect(first.output).toContain(`Checkout  ${address}  (test payments: card 4242 4242 4242 4242)`);
  expect((await fetch(address)).status).toBe(200);
  const shop = shopAt(settings);
  const code = await shop.buy('chamber', 'A1');
  expect(await shop.get(`/api/tickets/${code}`)).toMatchObject({ valid: true, show: 'chamber', seat: 'A1' });
  const secrets = JSON.parse(readFileSync(join(settings.DATA_DIR, 'secrets.json'), 'utf8'));
  expect(secrets.ticketKeys).toMatch(/^[\w-]{8}:[\w-]{43}$/);
  expect(secrets.sandboxWebhookSecret).toMatch(/^[\w-]{32}$/);
  for (const secret of [secrets.ticketKeys, secrets.sandboxWebhookSecret]) expect(first.output).not.toContain(secret);
  first.signal('SIGINT');
  await first.exitCode;

  await launched(settings);
  expect(await shop.get(`/api/tickets/${code}`)).toMatchObject({ valid: true, seat: 'A1' });
});

test('[R910] without a ledger there is no checkout; if it was requested, nothing is started', {
  timeout: 120_000,
}, async () => {
  const PATH = fakeProgram('postgres', 'echo "postgres (PostgreSQL) 12.22"');
  const [silently, asked] = [await freeSettings(), await freeSettings()];
  const launch = await launched({ ...silently, PATH });
  expect(launch.output).toContain('Checkout  off: seats with prices are booked without a payment');
  const shop = shopAt(silently);
  await shop.post('/api/shows/chamber/holds', { seats: ['A1'], user_id });
  expect(await shop.post('/api/shows/chamber/holds/book', { user_id })).toMatchObject({ success: true });

  const refused = new Launch({ ...asked, PATH, PAYMENT_PROVIDER: 'sandbox' });
  onTestFinished(() => refused.cleanUp());
  expect(await refused.exitCode).toBe(1);
  expect(refused.output).toContain('PAYMENT_PROVIDER=sandbox needs a ledger: install postgresql or set DATABASE_URL.');
  expect(refused.output).not.toContain('Starting');
});

test('[R910] embedded, checkout is on as well', { timeout: 60_000 }, async () => {
  const settings = { ...(await freeSettings()), SERVERS: 'embedded' };
  const launch = await launched(settings);
  expect(launch.output).toContain(`Checkout  http://localhost:${settings.HTTP_PORT}/shows/chamber  (test payments`);
  const shop = shopAt(settings);
  const code = await shop.buy('chamber', 'A1');
  expect(await shop.get(`/api/tickets/${code}`)).toMatchObject({ valid: true, seat: 'A1' });
});
