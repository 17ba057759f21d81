import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { present } from '../../src/process/present.ts';
import { Auditor } from '../audit/auditor.ts';
import { ClientLog } from '../audit/client-log.ts';
import { getJson } from '../audit/http-truth.ts';
import { buyForAWhile } from '../clients/buyers.ts';
import type { ClientContext } from '../clients/client-context.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { CommandSender } from '../http/command-sender.ts';
import { openLoop } from '../http/open-loop.ts';
import { childPids } from '../measure/child-pids.ts';
import { median } from '../measure/median.ts';
import { percentileMs, Recorder } from '../measure/recorder.ts';
import { startOwnVenue } from '../venue/own-venue.ts';
import { showUnderLoad } from '../venue/show-under-load.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';
import { numbered, pidsOf } from './http-sections.ts';
import { atLeast, atMost, problemsOf, type Section, type SuiteContext } from './section.ts';
import { cpuMs } from './subject.ts';

const allBuyers = 100;
const quickBuyers = 10;
/** The largest hall: 10,000 orders. */
const hall = { rows: 200, cols: 100, price: 4_500 };
const quickHall = { ...hall, rows: 50 };
const selectGrid = { rows: 50, cols: 100 };
const selectsPerSecond = 200;
const holdSeconds = 30;
const warmUpS = 4;
const rounds = 4;
/** Sessions of Postgres write their counters at most once a second. */
const countersSettleMs = 1_500;

interface Orders {
  perSecond: number;
  unfinished: number;
  toTicketP50Ms: number;
  toTicketP99Ms: number;
  /** CPU per order in ms. */
  bookingMs: number;
  postgresMs: number;
  redisMs: number;
  transactions: number;
  walSyncs: number;
}

interface Selects {
  p50Ms: number;
  p99Ms: number;
}

/** Buyers who pay at once, and a select of another show with and without them: the slices alternate. */
export async function checkoutSection({ isQuick, signal, onProgress }: SuiteContext): Promise<Section> {
  const buyers = isQuick ? quickBuyers : allBuyers;
  const venue = await startOwnVenue({
    bookings: 1,
    edges: 0,
    ...selectGrid,
    holdSeconds,
    hall: isQuick ? quickHall : hall,
    sellsByOrders: true,
  });
  try {
    const [buying, selecting] = [await begin(venue, 'buy'), await begin({ ...venue, show: showUnderLoad() }, 'select')];
    const buy = (durationS: number) => measureOrders(venue, buying, { buyers, durationS, signal });
    const select = (durationS: number) => measureSelects(venue, selecting, durationS, signal);
    onProgress('checkout: warming up');
    await Promise.all([buy(warmUpS), select(warmUpS)]);
    const orders: Orders[] = [];
    const alone: Selects[] = [];
    const beside: Selects[] = [];
    const sliceS = isQuick ? 3 : 4;
    for (let round = 1; round <= (isQuick ? 1 : rounds) && !signal.aborted; round++) {
      onProgress(`checkout: round ${round}`);
      orders.push(await buy(sliceS));
      alone.push(await select(sliceS));
      const [, selects] = await Promise.all([buy(sliceS), select(sliceS)]);
      beside.push(selects);
    }
    onProgress('checkout: waiting for the last holds to expire, then auditing');
    const verdicts = [await buying.auditor.finish(), await selecting.auditor.finish()];
    const ofOrders = (field: keyof Orders) => median(orders.map((slice) => slice[field]));
    const ofSelects = (slices: Selects[], field: keyof Selects) => median(slices.map((slice) => slice[field]));
    const slowdown = median(beside.map(({ p99Ms }, round) => p99Ms / (alone[round]?.p99Ms ?? Number.NaN)));
    return {
      name: 'checkout',
      tables: [
        {
          title: `${buyers} buyers at once, with one booking process and the sandbox`,
          columns: [
            ...['orders/s', 'not finished', 'pay to ticket, p50 (ms)', 'p99 (ms)'],
            ...[
              'CPU per order: booking (ms)',
              'Postgres (ms)',
              'Redis (ms)',
              'transactions per order',
              'WAL syncs per order',
            ],
          ],
          rows: [
            [
              ...[ofOrders('perSecond'), ofOrders('unfinished'), ofOrders('toTicketP50Ms'), ofOrders('toTicketP99Ms')],
              ...[ofOrders('bookingMs'), ofOrders('postgresMs'), ofOrders('redisMs')],
              ...[ofOrders('transactions'), ofOrders('walSyncs')],
            ],
          ],
        },
        {
          title: `A select of another show, ${selectsPerSecond} per second`,
          columns: ['', 'p50 (ms)', 'p99 (ms)'],
          rows: [
            ['alone', ofSelects(alone, 'p50Ms'), ofSelects(alone, 'p99Ms')],
            [`beside ${buyers} buyers`, ofSelects(beside, 'p50Ms'), ofSelects(beside, 'p99Ms')],
          ],
        },
      ],
      targets: [
        atLeast('checkout: completed orders per second', 300, ofOrders('perSecond')),
        atMost('checkout: pay to ticket, p99 (ms)', 500, ofOrders('toTicketP99Ms')),
        atMost('checkout: p99 of a select, beside buyers / alone', 1.3, slowdown),
      ],
      violations: verdicts.flatMap(problemsOf),
    };
  } finally {
    await venue.stop();
  }
}

