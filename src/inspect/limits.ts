export interface InspectLimits {
  /** Concurrent viewers of one booking process. */
  viewers: number;
  viewersPerAddress: number;
  /** Feeds that one address may open in `feedStartsWindowS`: each start sends all seats. */
  feedStarts: number;
  feedStartsWindowS: number;
  /** Concurrent histories; each address gets one. */
  histories: number;
  /** Shows whose serialised transitions are kept for the next history. */
  keptHistories: number;
  /** Time to make and read a history: a slow reader may not block a place. */
  historyTimeoutMs: number;
  /** Seats that `all` shows at most. */
  seats: number;
  /** Orders that a process shows at most: those that began last. */
  orders: number;
  /** Unread bytes after which a viewer is disconnected. */
  bufferedBytes: number;
  timeEveryMs: number;
  /** Transitions that are read back from the log for the last events of all seats. */
  recentTransitions: number;
  peerTimeoutMs: number;
}

export const defaultInspectLimits: InspectLimits = {
  viewers: 20,
  viewersPerAddress: 8,
  feedStarts: 30,
  feedStartsWindowS: 10,
  histories: 4,
  keptHistories: 4,
  historyTimeoutMs: 60_000,
  seats: 1_000,
  orders: 50,
  bufferedBytes: 1_048_576,
  timeEveryMs: 5_000,
  recentTransitions: 2_000,
  peerTimeoutMs: 1_000,
};
