import { type Static, Type } from 'typebox';
import { maxGroupSize } from './max-group-size.ts';
import { type OrderState, orderStates } from './order-state.ts';
import { SeatId, UserId } from './seat.ts';

const Money = (description: string) => Type.Integer({ minimum: 0, description: `${description}, in minor units` });

/** Of `POST /api/shows/:show/orders`. */
export const OrderBody = Type.Object(
  {
    seats: Type.Array(
      Type.Object({
        id: SeatId,
        ticket_type: Type.Optional(
          Type.String({ maxLength: 64, description: 'One of the ticket types of the show; by default the first' }),
        ),
      }),
      { minItems: 1, maxItems: maxGroupSize, description: 'Seats that the user holds' },
    ),
    user_id: Type.Optional(UserId),
  },
  { $id: 'OrderBody', description: 'The seats to pay for, and the user who acts.' },
);
export type OrderBody = Static<typeof OrderBody>;

export const OrderReply = Type.Object(
  {
    id: Type.String({ description: 'Unguessable' }),
    show: Type.String({ description: 'Id of the show' }),
    show_name: Type.String({ description: 'For people; the id if the show is not on sale here any more' }),
    starts_at: Type.Optional(
      Type.String({
        description: 'When the show starts. ISO 8601, with the offset of the hall',
        examples: ['2030-06-21T20:00:00+02:00'],
      }),
    ),
    state: Type.Unsafe<OrderState>({
      type: 'string',
      enum: orderStates,
      description: 'machines/order.ts has its statechart',
    }),
    amount: Money('The sum of the prices'),
    currency: Type.String({ description: 'ISO 4217' }),
    seats: Type.Array(
      Type.Object({
        id: SeatId,
        name: Type.String({ description: 'Section, row and seat, for people', examples: ['Row A, seat 1'] }),
        ticket_type: Type.String(),
        price: Money('Price'),
      }),
      { description: 'With their prices when the order was created' },
    ),
    pay_until: Type.Number({ description: 'End of the time to pay in Unix seconds' }),
    server_time: Type.Number({ description: 'Unix seconds on the clock of Redis' }),
    pay_url: Type.Optional(
      Type.String({ description: 'The page of the payment provider, while the order can be paid' }),
    ),
    failure: Type.Optional(
      Type.String({ description: 'Why the last payment failed, for people, while another one can be begun' }),
    ),
    reason: Type.Optional(
      Type.String({ description: 'Why the order ended, for people. Absent if it needs a person: the operator knows' }),
    ),
    tickets: Type.Optional(
      Type.Array(
        Type.Object({
          seat: SeatId,
          code: Type.String({ description: 'For the QR code; `GET /api/tickets/:code` verifies it' }),
        }),
        { description: 'Present once the order is issued' },
      ),
    ),
  },
  { $id: 'OrderReply', description: 'An order as it is.' },
);
export type OrderReply = Static<typeof OrderReply>;

export const OrderList = Type.Object(
  { orders: Type.Array(OrderReply, { description: 'The newest first, without the pages of payments' }) },
  { $id: 'OrderList', description: 'Orders of one user.' },
);
export type OrderList = Static<typeof OrderList>;

export const TicketReply = Type.Object(
  {
    valid: Type.Boolean({ description: 'False: the ticket is void' }),
    show: Type.String({ description: 'Id of the show' }),
    seat: SeatId,
    issued_at: Type.String({ description: 'ISO 8601' }),
  },
  { $id: 'TicketReply', description: 'A ticket whose code is genuine.' },
);
export type TicketReply = Static<typeof TicketReply>;
