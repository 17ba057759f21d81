import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CheckoutClient } from '../../bench/clients/checkout-client.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import { startBooking, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { buyTickets } from './buy-tickets.ts';
import { checkoutProblems } from './checkout-problems.ts';
import { type CheckoutShop, show, startCheckoutShop } from './checkout-shop.ts';
import { proofLine } from './proof-line.ts';
import { nowMs, until } from './time.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const keyPrefix = keyPrefixOf('', show);
/** Each pair is an order. */
const pairsOfRow = (row: string, count: number) =>
  Array.from({ length: count }, (_, i) => [`${row}${2 * i + 1}`, `${row}${2 * i + 2}`] as const);
const replicated = pairsOfRow('A', 2);
const lagged = pairsOfRow('B', 4);
const duringFailover = pairsOfRow('C', 4);

interface Servers {
  primary: TestServer;
  /** The name by which every process finds the primary. */
  name: TcpProxy;
  /** Carries the replication. */
  replication: TcpProxy;
  primaryAdmin: Redis;
  replicaAdmin: Redis;
  replicaPort: number;
}

/** A primary with an asynchronous replica, as of a failover by hand. */
async function startServers(): Promise<Servers> {
  const [primary, replica] = await Promise.all([startRedis(), startRedis()]);
  const [name, replication] = await Promise.all([startTcpProxy(primary.port), startTcpProxy(primary.port)]);
  const [primaryAdmin, replicaAdmin] = [new Redis(primary.url), new Redis(replica.url)];
  primaryAdmin.on('error', () => {}); // the test kills the server on purpose
  onTestFinished(async () => {
    primaryAdmin.disconnect();
    replicaAdmin.disconnect();
    await Promise.all([name.close(), replication.close()]);
    await Promise.all([primary.stop(), replica.stop()]);
  });
  await replicaAdmin.replicaof('127.0.0.1', replication.port);
  await until('replication is up', async () => (await replicaAdmin.info()).includes('master_link_status:up'));
  return { primary, name, replication, primaryAdmin, replicaAdmin, replicaPort: replica.port };
}

const seqAt = async (redis: Redis) => Number(await redis.get(`${keyPrefix}venue:seq`));

const buyEach = (client: CheckoutClient, pairs: readonly (readonly [string, string])[]) =>
  Promise.all(pairs.map((pair) => buyTickets(client, pair, `buyer-${pair[0]}`)));

/** Sells tickets that the replica has, then tickets that it lacks. Returns the number of transitions that it lacks. */
async function sellAhead(
  { replication, primaryAdmin, replicaAdmin }: Servers,
  client: CheckoutClient,
): Promise<number> {
  await buyEach(client, replicated);
  const seq = await seqAt(primaryAdmin);
  await until('the replica has them', async () => (await seqAt(replicaAdmin)) >= seq);
  replication.hang();
  await buyEach(client, lagged);
  return (await seqAt(primaryAdmin)) - (await seqAt(replicaAdmin));
}

/** The primary is killed, and what was under way to the replica is lost with it. */
async function promote({ primary, name, replication, replicaAdmin, replicaPort }: Servers): Promise<void> {
  await primary.kill();
  replication.drop();
  await replicaAdmin.replicaof('NO', 'ONE');
  name.retarget(replicaPort);
  name.cut();
}

const hold = ({ url }: Pick<TestServer, 'url'>, seatId: string) =>
  fetch(`${url}/api/shows/${show}/holds`, {
    method: 'POST',
    body: JSON.stringify({ seats: [seatId], user_id: `rival-${seatId}` }),
  });

async function newShop(servers: Servers): Promise<{ shop: CheckoutShop; client: CheckoutClient }> {
  const redisUrl = `redis://127.0.0.1:${servers.name.port}`;
  const shop = await startCheckoutShop({ atEnd: onTestFinished, provider: 'stripe', redisUrl });
  const client = new CheckoutClient(
    shop.bookings.map(({ url }) => url),
    show,
  );
  onTestFinished(() => client.close());
  return { shop, client };
}

test('[R1023] [G11] [G12] a replica that lags behind live tickets is promoted during checkouts: no ticket is lost, none is sold twice', async () => {
  const servers = await startServers();
  const { shop, client } = await newShop(servers);
  const lostTransitions = await sellAhead(servers, client);
  expect(lostTransitions, 'the replica lags').toBeGreaterThanOrEqual(lagged.flat().length);
  const epoch = await servers.primaryAdmin.get(`${keyPrefix}venue:epoch`);

  const beganAtMs = nowMs();
  const buying = buyEach(client, duringFailover);
  await promote(servers);
  await until('a new epoch', async () => {
    const found = await servers.replicaAdmin.get(`${keyPrefix}venue:epoch`);
    return found !== null && found !== epoch;
  });
  const newEpochMs = nowMs() - beganAtMs;
  for (const seatId of [...replicated, ...lagged].flat()) {
    for (const booking of shop.bookings) {
      let reply: Response | undefined;
      await until('a reply', async () => {
        reply = await hold(booking, seatId);
        return reply.status !== 503;
      });
      expect(await reply?.json()).toMatchObject({ error: { code: 'SEAT_BOOKED' } });
    }
  }
  await buying;

  const record = await shop.settled();
  expect(checkoutProblems(record)).toEqual([]);
  const tickets = record.orders.flatMap(({ userId, ticketSeatIds }) => ticketSeatIds.map((id) => `${userId} ${id}`));
  const sold = [...replicated, ...lagged, ...duringFailover].flatMap(([first, second]) => [
    `buyer-${first} ${first}`,
    `buyer-${first} ${second}`,
  ]);
  expect(tickets.sort()).toEqual(sold.sort());
  proofLine({ fault: 'lagging replica promoted', tickets: tickets.length, lostTransitions, newEpochMs });
});

test('[R1023] the control: without the ledger the seats of these tickets are offered again', async () => {
  const servers = await startServers();
  const { shop, client } = await newShop(servers);
  await sellAhead(servers, client);
  // They would restore the tickets.
  await Promise.all(shop.bookings.map((booking) => booking.stop()));
  await promote(servers);
  const nats = await startNats();
  onTestFinished(() => nats.stop());
  const redisUrl = `redis://127.0.0.1:${servers.replicaPort}`;
  const unfenced = await startBooking({ redisUrl, natsUrl: nats.url, env: { SHOWS_DIR: shop.showsDir } });
  onTestFinished(() => unfenced.stop());
  for (const seatId of lagged.flat()) expect((await hold(unfenced, seatId)).status).toBe(200);
});
