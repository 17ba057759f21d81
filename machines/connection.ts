import { assign, fromCallback, setup } from 'xstate';
import { mayReconnect } from '../src/protocol/close-codes.ts';

export const connectionTimings = {
  connectTimeoutMs: 10_000,
  backoffBaseMs: 250,
  backoffCapMs: 2_000,
  steadyAfterMs: 10_000,
  pingIntervalMs: 3_000,
  pingTimeoutMs: 3_000,
  checkTimeoutMs: 2_000,
  slowOpeningMs: 4_000,
  pollIntervalMs: 1_000,
  hiddenPollIntervalMs: 10_000,
  pollTimeoutMs: 8_000,
  blockedRetryMs: 60_000,
  unavailableRetryMs: 5_000,
} as const;

/** Consecutive failed openings after which the page polls if HTTP works. More if WebSockets worked: the edge may be restarting. */
const openingsBeforePolling = { neverLive: 2, wasLive: 12 } as const;

/** Failed openings that a slow one counts for: a proxy may drop the handshake without a reply. */
const slowOpeningWeight = 4;

/** Longest delay of a JavaScript timer. */
const maxDelayMs = 2 ** 31 - 1;

export interface ConnectionInput {
  /** Seed of the jitter: the same seed gives the same delays. */
  jitterSeed: number;
}

export interface ConnectionContext {
  /** Failed attempts since the connection was last steady. */
  failedAttempts: number;
  retryDelayMs: number;
  /** Time to the next poll. */
  pollDelayMs: number;
  /** Time to the next attempt at a WebSocket while polling. */
  webSocketDelayMs: number;
  jitterState: number;
  /** Consecutive WebSockets that failed before they were live. */
  failedOpenings: number;
  /** True once a WebSocket was live: no proxy blocks them. */
  wasWebSocketLive: boolean;
  /** True while the current or last connection uses HTTP. */
  isPolling: boolean;
  /** The status of the last HTTP request if it was an error. */
  httpStatus: number | undefined;
  isHidden: boolean;
}

export type ConnectionEvent =
  | { type: 'OPENED' }
  | { type: 'SYNCHRONISED' }
  | { type: 'ANSWERED' }
  | { type: 'WOKE' }
  | { type: 'REFUSED'; retryable: boolean }
  | { type: 'CLOSED'; code: number; httpStatus?: number; retryAfterMs?: number }
  | { type: 'REPLACED' }
  | { type: 'BLOCKED' }
  | { type: 'HTTP_WORKS' }
  | { type: 'HTTP_FAILED'; httpStatus?: number }
  | { type: 'HIDDEN' }
  | { type: 'SHOWN' }
  | { type: 'ONLINE' }
  | { type: 'OFFLINE' }
  | { type: 'RETRY' };

