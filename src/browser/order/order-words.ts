import type { OrderReply } from '../../protocol/order.ts';

/** The end of an order, and where its money is, in words. */
export interface OrderWords {
  title: string;
  text: string;
  /** The reason, in the words of the server. */
  why?: string;
  tone: 'info' | 'success' | 'warning' | 'error';
}

const nothingCharged = 'Nothing was charged.';
const seatsAreFree = 'The seats are free for others again.';

/** `msLeft`: the time left to pay. `amount`: the sum of the order, for people. */
export function orderWords(order: OrderReply, msLeft: number, amount: string): OrderWords {
  const count = order.seats.length;
  const seats = count === 1 ? 'seat' : 'seats';
  const isFree = order.amount === 0;
  switch (order.state) {
    case 'open':
      if (msLeft <= 0) return timeIsUp;
      return openWords(order, seats);
    case 'paying':
      if (msLeft <= 0) return timeIsUp;
      if (order.pay_url === undefined) return payPageUnreachable;
      return {
        title: `Pay ${amount}`,
        text: `Your ${seats} ${count === 1 ? 'is' : 'are'} held for you until the time is up. Have you paid already? This page shows your tickets as soon as the payment is confirmed.`,
        tone: 'info',
      };
    case 'authorised':
    case 'booking':
      return {
        title: isFree ? 'Order received' : 'Payment received',
        text: `Your ${seats} ${count === 1 ? 'is' : 'are'} being booked. This takes a moment.`,
        tone: 'info',
      };
    case 'issued':
      return {
        title: count === 1 ? 'Your ticket' : `Your ${count} tickets`,
        text: isFree
          ? 'They are booked for you.'
          : `Paid: ${amount}. Show the code at the door, on paper or on a screen.`,
        tone: 'success',
      };
    case 'lapsed':
      return {
        title: 'The order has ended',
        text: `It was not paid in time. ${nothingCharged} ${seatsAreFree}`,
        tone: 'warning',
      };
    case 'lapsing':
    case 'cancelling':
      return {
        title: 'The order is ending',
        text: `${nothingCharged} Your ${seats} ${count === 1 ? 'is' : 'are'} being freed. This takes a moment.`,
        tone: 'info',
      };
    case 'cancelled':
      return { title: 'Order cancelled', text: `${nothingCharged} ${seatsAreFree}`, tone: 'info' };
    case 'refunding':
      return {
        title: 'Your money is on its way back',
        text: `There are no tickets for this order. The whole amount, ${amount}, is being returned.`,
        ...why(order),
        tone: 'warning',
      };
    case 'refunded':
      return {
        title: 'Your money was returned',
        text: `There are no tickets for this order. The whole amount, ${amount}, was returned the way you paid. Your bank may take some days to show it.`,
        ...why(order),
        tone: 'warning',
      };
    case 'needs_person':
      return {
        title: 'The organiser will settle this order',
        text: 'It could not be completed automatically. You get your tickets or your money back. Do not pay again. If you ask the organiser, name the order number below.',
        tone: 'error',
      };
  }
}

const timeIsUp: OrderWords = {
  title: 'The time to pay is up',
  text: 'We are asking the payment provider whether you have paid. If you have, you get your tickets.',
  tone: 'info',
};

const payPageUnreachable: OrderWords = {
  title: 'The pay page cannot be reached',
  text: 'The payment provider does not reply at the moment. If you have paid already, this page shows your tickets as soon as it does. Trying again…',
  tone: 'warning',
};

function openWords({ failure }: OrderReply, seats: string): OrderWords {
  if (failure === undefined) {
    return { title: 'Not paid yet', text: `Your ${seats} stay held until the time is up.`, tone: 'info' };
  }
  return {
    title: 'The payment failed',
    text: `${sentence(failure)} ${nothingCharged} You can pay again, with another card too, until the time is up.`,
    tone: 'error',
  };
}

const why = ({ reason }: OrderReply): { why?: string } => (reason === undefined ? {} : { why: sentence(reason) });

const sentence = (text: string): string => `${text.replace(/\.$/, '')}.`;
