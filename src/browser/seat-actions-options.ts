import type { CommandMessage } from '../protocol/command-routes.ts';
import type { Seat } from '../protocol/seat.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { MessageDetails, MessageTone } from './message-list.ts';
import type { ServerClock } from './server-clock.ts';

export interface SeatActionsOptions {
  /** User of the session; '' until there is a session. */
  userId: () => string;
  clock: ServerClock;
  /** Why no command can be sent now; undefined if commands can be sent. */
  unavailableReason: () => string | undefined;
  /** Why no seat can be held now, while other commands work; undefined if seats can be held. */
  closedReason?: () => string | undefined;
  /** Whether the seat is in an order that is not finished: then its hold is the order's. */
  isOrdered?: (seatId: string) => boolean;
  send: (message: CommandMessage) => void;
  /** Shows and announces a message. */
  report: (text: string, tone: MessageTone, details?: MessageDetails) => void;
  /** Announces a text that is shown elsewhere. */
  announce: (text: string) => void;
  /** The seat looks different now. `byOthers`: the seat was not the user's, and is not now. */
  onSeatTouched: (seatId: string, byOthers: boolean) => void;
  /** The seat has another state: messages about it are out of date. */
  onSeatChanged: (seatId: string) => void;
  /** The user accepted an offer of that seat: the focus moves there. */
  onOffered: (seatId: string) => void;
  onWatching: (watching: number) => void;
  /** The server does not accept the page as this user. */
  onUserRefused: () => void;
  /** Default: a grid. */
  plan?: SeatingPlan;
  /** The user to whom the server sends SEATS. */
  stateUserId?: () => string | undefined;
  /** Names of seats, for people. Default: their ids. */
  namesOf?: (seatIds: readonly string[]) => string[];
  /** The free seat that is offered in place of another. Default: the nearest in a grid. */
  nearestFree?: (to: Seat) => Seat | undefined;
  /** Why the user is asked before the seat is held: "a wheelchair space. …" undefined: nothing is special about it. */
  cautionOf?: (seatId: string) => string | undefined;
  /** All seats that the user should have in place of those held and these, which would leave a single seat. */
  withoutSingle?: (seatIds: readonly string[]) => readonly string[] | undefined;
}
