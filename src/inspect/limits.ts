export interface InspectLimits {
  /** At once, of one booking process. */
  viewers: number;
  /** What a viewer may leave unread before it is cut off. */
  bufferedBytes: number;
  timeEveryMs: number;
  /** How far back the log is read for a seat's last events, of all seats together. */
  recentTransitions: number;
  peerTimeoutMs: number;
}

export const defaultInspectLimits: InspectLimits = {
  viewers: 20,
  bufferedBytes: 1_048_576,
  timeEveryMs: 5_000,
  recentTransitions: 2_000,
  peerTimeoutMs: 1_000,
};
