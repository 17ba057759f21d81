import type { MessageDetails } from '../../src/browser/message-list.ts';
import { SeatActions } from '../../src/browser/seat-actions.ts';
import type { SeatActionsOptions } from '../../src/browser/seat-actions-options.ts';
import { ServerClock } from '../../src/browser/server-clock.ts';
import type { CommandMessage } from '../../src/protocol/command-routes.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import type { SeatUpdate, ServerMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { VenueState } from '../../src/protocol/venue.ts';

export const serverTime = 1_700_000_000;

/** Three seats in a row, as an edge sends them. */
export function venueState(changes: Partial<VenueState> = {}, ...seats: Seat[]): VenueState {
  const row = [0, 1, 2].map((col): Seat => ({ id: `A${col + 1}`, row: 0, col, status: SeatStatus.available, seq: 0 }));
  const changed = new Map(seats.map((seat) => [seat.id, seat]));
  return {
    venue: 'main',
    epoch: 'e1',
    seq: 0,
    server_time: serverTime,
    hold_seconds: 30,
    max_holds: 6,
    rows: 1,
    cols: 3,
    seats: row.map((seat) => changed.get(seat.id) ?? seat),
    ...changes,
  };
}

const place = (id: string) => ({ id, row: id.charCodeAt(0) - 65, col: Number(id.slice(1)) - 1 });

export const held = (id: string, seq: number, held_by: string, expires_at = serverTime + 30): Seat => ({
  ...place(id),
  status: SeatStatus.held,
  held_by,
  expires_at,
  seq,
});
export const booked = (id: string, seq: number, held_by: string): Seat => ({
  ...place(id),
  status: SeatStatus.booked,
  held_by,
  seq,
});
export const available = (id: string, seq: number): Seat => ({ ...place(id), status: SeatStatus.available, seq });

export function updateOf({ id, row, col, ...rest }: Seat): SeatUpdate {
  return { seat_id: id, ...rest };
}

/** Alice's page without its DOM. Only `pass` advances its monotonic clock. */
export function startSeatActions(options: Partial<SeatActionsOptions> = {}) {
  const sent: CommandMessage[] = [];
  const reported: string[] = [];
  const announced: string[] = [];
  const details: MessageDetails[] = [];
  const touchedByOthers: string[] = [];
  const offered: string[] = [];
  const touched: string[] = [];
  const changed: string[] = [];
  let nowMs = 5_000;
  let isLive = true;
  let usersRefused = 0;
  const clock = new ServerClock(() => nowMs);
  const actions = new SeatActions({
    userId: () => 'alice',
    clock,
    unavailableReason: () => (isLive ? undefined : 'Not connected.'),
    send: (message) => sent.push(message),
    report: (text, tone, more = {}) => {
      reported.push(`${tone}: ${text}`);
      details.push(more);
    },
    announce: (text) => announced.push(text),
    onSeatTouched: (seatId, byOthers) => {
      touched.push(seatId);
      if (byOthers) touchedByOthers.push(seatId);
    },
    onSeatChanged: (seatId) => changed.push(seatId),
    onOffered: (seatId) => offered.push(seatId),
    onWatching: () => {},
    onUserRefused: () => {
      usersRefused++;
    },
    ...options,
  });
  const receive = (...messages: ServerMessage[]) => {
    for (const message of messages) actions.receive(message);
  };
  receive({ type: 'VENUE_STATE', data: venueState() });
  touched.length = 0;
  changed.length = 0;
  return {
    actions,
    clock,
    sent,
    reported,
    announced,
    heldIds: () => actions.holds.map(({ seat }) => seat.id),
    touched,
    changed,
    touchedByOthers,
    offered,
    usersRefused: () => usersRefused,
    offer: () => details.at(-1)?.offer,
    details,
    receive,
    update: (...seats: Seat[]) =>
      receive(...seats.map((seat) => ({ type: 'SEAT_UPDATE', data: updateOf(seat) }) as const)),
    ack: (seat?: Seat, request_id = sent.at(-1)?.request_id) =>
      receive({
        type: 'ACK',
        ...(request_id !== undefined && { request_id }),
        data: { success: true, ...(seat && { seat }) },
      }),
    /** The reply to the last command on several seats. */
    ackGroup: (...seats: Seat[]) =>
      receive({ type: 'ACK', request_id: sent.at(-1)?.request_id ?? '', data: { success: true, seats } }),
    refuseGroup: (code: ErrorCode, ...seats: Seat[]) =>
      receive({
        type: 'ERROR',
        request_id: sent.at(-1)?.request_id ?? '',
        data: { code, message: 'as the server put it', retryable: false, seats },
      }),
    refuse: (code: ErrorCode, seat?: Seat, request_id = sent.at(-1)?.request_id) =>
      receive({
        type: 'ERROR',
        ...(request_id !== undefined && { request_id }),
        data: { code, message: 'as the server put it', retryable: false, ...(seat && { seat }) },
      }),
    setLive: (live: boolean) => {
      isLive = live;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}
