/**
 * `open` → `paying` → `authorised` → `booking` → `issued`; or `lapsing` → `lapsed`, `cancelling` → `cancelled`; or
 * `refunding` → `refunded`; or `needs_person`. machines/order.ts has the transitions; the ledger only compares versions.
 */
export const orderStates = [
  ...(['open', 'paying', 'authorised', 'booking', 'issued', 'lapsing', 'lapsed', 'cancelling', 'cancelled'] as const),
  ...(['refunding', 'refunded', 'needs_person'] as const),
];
export type OrderState = (typeof orderStates)[number];

/** Until an order leaves these, its user gets no other order of its seats. */
export const unfinishedStates: ReadonlySet<OrderState> = new Set([
  ...(['open', 'paying', 'authorised', 'booking', 'lapsing', 'cancelling'] as const),
]);

/** An order in one of these has no seats and no live ticket. Money that arrives late takes it out of them. */
export const endedStates: ReadonlySet<OrderState> = new Set(['lapsed', 'cancelled', 'refunded']);
