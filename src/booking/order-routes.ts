import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Order, OrderSeat } from '../ledger/order.ts';
import { SeatsRefusedError } from '../orders/order-errors.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import { OrderBody, OrderList, OrderReply } from '../protocol/order.ts';
import { UserId } from '../protocol/seat.ts';
import { isShowId } from '../protocol/show.ts';
import { priceOf, type Show } from '../shows/show.ts';
import { sessionNeeded, sessionOptional } from './api-document.ts';
import type { Checkout } from './checkout.ts';
import { commandRefusals, replyText, sendText } from './command-handler.ts';
import type { Guard } from './guard.ts';
import { OrderReplies } from './order-replies.ts';
import { refusalDetail } from './refusals.ts';
import { ShowParams } from './show-paths.ts';
import type { ShowsOnSale } from './shows-on-sale.ts';

const OrderParams = Type.Object({
  id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'Id of the order' }),
});
const Claim = Type.Object({ user_id: Type.Optional(UserId) });
const CancelBody = Type.Union([Claim, Type.Null()]);

/** More than a user has at once: each unfinished order has a seat of its own. */
const maxListed = 50;

const refusals = ['INVALID_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'UNKNOWN_ORDER', 'STORE_UNAVAILABLE'] as const;

interface OrderRoutesOptions {
  shows: ShowsOnSale;
  guard: Guard;
  checkout: Checkout;
  isSessionNeeded: boolean;
}

/** `POST` and `GET /api/shows/:show/orders`, `GET /api/orders/:id` and `POST /api/orders/:id/cancel`. */
export function registerOrderRoutes(
  app: HttpApp,
  { shows, guard, checkout, isSessionNeeded }: OrderRoutesOptions,
): void {
  const { orders, ledger, tickets } = checkout;
  const common = { tags: ['orders'], security: isSessionNeeded ? sessionNeeded : sessionOptional };

  const replies = new OrderReplies(shows, tickets);

  /** An order of another user counts as unknown. */
  async function ownOrder(request: FastifyRequest, id: string, claimed: string | undefined): Promise<Order> {
    const userId = await guard.identifyUser(request, claimed);
    const order = await orders.order(id);
    if (order?.userId !== userId) throw new RefusedError('UNKNOWN_ORDER', 'You have no such order');
    return order;
  }

  const createSchema = {
    ...common,
    operationId: 'createOrder',
    summary: 'Check out held seats',
    description:
      'Creates an order of seats that the user holds, at the prices of the show, and begins its payment. The hold is extended by the time to pay. For the same seats again: the same order, with another payment if the last one failed.',
    params: ShowParams,
    body: OrderBody,
    response: { 201: OrderReply },
  };
  const createRefusals: readonly ErrorCode[] = [
    ...commandRefusals,
    ...(['UNKNOWN_SHOW', 'NOT_HOLDER', 'SEAT_BOOKED', 'ORDER_CLOSED'] as const),
  ];
  const createConfig = { apiDocument: { refusals: createRefusals } };
  app.post('/api/shows/:show/orders', { schema: createSchema, config: createConfig }, async (request, reply) => {
    const { body, params } = request;
    const { show } = shows.get(params.show);
    const userId = await guard.identifyUser(request, body.user_id);
    const seats = pricedSeats(show, body.seats);
    await guard.countCommand(request, userId, seats.length);
    try {
      const currency = show.pricing?.currency ?? '';
      const { order, payUrl } = await orders.create({ show: show.id, userId, currency, seats });
      return reply.status(201).send(replies.of(order, payUrl));
    } catch (error) {
      if (!(error instanceof SeatsRefusedError)) throw error;
      const { refusal = 'NOT_HOLDER', refused = [], seats: after } = error.answer;
      const reasons = after.filter(({ id }) => refused.includes(id));
      const { httpStatus } = errorCodes[refusal];
      return sendText(reply, replyText(httpStatus, { success: false, error: refusalDetail(refusal), seats: reasons }));
    }
  });

  const listSchema = {
    ...common,
    operationId: 'listOrders',
    summary: 'List your orders of a show',
    description: `The ${maxListed} newest orders of the user, as the ledger has them: no payment provider is asked.`,
    params: ShowParams,
    querystring: Claim,
    response: { 200: OrderList },
  };
  const listRefusals = ['INVALID_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'STORE_UNAVAILABLE'] as const;
  const listConfig = { apiDocument: { refusals: listRefusals } };
  app.get('/api/shows/:show/orders', { schema: listSchema, config: listConfig }, async (request, reply) => {
    const userId = await guard.identifyUser(request, request.query.user_id);
    const { show } = request.params;
    // A show may be off sale by now; a name that no show can have is no question for the ledger.
    const found = isShowId(show) ? await ledger.orders({ show, userId, limit: maxListed }) : [];
    reply.header('cache-control', 'no-store');
    return { orders: found.map((order) => replies.of(order)) };
  });

  const getSchema = {
    ...common,
    operationId: 'getOrder',
    summary: 'Get an order',
    description:
      'Only for its user. While it is being paid, the payment provider is asked: a redirect of a browser proves nothing.',
    params: OrderParams,
    querystring: Claim,
    response: { 200: OrderReply },
  };
  const getConfig = { apiDocument: { refusals } };
  app.get('/api/orders/:id', { schema: getSchema, config: getConfig }, async (request, reply) => {
    const order = await ownOrder(request, request.params.id, request.query.user_id);
    reply.header('cache-control', 'no-store');
    // Without a reply of the provider, the order is shown in its last known state.
    const advanced = await orders.advance(order, { mayAsk: true }).catch(() => order);
    return replies.of(advanced, await orders.payUrl(advanced).catch(() => undefined));
  });

  const cancelSchema = {
    ...common,
    operationId: 'cancelOrder',
    summary: 'Cancel an order',
    description:
      'Until its seats are being booked. Money paid meanwhile is returned. An order that ended stays as it is.',
    params: OrderParams,
    body: CancelBody,
    response: { 200: OrderReply },
  };
  const cancelRefusals = [...refusals, 'ORDER_CLOSED', 'TOO_LARGE', 'BUSY', 'TIMEOUT'] as const;
  const cancelRoute = {
    schema: cancelSchema,
    config: { apiDocument: { refusals: cancelRefusals } },
    preValidation: withoutBody,
  };
  app.post('/api/orders/:id/cancel', cancelRoute, async (request) => {
    const { id } = await ownOrder(request, request.params.id, request.body?.user_id);
    return replies.of(await orders.cancel(id));
  });
}

/** The prices come from the show, whatever the client says. Throws a `RefusedError`. */
function pricedSeats(show: Show, seats: OrderBody['seats']): OrderSeat[] {
  const { plan, pricing } = show;
  if (!pricing) throw new RefusedError('INVALID_REQUEST', `The show ${show.id} has no prices: book its seats`);
  const priced = seats.map(({ id, ticket_type = pricing.ticketTypes[0] ?? '' }) => {
    const index = plan.indexOf(id);
    if (index === undefined) throw new RefusedError('UNKNOWN_SEAT', `There is no seat ${id}`);
    const priceMinor = priceOf(show, index, ticket_type);
    if (priceMinor === undefined) throw new RefusedError('INVALID_REQUEST', `There is no ticket type ${ticket_type}`);
    return { seatId: id, ticketType: ticket_type, priceMinor };
  });
  if (new Set(priced.map(({ seatId }) => seatId)).size < priced.length) {
    throw new RefusedError('INVALID_REQUEST', 'A seat is named twice');
  }
  return priced;
}

/** The schema calls a missing body null. */
function withoutBody(request: FastifyRequest, _reply: unknown, done: () => void): void {
  request.body ??= null;
  done();
}
