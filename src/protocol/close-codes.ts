/** Why a WebSocket was closed, and what its client should do: `retry` with backoff, or `give up`. */
export const closeCodes = {
  goingAway: { code: 1001, advice: 'retry' },
  tooLarge: { code: 1009, advice: 'give up' },
  internalError: { code: 1011, advice: 'retry' },
  serviceRestart: { code: 1012, advice: 'retry' },
  tryAgainLater: { code: 1013, advice: 'retry' },
  sessionOver: { code: 4001, advice: 'retry' },
  tooManyMessages: { code: 4008, advice: 'give up' },
  tooSlow: { code: 4009, advice: 'retry' },
} as const satisfies Record<string, { code: number; advice: 'retry' | 'give up' }>;

const givenUp = new Set<number>(
  Object.values(closeCodes)
    .filter(({ advice }) => advice === 'give up')
    .map(({ code }) => code),
);

/** A code that is not ours (1006, a proxy's) is worth a retry. */
export function mayReconnect(code: number): boolean {
  return !givenUp.has(code);
}

/** A client that offers this subprotocol speaks first (CONNECT); one that offers none is sent the venue at once. */
export const subprotocol = 'seat-booking.v1';