/** One step of the mulberry32 generator; `fraction` is in [0, 1). */
function nextJitter(state: number): { state: number; fraction: number } {
  const next = (state + 0x6d2b79f5) | 0;
  let bits = Math.imul(next ^ (next >>> 15), next | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return { state: next, fraction: ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32 };
}

/** Longest delay after `failedAttempts`; full jitter draws a delay between 0 and this. */
export function backoffCeilingMs(failedAttempts: number): number {
  return Math.min(connectionTimings.backoffCapMs, connectionTimings.backoffBaseMs * 2 ** failedAttempts);
}

export const connectionMachine = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    input: {} as ConnectionInput,
  },
  actors: {
    // The page provides all of them. These do nothing, so that the chart runs anywhere.
    socket: fromCallback<ConnectionEvent>(() => {}),
    poller: fromCallback<ConnectionEvent>(() => {}),
    successor: fromCallback<ConnectionEvent>(() => {}),
    network: fromCallback<ConnectionEvent>(() => {}),
  },
  actions: {
    drawRetryDelay: assign(({ context, event }) => {
      const jitter = nextJitter(context.jitterState);
      const backoffMs = jitter.fraction * backoffCeilingMs(context.failedAttempts);
      const retryAfterMs = event.type === 'CLOSED' ? (event.retryAfterMs ?? 0) : 0;
      return {
        jitterState: jitter.state,
        retryDelayMs: Math.round(Math.min(maxDelayMs, Math.max(backoffMs, retryAfterMs * (1 + jitter.fraction / 4)))),
        failedAttempts: context.failedAttempts + 1,
      };
    }),
    drawPollDelay: assign(({ context }) => {
      const { pollIntervalMs, hiddenPollIntervalMs } = connectionTimings;
      const jitter = nextJitter(context.jitterState);
      const intervalMs = context.isHidden ? hiddenPollIntervalMs : pollIntervalMs;
      return { jitterState: jitter.state, pollDelayMs: Math.round(intervalMs * (0.75 + jitter.fraction / 2)) };
    }),
    drawWebSocketDelay: assign(({ context }) => {
      const { blockedRetryMs, unavailableRetryMs } = connectionTimings;
      const jitter = nextJitter(context.jitterState);
      const intervalMs = context.wasWebSocketLive ? unavailableRetryMs : blockedRetryMs;
      return { jitterState: jitter.state, webSocketDelayMs: Math.round(intervalMs * (0.75 + jitter.fraction / 2)) };
    }),
    resetBackoff: assign({ failedAttempts: 0 }),
    countFailedOpening: assign(({ context }) => ({ failedOpenings: context.failedOpenings + 1 })),
    countSlowOpening: assign(({ context }) => ({ failedOpenings: context.failedOpenings + slowOpeningWeight })),
    ruleOutWebSockets: assign({ failedOpenings: openingsBeforePolling.wasLive }),
    webSocketLive: assign({ failedOpenings: 0, wasWebSocketLive: true }),
    useWebSocket: assign({ isPolling: false }),
    usePolling: assign({ isPolling: true, httpStatus: undefined }),
    noteHttpStatus: assign({
      httpStatus: ({ event }) => ('httpStatus' in event ? event.httpStatus : undefined),
    }),
    noteHidden: assign({ isHidden: ({ event }) => event.type === 'HIDDEN' }),
    // Provided by the page, too.
    ping: () => {},
    probeHttp: () => {},
  },
  guards: {
    mayReconnect: ({ event }) => event.type === 'CLOSED' && mayReconnect(event.code),
    refusedForGood: ({ event }) => event.type === 'REFUSED' && !event.retryable,
    webSocketFails: ({ context: { failedOpenings, wasWebSocketLive } }) =>
      failedOpenings >= openingsBeforePolling[wasWebSocketLive ? 'wasLive' : 'neverLive'],
    pollsFirst: ({ context }) => context.isPolling && !context.wasWebSocketLive,
  },
  delays: {
    connectTimeout: connectionTimings.connectTimeoutMs,
    steadyAfter: connectionTimings.steadyAfterMs,
    pingInterval: connectionTimings.pingIntervalMs,
    pingTimeout: connectionTimings.pingTimeoutMs,
    checkTimeout: connectionTimings.checkTimeoutMs,
    retryDelay: ({ context }) => context.retryDelayMs,
    slowOpening: connectionTimings.slowOpeningMs,
    pollDelay: ({ context }) => context.pollDelayMs,
    pollTimeout: connectionTimings.pollTimeoutMs,
    webSocketDelay: ({ context }) => context.webSocketDelayMs,
  },
}).createMachine({
  id: 'connection',
  description: "The browser's connection to an edge. It reconnects by itself, and jitter spreads the browsers.",
  context: ({ input }) => ({
    failedAttempts: 0,
    retryDelayMs: 0,
    pollDelayMs: 0,
    webSocketDelayMs: 0,
    jitterState: input.jitterSeed,
    failedOpenings: 0,
    wasWebSocketLive: false,
    isPolling: false,
    httpStatus: undefined,
    isHidden: false,
  }),
  invoke: { id: 'network', src: 'network' },
  on: {
    HIDDEN: { actions: 'noteHidden', description: 'The page is hidden: polls can be slower.' },
    SHOWN: { actions: 'noteHidden', description: 'The page is visible again.' },
    HTTP_FAILED: { actions: 'noteHttpStatus', description: 'HTTP fails, too: the server or the network is down.' },
  },
  initial: 'attached',
  states: {
    attached: {
      description: 'A WebSocket exists. Every transition out of this state closes it.',
      entry: 'useWebSocket',
      invoke: {
        id: 'socket',
        src: 'socket',
        onError: {
          target: 'gaveUp',
          actions: ['ruleOutWebSockets', 'probeHttp'],
          description: 'The browser forbids WebSockets. HTTP may still work.',
        },
      },
      initial: 'connecting',
      on: {
        CLOSED: [
          { guard: 'mayReconnect', target: 'waiting', description: 'The edge restarts, or the network is lost.' },
          { target: 'gaveUp', description: 'The close code says that the server would refuse a reconnect.' },
        ],
        OFFLINE: { target: 'offline', description: 'The device has no network.' },
        REPLACED: { target: '.synchronising', reenter: true, description: 'A new WebSocket takes over.' },
      },
      states: {
        connecting: {
          description: 'The WebSocket is opening.',
          on: {
            OPENED: { target: 'synchronising', description: 'The edge, or a proxy before it, accepted the handshake.' },
            CLOSED: {
              guard: 'mayReconnect',
              target: '#connection.waiting',
              actions: ['countFailedOpening', 'probeHttp'],
              description: 'The WebSocket never opened: no server, or a proxy that blocks WebSockets.',
            },
            HTTP_WORKS: {
              guard: 'webSocketFails',
              target: '#connection.polling',
              description: 'HTTP works while WebSockets fail: a proxy blocks them, or there is no edge.',
            },
          },
          after: {
            slowOpening: { actions: ['countSlowOpening', 'probeHttp'], description: 'The handshake is slow.' },
            connectTimeout: {
              target: '#connection.waiting',
              actions: ['countFailedOpening', 'probeHttp'],
              description: 'No reply to the handshake in time.',
            },
          },
        },
        synchronising: {
          description: 'CONNECT is sent with the last known position. The edge sends the missed updates.',
          on: {
            SYNCHRONISED: { target: 'live', actions: 'webSocketLive', description: 'The page is up to date.' },
            REFUSED: [
              { guard: 'refusedForGood', target: '#connection.gaveUp', description: 'A retry would be refused again.' },
              { target: '#connection.waiting', description: 'The edge is busy: retries later.' },
            ],
          },
          after: {
            connectTimeout: {
              target: '#connection.waiting',
              actions: ['countFailedOpening', 'probeHttp'],
              description: 'The WebSocket is open, but no message arrives.',
            },
          },
        },
        live: {
          description: 'The page is up to date and can send commands. Only a steady connection resets the backoff.',
          after: {
            steadyAfter: { actions: 'resetBackoff', description: 'The connection is steady: resets the backoff.' },
          },
          on: {
            WOKE: { target: 'checking', description: 'The device slept: the page may be stale, the connection dead.' },
          },
          initial: 'pinging',
          states: {
            pinging: {
              description: 'A PING is sent. It measures the round-trip time and checks that the connection is alive.',
              entry: 'ping',
              on: { ANSWERED: { target: 'idle', description: 'The edge has replied.' } },
              after: {
                pingTimeout: { target: '#connection.waiting', description: 'The connection is dead.' },
              },
            },
            idle: {
              description: 'The edge has just replied.',
              after: { pingInterval: { target: 'pinging', description: 'Sends the next PING.' } },
            },
          },
        },
        checking: {
          description: 'The device has slept. The page counts as stale until the edge replies.',
          entry: 'ping',
          on: { ANSWERED: { target: 'live', description: 'Alive: all missed updates arrived before the reply.' } },
          after: {
            checkTimeout: { target: '#connection.waiting', description: 'The connection did not survive the sleep.' },
          },
        },
      },
    },
    waiting: {
      description: 'The connection failed. Waits with exponential backoff and full jitter before the next attempt.',
      entry: 'drawRetryDelay',
      on: {
        RETRY: { target: 'attached', description: 'The user does not want to wait.' },
        ONLINE: { target: 'attached', description: 'The device has a network again.' },
        OFFLINE: { target: 'offline', description: 'The next attempt would fail.' },
        HTTP_WORKS: {
          guard: 'webSocketFails',
          target: 'polling',
          description: 'HTTP works while WebSockets fail: a proxy blocks them, or there is no edge.',
        },
      },
      after: {
        retryDelay: [
          { guard: 'pollsFirst', target: 'polling', description: 'WebSockets never worked: polls again.' },
          { target: 'attached', description: 'The next attempt.' },
        ],
      },
    },
    offline: {
      description: 'The device has no network. Makes no attempt until the device reports one.',
      entry: 'resetBackoff',
      on: {
        ONLINE: { target: 'attached', description: 'The device has a network again.' },
        RETRY: { target: 'attached', description: 'The user retries: the server may be on this very machine.' },
      },
    },
    gaveUp: {
      description:
        'The server, or the browser, refuses WebSockets for good. Only the user can start again, or HTTP takes over.',
      entry: 'resetBackoff',
      on: {
        RETRY: { target: 'attached', description: 'The user retries.' },
        HTTP_WORKS: { guard: 'webSocketFails', target: 'polling', description: 'The browser forbids only WebSockets.' },
      },
    },
    polling: {
      description: 'WebSockets fail while HTTP works: the page polls about once a second and books over HTTP.',
      type: 'parallel',
      entry: 'usePolling',
      invoke: { id: 'poller', src: 'poller' },
      on: {
        CLOSED: { target: 'waiting', actions: 'noteHttpStatus', description: 'A poll failed or was refused.' },
        OFFLINE: { target: 'offline', description: 'The device has no network.' },
        REPLACED: { target: 'attached.synchronising', description: 'A WebSocket opened: it takes over.' },
      },
      states: {
        venue: {
          description: 'Polls the changes, one request after the other.',
          initial: 'synchronising',
          states: {
            synchronising: {
              description: 'The first request reads the venue, or the changes since the last known position.',
              on: { SYNCHRONISED: { target: 'live', description: 'The page is up to date.' } },
              after: { connectTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
            },
            live: {
              description: 'The page is at most one poll old and can send commands.',
              on: { WOKE: { target: 'checking', description: 'The device slept: the page may be stale.' } },
              after: {
                steadyAfter: { actions: 'resetBackoff', description: 'The connection is steady.' },
              },
              initial: 'resting',
              states: {
                requesting: {
                  description: 'A poll is under way.',
                  entry: 'ping',
                  on: { ANSWERED: { target: 'resting', description: 'All changes have arrived.' } },
                  after: { pollTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
                },
                resting: {
                  description: 'Waits for the next poll: a second with jitter, longer while the page is hidden.',
                  entry: 'drawPollDelay',
                  on: {
                    SHOWN: {
                      target: 'requesting',
                      actions: 'noteHidden',
                      description: 'Visible again: polls at once.',
                    },
                  },
                  after: { pollDelay: { target: 'requesting', description: 'Sends the next poll.' } },
                },
              },
            },
            checking: {
              description: 'The device has slept. The page counts as stale until a poll succeeds.',
              entry: 'ping',
              on: { ANSWERED: { target: 'live', description: 'All missed changes have arrived.' } },
              after: { pollTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
            },
          },
        },
        webSocket: {
          description: 'Tries from time to time whether WebSockets work.',
          initial: 'blocked',
          states: {
            blocked: {
              description: 'Waits for the next attempt: a minute, or seconds if WebSockets worked before.',
              entry: 'drawWebSocketDelay',
              on: { ONLINE: { target: 'opening', description: 'The new network may allow WebSockets.' } },
              after: { webSocketDelay: { target: 'opening', description: 'The next attempt.' } },
            },
            opening: {
              description: 'A WebSocket is opening while polling continues.',
              invoke: { id: 'successor', src: 'successor' },
              on: { BLOCKED: { target: 'blocked', description: 'It failed.' } },
              after: { connectTimeout: { target: 'blocked', description: 'It did not open in time.' } },
            },
          },
        },
      },
    },
  },
});
