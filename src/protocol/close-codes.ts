/** Why a WebSocket is closed, the reason sent with it, and what its client should do: `retry` with backoff, or `give up`. */
export const closeCodes = {
  goingAway: { code: 1001, advice: 'retry', reason: 'The server stops' },
  protocolError: { code: 1002, advice: 'retry', reason: 'Invalid WebSocket frame' },
  invalidText: { code: 1007, advice: 'retry', reason: 'Text is not valid UTF-8' },
  tooManyFragments: { code: 1008, advice: 'retry', reason: 'Message has too many fragments' },
  tooLarge: { code: 1009, advice: 'give up', reason: 'Message is too large' },
  internalError: { code: 1011, advice: 'retry', reason: 'Internal error' },
  serviceRestart: { code: 1012, advice: 'retry', reason: 'The server restarts; reconnect' },
  tryAgainLater: { code: 1013, advice: 'retry', reason: 'No CONNECT in time; reconnect' },
  sessionOver: { code: 4001, advice: 'retry', reason: 'Session expired or invalid' },
  tooManyMessages: { code: 4008, advice: 'give up', reason: 'Too many messages' },
  tooSlow: { code: 4009, advice: 'retry', reason: 'Client reads too slowly; reconnect' },
} as const satisfies Record<string, { code: number; advice: 'retry' | 'give up'; reason: string }>;

const reasons = new Map<number | undefined, string>(
  Object.values(closeCodes).map(({ code, reason }) => [code, reason]),
);

export const closeReason = (code: number | undefined): string | undefined => reasons.get(code);

const givenUp = new Set<number>(
  Object.values(closeCodes)
    .filter(({ advice }) => advice === 'give up')
    .map(({ code }) => code),
);

/** A code that is not ours (1006, a proxy's) is worth a retry. */
export function mayReconnect(code: number): boolean {
  return !givenUp.has(code);
}

/** A client that offers a subprotocol speaks first (CONNECT); one that offers none is sent the venue at once. */
export const subprotocol = 'seat-booking.v1';
/** As v1, but SEATS takes the place of VENUE_STATE and SEAT_UPDATE, and STALE that of a VENUE_STATE which only is or was stale. */
export const compactSubprotocol = 'seat-booking.v2';
