import { assign, setup } from 'xstate';
import type { Order } from '../src/ledger/order.ts';

/** The order as the ledger has it. `dueInMs`: time until this process must look at it again; undefined: never. */
export interface OrderInput {
  order: Pick<Order, 'id' | 'show' | 'userId' | 'state' | 'version' | 'amountMinor' | 'currency' | 'reason'> & {
    seatIds: readonly string[];
  };
  dueInMs: number | undefined;
}

/** A change that the ledger has committed. One that skips a state replaces the actor: see `OrderActors`. */
export type OrderMachineEvent = {
  type:
    | 'REOPENED'
    | 'PAYING'
    | 'AUTHORISED'
    | 'BOOKING'
    | 'ISSUED'
    | 'LAPSING'
    | 'LAPSED'
    | 'CANCELLING'
    | 'CANCELLED'
    | 'REFUNDING'
    | 'REFUNDED'
    | 'NEEDS_PERSON';
} & OrderInput;

/** Nothing is due: sleep for the longest delay of a timer, and look again. */
const neverMs = 2 ** 31 - 1;

/** Between two attempts at what is due. */
const retryMs = 10_000;

/** The order service provides `advance`, which does what is due by asking the ledger, Redis and the payment provider. */
export const orderMachine = setup({
  types: {
    context: {} as OrderInput,
    input: {} as OrderInput,
    events: {} as OrderMachineEvent,
  },
  guards: {
    isOpen: ({ context }) => context.order.state === 'open',
    isPaying: ({ context }) => context.order.state === 'paying',
    isAuthorised: ({ context }) => context.order.state === 'authorised',
    isBooking: ({ context }) => context.order.state === 'booking',
    isIssued: ({ context }) => context.order.state === 'issued',
    isLapsing: ({ context }) => context.order.state === 'lapsing',
    isLapsed: ({ context }) => context.order.state === 'lapsed',
    isCancelling: ({ context }) => context.order.state === 'cancelling',
    isCancelled: ({ context }) => context.order.state === 'cancelled',
    isRefunding: ({ context }) => context.order.state === 'refunding',
    isRefunded: ({ context }) => context.order.state === 'refunded',
  },
  actions: {
    remember: assign(({ context, event }) =>
      'order' in event ? { order: event.order, dueInMs: event.dueInMs } : context,
    ),
    advance: () => {},
    /** Whatever is due is done at most once per `retry`. */
    retryLater: assign({ dueInMs: retryMs }),
  },
  delays: {
    due: ({ context }) => Math.min(Math.max(context.dueInMs ?? neverMs, 1), neverMs),
    retry: retryMs,
  },
}).createMachine({
  id: 'order',
  description: 'One order. The ledger decides; this actor shows the decision and acts when the order is due.',
  context: ({ input }) => input,
  initial: 'hydrating',
  states: {
    hydrating: {
      description: 'Starts in the state that the ledger has.',
      always: [
        { guard: 'isOpen', target: 'open', description: 'Nothing is paid yet.' },
        { guard: 'isPaying', target: 'paying', description: 'A payment is under way.' },
        { guard: 'isAuthorised', target: 'authorised', description: 'The money is reserved.' },
        { guard: 'isBooking', target: 'booking', description: 'The seats are being booked.' },
        { guard: 'isIssued', target: 'issued', description: 'The tickets exist.' },
        { guard: 'isLapsing', target: 'lapsing', description: 'The time to pay ended; the seats are being freed.' },
        { guard: 'isLapsed', target: 'lapsed', description: 'The time to pay ended.' },
        { guard: 'isCancelling', target: 'cancelling', description: 'The user cancelled; the seats are being freed.' },
        { guard: 'isCancelled', target: 'cancelled', description: 'The user cancelled it.' },
        { guard: 'isRefunding', target: 'refunding', description: 'The money is being returned.' },
        { guard: 'isRefunded', target: 'refunded', description: 'The money is back.' },
        { target: 'needs_person', description: 'No rule settles it: a person must.' },
      ],
    },
    open: {
      description: 'The seats are held and priced. The user may pay until the time to pay ends.',
      entry: 'remember',
      on: {
        PAYING: { target: 'paying', description: 'The user pays: from here on only the provider knows the outcome.' },
        CANCELLING: { target: 'cancelling', description: 'The user cancels.' },
        LAPSING: { target: 'lapsing', description: 'Another process ends it.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'It could not be ended for a day.' },
      },
      after: {
        due: { target: 'overdue', description: 'The time to pay has ended.' },
      },
    },
    overdue: {
      description: 'Asks the ledger to end the order.',
      entry: 'advance',
      on: {
        LAPSING: { target: 'lapsing', description: 'From here on nobody can pay it.' },
        PAYING: { target: 'paying', description: 'The user paid in the last moment.' },
        CANCELLING: { target: 'cancelling', description: 'The user cancelled in the last moment.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'It could not be ended for a day.' },
      },
      after: {
        retry: { target: 'overdue', reenter: true, description: 'The ledger has not replied: retry.' },
      },
    },
    paying: {
      description: 'A payment is under way. Its outcome is unknown, so nobody may give the seats back.',
      entry: 'remember',
      on: {
        PAYING: { target: 'paying', reenter: true, description: 'More is known about the payment.' },
        AUTHORISED: { target: 'authorised', description: 'The provider reported success.' },
        REOPENED: { target: 'open', description: 'The payment failed; the user may try again.' },
        LAPSING: { target: 'lapsing', description: 'The time to pay ended, and the provider confirms: not paid.' },
        CANCELLING: { target: 'cancelling', description: 'The user cancels, and the provider confirms: not paid.' },
        REFUNDING: { target: 'refunding', description: 'Cancelled, but paid meanwhile.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'The provider does not tell the outcome.' },
      },
      after: {
        due: { target: 'asking', description: 'No webhook arrived, or the time to pay has ended.' },
      },
    },
    asking: {
      description: 'Asks the provider for the outcome, and extends the hold while it does not reply.',
      entry: 'advance',
      on: {
        PAYING: { target: 'paying', description: 'Not decided yet.' },
        AUTHORISED: { target: 'authorised', description: 'It is paid.' },
        REOPENED: { target: 'open', description: 'It failed; the user may try again.' },
        LAPSING: { target: 'lapsing', description: 'It is not paid, and cannot be paid any more.' },
        CANCELLING: { target: 'cancelling', description: 'The user cancels.' },
        REFUNDING: { target: 'refunding', description: 'Cancelled, but paid meanwhile.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'The provider does not tell the outcome.' },
      },
      after: {
        retry: { target: 'asking', reenter: true, description: 'No reply: retry.' },
      },
    },
    authorised: {
      description: 'The money is reserved. The user may still cancel.',
      entry: 'remember',
      on: {
        BOOKING: { target: 'booking', description: 'From here on the order cannot be cancelled.' },
        REFUNDING: { target: 'refunding', description: 'The user cancelled.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'It could not be settled for a day.' },
      },
      after: {
        due: {
          target: 'authorised',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Overdue: advances it.',
        },
      },
    },
    booking: {
      description: 'Books the seats in Redis, then issues the tickets in the ledger.',
      entry: 'remember',
      on: {
        ISSUED: { target: 'issued', description: 'One transaction: the order and a ticket for each seat.' },
        REFUNDING: { target: 'refunding', description: 'The hold had ended, and another user has a seat.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'It could not be settled for a day.' },
      },
      after: {
        due: {
          target: 'booking',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Not done yet: retry.',
        },
      },
    },
    issued: {
      description: 'The tickets exist. Money that was only reserved is captured.',
      entry: 'remember',
      on: {
        ISSUED: { target: 'issued', reenter: true, description: 'The money is captured.' },
        REFUNDING: {
          target: 'refunding',
          description: 'The capture failed, or a person refunds: the tickets are void.',
        },
        NEEDS_PERSON: { target: 'needs_person', description: 'It could not be captured for a day.' },
      },
      after: {
        due: {
          target: 'issued',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Captures the money.',
        },
      },
    },
    refunding: {
      description: 'Frees the seats, and cancels or refunds the payment.',
      entry: 'remember',
      on: {
        REFUNDING: { target: 'refunding', reenter: true, description: 'A part of the money is returned.' },
        REFUNDED: { target: 'refunded', description: 'The provider confirms it.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'The money could not be returned for a day.' },
      },
      after: {
        due: {
          target: 'refunding',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Not done yet: retry.',
        },
      },
    },
    lapsing: {
      description: 'Not paid in time, and nobody can pay it any more. Frees the seats.',
      entry: 'remember',
      on: {
        LAPSED: { target: 'lapsed', description: 'The seats are free again.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'The seats could not be freed for a day.' },
      },
      after: {
        due: {
          target: 'lapsing',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Not done yet: retry.',
        },
      },
    },
    lapsed: {
      description: 'Not paid in time. The seats are free again.',
      entry: 'remember',
      on: {
        REFUNDING: { target: 'refunding', description: 'Money arrived late.' },
      },
    },
    cancelling: {
      description: 'The user has cancelled, and nobody can pay it any more. Frees the seats.',
      entry: 'remember',
      on: {
        CANCELLED: { target: 'cancelled', description: 'The seats are free again.' },
        NEEDS_PERSON: { target: 'needs_person', description: 'The seats could not be freed for a day.' },
      },
      after: {
        due: {
          target: 'cancelling',
          reenter: true,
          actions: ['advance', 'retryLater'],
          description: 'Not done yet: retry.',
        },
      },
    },
    cancelled: {
      description: 'The user cancelled before paying.',
      entry: 'remember',
      on: {
        REFUNDING: { target: 'refunding', description: 'Money arrived late.' },
      },
    },
    refunded: {
      description: 'There are no tickets, and no money is kept.',
      entry: 'remember',
      on: {
        REFUNDING: { target: 'refunding', description: 'Money arrived late.' },
      },
    },
    needs_person: {
      description: 'No rule settles it. The reason is recorded, counted and shown.',
      entry: 'remember',
      on: {
        REOPENED: { target: 'open', description: 'A person retries it.' },
        PAYING: { target: 'paying', description: 'A person retries it.' },
        AUTHORISED: { target: 'authorised', description: 'A person retries it.' },
        BOOKING: { target: 'booking', description: 'A person retries it.' },
        LAPSING: { target: 'lapsing', description: 'A person retries it.' },
        CANCELLING: { target: 'cancelling', description: 'A person retries it.' },
        ISSUED: { target: 'issued', description: 'A person retries it.' },
        REFUNDING: { target: 'refunding', description: 'A person returns the money, or retries that.' },
      },
    },
  },
});
