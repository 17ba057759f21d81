import type { StatelyInspectionEvent } from '@statelyai/inspect';

/** The version of `@statelyai/inspect` whose shapes these are. */
export const inspectionVersion = '0.7.2';

/** The first message of a feed, and of each that follows a reconnect: forget everything, it is all told again. */
interface FeedHello {
  type: 'hello';
  node: string;
  /** Every seat that will be told of. */
  seats: string[];
}

/** Every seat has been told of as it is; what follows happens now. */
interface FeedJoined {
  type: 'joined';
}

/** Every few seconds. Unix seconds on the clock of Redis, and how many viewers watch this process. */
interface FeedTime {
  type: 'time';
  server_time: number;
  viewers: number;
}

/** Between an event and its snapshot: the transitions that were taken, by the classes that they have in the chart. */
interface TransitionTaken {
  type: 'transition';
  sessionId: string;
  classes: string[];
}

/** What Stately Inspector understands goes to it as it is; the rest is for our own page. */
export type FeedMessage = StatelyInspectionEvent | TransitionTaken | FeedHello | FeedJoined | FeedTime;

export const isForInspector = (message: FeedMessage): message is StatelyInspectionEvent =>
  message.type.startsWith('@xstate.');

/** A transition as `/inspect/history` tells it. */
export interface HistoryEvent {
  type: 'held' | 'released' | 'booked';
  seat_id: string;
  user_id: string;
  status: 0 | 1 | 2;
  timestamp: string;
  seq: number;
  expires_at?: number;
  reason?: 'user' | 'expired';
}

/** What one booking process's actors show. `seq`: of the transition that each seat shows. */
export interface NodeStates {
  node: string;
  /** Absent: the process does not answer. */
  seats?: Record<string, { state: string; seq: number }>;
}
