export interface InspectLimits {
  /** At once, of one booking process. */
  viewers: number;
  viewersPerAddress: number;
  /** Feeds that one address may open in `feedStartsWindowS`: each start tells everything. */
  feedStarts: number;
  feedStartsWindowS: number;
  /** At once; of one address one. */
  histories: number;
  /** For a history to be made and read: a slow reader keeps nobody's place. */
  historyTimeoutMs: number;
  /** What a viewer may leave unread before it is cut off. */
  bufferedBytes: number;
  timeEveryMs: number;
  /** How far back the log is read for a seat's last events, of all seats together. */
  recentTransitions: number;
  peerTimeoutMs: number;
}

export const defaultInspectLimits: InspectLimits = {
  viewers: 20,
  viewersPerAddress: 8,
  feedStarts: 30,
  feedStartsWindowS: 10,
  histories: 4,
  historyTimeoutMs: 60_000,
  bufferedBytes: 1_048_576,
  timeEveryMs: 5_000,
  recentTransitions: 2_000,
  peerTimeoutMs: 1_000,
};
