import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Type } from 'typebox';
import type { Ledger } from '../ledger/ledger.ts';
import { LedgerUnavailableError, SeatInOrderError, UnknownOrderError } from '../ledger/ledger-errors.ts';
import type { Order } from '../ledger/order.ts';
import { PostgresLedger } from '../ledger/postgres-ledger.ts';
import { DatabaseUrl, load } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { errorOf } from '../process/error-facts.ts';
import { recordedAddress } from '../process/recorded-address.ts';
import { type OrderState, orderStates } from '../protocol/order-state.ts';
import { NothingToSettleError, refundOrder, retryOrder } from './settle-order.ts';
import { orderLine, orderText } from './tool/order-text.ts';

const usage = `npm run orders -- COMMAND

list [STATE]   the newest orders in this state (needs_person)
show ID        everything that the ledger knows about an order
retry ID       sends an order that needs a person on from where it was stuck
refund ID      returns the money of an order that needs a person or is issued: its tickets are then void, its seats free

States: ${orderStates.join(', ')}
retry and refund only record the decision. A booking process does the rest; the command waits for it.

DATABASE_URL   address of the ledger; without it, that of the Postgres that ./start.sh started with the same DATA_DIR
DATA_DIR       data folder of ./start.sh (.data)`;

const maxListed = 100;
/** How long a booking process may take until the command no longer waits for it. */
const settledWithinMs = 15_000;
const pollMs = 200;

const Settings = Type.Object({
  DATABASE_URL: Type.Optional(DatabaseUrl),
  DATA_DIR: Type.String({ default: '.data', minLength: 1 }),
});

class UsageError extends Error {}

function ledgerUrl(env: NodeJS.ProcessEnv): string {
  const { DATABASE_URL, DATA_DIR } = load(Settings, env);
  const url = DATABASE_URL ?? recordedAddress(join(DATA_DIR, 'postgres'));
  if (url !== undefined) return url;
  throw new ConfigError(
    `No Postgres was started with DATA_DIR=${DATA_DIR}: set DATA_DIR or DATABASE_URL to those of the running system. SERVERS=embedded keeps its orders in memory.`,
  );
}

function stateOf(text: string): OrderState {
  const state = orderStates.find((each) => each === text);
  if (!state) throw new UsageError(`${text}: no such state`);
  return state;
}

async function listed(ledger: Ledger, state: OrderState): Promise<string> {
  const orders = await ledger.orders({ state, limit: maxListed + 1 });
  if (orders.length === 0) return `No order is ${state}.`;
  const more = orders.length > maxListed ? [`There are more: these are the newest ${maxListed}.`] : [];
  return [...orders.slice(0, maxListed).map(orderLine), ...more].join('\n');
}

/** Waits until a booking process has nothing more to do about the order, but not for long. */
async function settled(ledger: Ledger, order: Order): Promise<string> {
  const deadlineMs = Date.now() + settledWithinMs;
  let current = order;
  while (current.dueAtMs !== undefined && Date.now() < deadlineMs) {
    await sleep(pollMs);
    current = (await ledger.order(order.id)) ?? current;
  }
  const note = current.dueAtMs === undefined ? '' : '\nNot done yet: the booking processes go on with it.';
  return `${orderText(current)}${note}`;
}

async function run(ledger: Ledger, command: string | undefined, argument: string | undefined): Promise<string> {
  if (command === 'list') return listed(ledger, stateOf(argument ?? 'needs_person'));
  if (!['show', 'retry', 'refund'].includes(command ?? ''))
    throw new UsageError(command === undefined ? 'A command is missing' : `${command}: no such command`);
  if (argument === undefined) throw new UsageError('The id of the order is missing');
  const options = { ledger, orderId: argument, nowMs: () => Date.now() };
  if (command === 'retry') return settled(ledger, await retryOrder(options));
  if (command === 'refund') return settled(ledger, await refundOrder(options));
  const order = await ledger.order(argument);
  if (!order) throw new UnknownOrderError(argument);
  return orderText(order);
}

/** For people; a stack trace only if the fault is ours. */
function messageFor(error: Error): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (error instanceof NothingToSettleError) return `The order stays as it is: ${error.message}.`;
  if (error instanceof SeatInOrderError)
    return `The user has another unfinished order for these seats, ${error.orderId}: retry when that has ended, or refund.`;
  const isForPeople =
    error instanceof ConfigError || error instanceof LedgerUnavailableError || error instanceof UnknownOrderError;
  return isForPeople ? error.message : String(error.stack);
}

const [command, argument, ...rest] = process.argv.slice(2);
if ([command, argument].includes('--help')) {
  process.stdout.write(`${usage}\n`);
} else {
  let ledger: PostgresLedger | undefined;
  try {
    if (rest.length > 0) throw new UsageError(`${rest[0]}: one argument too many`);
    ledger = new PostgresLedger({ url: ledgerUrl(process.env), name: 'orders', logger: pino({ level: 'silent' }) });
    process.stdout.write(`${await run(ledger, command, argument)}\n`);
  } catch (error) {
    process.stderr.write(`${messageFor(errorOf(error))}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
  await ledger?.close();
}
