import { type Order, type Payment, paymentState, type Ticket } from '../../ledger/order.ts';
import { priceFormat } from '../../shows/price-format.ts';

const iso = (atMs: number | undefined): string => (atMs === undefined ? '-' : new Date(atMs).toISOString());
/** As JSON: no control character of a provider's text reaches the terminal. */
const quoted = (text: string | undefined): string => (text === undefined ? '-' : JSON.stringify(text));
const amountIn = (currency: string) => priceFormat(currency, { locale: 'en' });

/** One line of a list. */
export function orderLine({ id, show, state, changedAtMs, amountMinor, currency, reason }: Order): string {
  return [id, state, iso(changedAtMs), show, amountIn(currency)(amountMinor), quoted(reason)].join('  ');
}

/** Everything that the ledger knows about an order, for a person who must settle it. */
export function orderText(order: Order): string {
  const { id, show, userId, state, version, seats, currency, amountMinor, reason, stuckIn, payments, tickets } = order;
  const amount = amountIn(currency);
  const lines = [
    `Order     ${id}`,
    `State     ${state} since ${iso(order.changedAtMs)} (version ${version})`,
    `Reason    ${quoted(reason)}`,
    ...(stuckIn === undefined ? [] : [`Stuck in  ${stuckIn}`]),
    `Due       ${order.dueAtMs === undefined ? 'never: nothing happens by itself' : iso(order.dueAtMs)}`,
    `Show      ${show}`,
    `User      ${quoted(userId)}`,
    `Created   ${iso(order.createdAtMs)}, to be paid by ${iso(order.payUntilMs)}`,
    `Amount    ${amount(amountMinor)}`,
    ...seats.map(({ seatId, ticketType, priceMinor }) => `  seat ${seatId}  ${ticketType}  ${amount(priceMinor)}`),
    `Payments  ${payments.length === 0 ? 'none' : ''}`.trimEnd(),
    ...payments.map((payment) => `  ${paymentText(payment, amount)}`),
    `Tickets   ${tickets.length === 0 ? 'none' : ''}`.trimEnd(),
    ...tickets.map((ticket) => `  ${ticketText(ticket)}`),
  ];
  return lines.join('\n');
}

function paymentText(payment: Payment, amount: (minor: number) => string): string {
  const { attempt, provider, reference, amountMinor, capturedMinor, refundedMinor, failure } = payment;
  const state = paymentState(payment);
  const parts = [
    `${attempt}. ${provider} ${reference ?? '(no reference)'}`,
    state === 'begun' ? 'begun: only the provider knows the outcome' : state,
    `of ${amount(amountMinor)}`,
    `captured ${amount(capturedMinor)}, refunded ${amount(refundedMinor)}`,
    ...(failure === undefined ? [] : [quoted(failure)]),
  ];
  return parts.join('; ');
}

/** The id of a ticket is not shown: its code is made from it. */
const ticketText = ({ seatId, issuedAtMs, voidedAtMs }: Ticket): string =>
  `seat ${seatId}, issued ${iso(issuedAtMs)}${voidedAtMs === undefined ? '' : `, void since ${iso(voidedAtMs)}`}`;
