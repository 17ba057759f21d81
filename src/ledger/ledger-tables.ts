import type { OrderState } from '../protocol/order-state.ts';

/** The tables as src/ledger/migrations creates them. */
export interface LedgerTables {
  orders: {
    id: string;
    show: string;
    user_id: string;
    state: OrderState;
    version: number;
    currency: string;
    amount_minor: number;
    pay_until: Date;
    due_at: Date | null;
    reason: string | null;
    created_at: Date;
    changed_at: Date;
    change_id: string | null;
    stuck_in: OrderState | null;
  };
  order_seats: {
    order_id: string;
    place: number;
    show: string;
    user_id: string;
    seat_id: string;
    ticket_type: string;
    price_minor: number;
    is_unfinished: boolean;
  };
  payments: {
    order_id: string;
    attempt: number;
    provider: string;
    reference: string | null;
    amount_minor: number;
    begun_at: Date;
    authorised_at: Date | null;
    captured_at: Date | null;
    failed_at: Date | null;
    cancelled_at: Date | null;
    captured_minor: number;
    refunded_minor: number;
    failure: string | null;
  };
  notices: { provider: string; id: string; order_id: string; type: string; received_at: Date };
  tickets: {
    id: string;
    order_id: string;
    show: string;
    seat_id: string;
    issued_at: Date;
    voided_at: Date | null;
  };
  epochs: { show: string; epoch_no: number; epoch: string; projected_seq: number };
  seat_events: {
    show: string;
    epoch_no: number;
    seq: number;
    type: 'held' | 'released' | 'booked';
    seat_id: string;
    user_id: string;
    at: Date;
    expires_at: Date | null;
    reason: string | null;
  };
  history_gaps: { show: string; epoch_no: number; first_seq: number; last_seq: number };
  bookings: {
    show: string;
    seat_id: string;
    user_id: string;
    booked_at: Date;
    is_recovered: boolean;
    ended_at: Date | null;
  };
}
