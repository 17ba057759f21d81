import type { StatelyInspectionEvent } from '@statelyai/inspect';
import type { SeatEvent } from '../protocol/events.ts';

/** The version of `@statelyai/inspect` that defines these messages. */
export const inspectionVersion = '0.7.2';

/** First message of a feed, also after a reconnect: discard everything, all seats follow again. */
interface FeedHello {
  type: 'hello';
  node: string;
  /** The seats that this feed starts with. */
  seats: string[];
}

/** A feed of the seats that changed last no longer has this one: it is not updated any more. */
interface SeatDropped {
  type: 'dropped';
  seat: string;
}

/** The feed has no messages of this order any more: too many others have begun. */
interface OrderDropped {
  type: 'order-dropped';
  /** The id of its machine. */
  order: string;
}

/** All seats have been sent; live events follow. */
interface FeedJoined {
  type: 'joined';
}

/** Sent every few seconds: Unix seconds of Redis's clock, and the number of viewers of this process. */
interface FeedTime {
  type: 'time';
  server_time: number;
  viewers: number;
}

/** Sent between an event and its snapshot: the transitions taken, by their classes in the chart. */
interface TransitionTaken {
  type: 'transition';
  sessionId: string;
  classes: string[];
}

/** Stately Inspector gets its own messages unchanged; the others are for the live view. */
export type FeedMessage =
  | StatelyInspectionEvent
  | TransitionTaken
  | FeedHello
  | SeatDropped
  | OrderDropped
  | FeedJoined
  | FeedTime;

export const isForInspector = (message: FeedMessage): message is StatelyInspectionEvent =>
  message.type.startsWith('@xstate.');

/** A transition in `/inspect/history`. */
export type HistoryEvent = Omit<SeatEvent, 'epoch' | 'system'>;

/** The reply to `/inspect/settings`. */
export interface InspectSettings {
  inspector_url: string;
  /** The process that replies, and all processes. */
  node: string;
  nodes: string[];
  show: string;
  /** The default show first. */
  shows: { id: string; name: string }[];
  /** Number of its seats. */
  size: number;
  /** The requested seats as the show names them, and those that it does not have. */
  seats: string[];
  unknown_seats: string[];
  /** In a show with more seats, `all` shows this many: those that changed last. */
  most_seats: number;
}

/** States of the actors in one booking process. `seq`: of the last transition of the seat. */
export interface NodeStates {
  node: string;
  /** The seats that ever changed. Absent if the process does not reply. */
  seats?: Record<string, { state: string; seq: number }>;
}
