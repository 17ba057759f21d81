import { expect, onTestFinished, test } from 'vitest';
import { Random } from '../simulation/random.ts';
import { type PostgresPair, startPostgresPair } from '../support/postgres-pair.ts';
import { queried } from '../support/queried.ts';
import { buyUntil, type Checkout, issuedOf } from './checkout-load.ts';
import { checkoutProblems, lostOrders } from './checkout-problems.ts';
import { type CheckoutShop, show, startCheckoutShop } from './checkout-shop.ts';
import { proofLine } from './proof-line.ts';
import { chosenSeed } from './seeded-random.ts';
import { nowMs, until } from './time.ts';

/** Before and after the failover. */
const issuedOrders = 20;

interface Failover {
  isSynchronous: boolean;
  /** Resolves when the standby is a primary and the address leads to it. */
  strike: (pair: PostgresPair) => Promise<void>;
}

interface Result {
  seed: number;
  pair: PostgresPair;
  shop: CheckoutShop;
  checkouts: Checkout[];
}

/** Users buy before, during and after the failover. */
async function failOver(fault: string, { isSynchronous, strike }: Failover): Promise<Result> {
  const seed = chosenSeed();
  const random = new Random(seed);
  const pair = await startPostgresPair({ isSynchronous });
  onTestFinished(() => pair.stop());
  const shop = await startCheckoutShop({ atEnd: onTestFinished, provider: 'sandbox', database: pair });
  const checkouts: Checkout[] = [];
  let isOver = false;
  const buying = buyUntil(shop, { atEnd: onTestFinished, random, checkouts, isOver: () => isOver });
  try {
    await until('orders are issued', () => issuedOf(checkouts).length >= issuedOrders, 60_000);
    const issuedBefore = issuedOf(checkouts).length;
    if (!isSynchronous) await fallBehind(pair, checkouts);
    const struckAtMs = nowMs();
    await strike(pair);
    const promotedAtMs = nowMs();
    const begunAfter = () => checkouts.filter(({ begunAtMs }) => begunAtMs > struckAtMs);
    await until('orders are issued again', () => issuedOf(begunAfter()).length >= issuedOrders, 60_000);
    const firstAtMs = Math.min(
      ...begunAfter().flatMap(({ order, endedAtMs }) => (order?.state === 'issued' ? [endedAtMs] : [])),
    );
    proofLine({
      fault,
      seed,
      issuedBefore,
      promotedAfterMs: promotedAtMs - struckAtMs,
      issuedAgainAfterMs: firstAtMs - struckAtMs,
    });
  } finally {
    isOver = true;
    await buying;
  }
  return { seed, pair, shop, checkouts };
}

/** Resolves when orders are issued that the standby lacks. */
async function fallBehind({ replication }: PostgresPair, checkouts: readonly Checkout[]): Promise<void> {
  replication.drop();
  const issued = issuedOf(checkouts).length;
  await until('orders are issued', () => issuedOf(checkouts).length >= issued + issuedOrders / 2, 60_000);
}

const killPrimary = async (pair: PostgresPair) => {
  await pair.primary.kill('SIGKILL');
  await pair.promote();
  pair.address.retarget(pair.standby.port);
};

async function expectNothingLost({ seed, pair, shop, checkouts }: Result): Promise<void> {
  const record = await shop.settled();
  expect(lostOrders(issuedOf(checkouts), record), `seed ${seed}`).toEqual([]);
  expect(checkoutProblems(record), `seed ${seed}`).toEqual([]);
  // Redis has trimmed its log only behind what the promoted server has.
  await until('the history is complete', async () => (await historyOf(pair)).seqs === (await shop.seq()));
  expect((await historyOf(pair)).gaps).toBe(0);
}

async function historyOf({ standby }: PostgresPair): Promise<{ seqs: number; gaps: number }> {
  const [counts] = await queried<{ seqs: string; gaps: string }>(
    standby.url,
    `SELECT (SELECT count(DISTINCT seq) FROM seat_events WHERE show = '${show}') AS seqs,
       (SELECT count(*) FROM history_gaps WHERE show = '${show}') AS gaps`,
  );
  return { seqs: Number(counts?.seqs), gaps: Number(counts?.gaps) };
}

test('[R1010] [G11] [G12] the primary is killed during checkouts and its synchronous standby promoted: no issued order is lost, and checkout continues', async () => {
  const result = await failOver('Postgres failover, primary kill -9', { isSynchronous: true, strike: killPrimary });
  await expectNothingLost(result);
}, 400_000);

test('[R1011] [G11] [G12] a primary that is cut off confirms nothing, and its standby continues with all that was confirmed', async () => {
  const result = await failOver('Postgres failover, primary cut off', {
    isSynchronous: true,
    async strike(pair) {
      pair.address.silence();
      pair.replication.drop();
      await pair.promote();
      pair.address.retarget(pair.standby.port);
    },
  });
  const { primary } = result.pair;
  const order = `INSERT INTO epochs VALUES ('cut-off', 1, 'cut-off', 0)`;
  void queried(primary.url, order).catch(() => {}); // never replies
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = $$${order}$$`;
  await until('the commit waits', async () => (await queried(primary.adminUrl, waiting)).length === 1);
  expect(await queried(primary.url, `SELECT 1 FROM epochs WHERE show = 'cut-off'`)).toEqual([]);
  await expectNothingLost(result);
}, 400_000);

test('[R1010] control: a failover to an asynchronous standby that is behind loses issued orders, and the audit finds them', async () => {
  const { shop, checkouts } = await failOver('Postgres failover, asynchronous standby (control)', {
    isSynchronous: false,
    strike: killPrimary,
  });
  const record = await shop.record();
  expect(lostOrders(issuedOf(checkouts), record).length).toBeGreaterThan(0);
  expect(checkoutProblems(record)).toContainEqual(expect.stringContaining('which the ledger does not have'));
}, 400_000);