interface Load {
  context: Omit<ClientContext, 'recorder'>;
  auditor: Auditor;
  pool: SeatPool;
}

async function begin(venue: VenueUnderLoad, name: string): Promise<Load> {
  const prefix = `load-${name}-`;
  const context = { log: new ClientLog(), show: venue.show, newUserId: numbered(prefix) };
  // Without an edge, nobody has opened the show yet.
  for (const url of venue.apiUrls) await getJson(`${url}${venue.show.apiPath}/venue`);
  const auditor = await Auditor.begin(venue, context.log, (userId) => userId.startsWith(prefix), {
    sellsByOrders: name === 'buy',
  });
  const pool = new SeatPool((await auditor.truth.record()).seats.values(), allBuyers);
  return { context, auditor, pool };
}

async function measureOrders(
  venue: VenueUnderLoad,
  { context, auditor, pool }: Load,
  { buyers, durationS, signal }: { buyers: number; durationS: number; signal: AbortSignal },
): Promise<Orders> {
  const recorder = new Recorder();
  const pids = (name: string) => pidsOf(venue.processes, name);
  const postgres = [...pids('postgres'), ...pids('postgres').flatMap(childPids)];
  const used = async () => Promise.all([cpuMs(pids('booking')), cpuMs(postgres), cpuMs(pids('redis'))]);
  const databaseUrl = present(venue.databaseUrl, 'a ledger');
  const [countersBefore, before] = [await readCounters(databaseUrl), await used()];
  recorder.start();
  const { apiUrls } = venue;
  const buyersOf = { apiUrls, context: { ...context, recorder }, pool, count: buyers, durationS, signal };
  const { sold, unknown } = await buyForAWhile(buyersOf);
  recorder.stop();
  const after = await used();
  await sleep(countersSettleMs);
  const counters = await readCounters(databaseUrl);
  await auditor.judgeSoFar();
  const [bookingMs = 0, postgresMs = 0, redisMs = 0] = after.map((ms, i) => (ms - (before[i] ?? 0)) / sold);
  const toTicket = recorder.byKind.get('pay to ticket');
  const toTicketMs = (percentile: number) => (toTicket ? percentileMs(toTicket, percentile) : Number.POSITIVE_INFINITY);
  return {
    perSecond: sold / recorder.elapsedS,
    unfinished: unknown,
    toTicketP50Ms: toTicketMs(50),
    toTicketP99Ms: toTicketMs(99),
    ...{ bookingMs, postgresMs, redisMs },
    transactions: (counters.transactions - countersBefore.transactions) / sold,
    walSyncs: (counters.walSyncs - countersBefore.walSyncs) / sold,
  };
}

/** Selects a seat, and releases it without counting that. */
async function measureSelects(
  { apiUrls }: VenueUnderLoad,
  { context, auditor, pool }: Load,
  durationS: number,
  signal: AbortSignal,
): Promise<Selects> {
  const recorder = new Recorder();
  const sender = new CommandSender(apiUrls, { ...context, recorder });
  const sending = new Set<Promise<void>>();
  const selectAndRelease = async (dueAtMs: number) => {
    const [seatIds, userId] = [[pool.take()], context.newUserId()];
    await sender.send({ action: 'select', seatIds, userId }, dueAtMs);
    await sender.send({ action: 'release', seatIds, userId }, performance.now());
    pool.giveBack(seatIds);
  };
  recorder.start();
  await openLoop({
    ...{ ratePerSecond: selectsPerSecond, pattern: 'poisson', durationS, signal },
    send: (dueAtMs) => {
      const sent = selectAndRelease(dueAtMs).finally(() => sending.delete(sent));
      sending.add(sent);
    },
  });
  await Promise.all(sending);
  recorder.stop();
  await sender.close();
  await auditor.judgeSoFar();
  const latency = present(recorder.byKind.get('select'), 'a select');
  return { p50Ms: percentileMs(latency, 50), p99Ms: percentileMs(latency, 99) };
}

/** Of the whole server, since it was started. */
async function readCounters(databaseUrl: string): Promise<{ transactions: number; walSyncs: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
         (SELECT wal_sync FROM pg_stat_wal) AS wal_syncs`,
    );
    return { transactions: Number(rows[0].transactions), walSyncs: Number(rows[0].wal_syncs) };
  } finally {
    await client.end();
  }
}
