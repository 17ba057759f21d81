import type { Order } from '../ledger/order.ts';
import type { Answer } from '../store/seat-store.ts';

/** The seats of an order could not be held for the time to pay. */
export class SeatsRefusedError extends Error {
  override name = 'SeatsRefusedError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`The seats are refused: ${answer.refusal}`);
    this.answer = answer;
  }
}

/** The order is in a state in which the user can no longer change it. */
export class OrderClosedError extends Error {
  override name = 'OrderClosedError';
  readonly order: Order;

  constructor(order: Order) {
    super(`Order ${order.id} is ${order.state}`);
    this.order = order;
  }
}
