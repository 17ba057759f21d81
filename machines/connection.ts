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

/** Failed openings in a row, after which the page polls if HTTP works. More where WebSockets worked: an edge may restart. */
const openingsBeforePolling = { neverLive: 2, wasLive: 12 } as const;

/** An opening that is slow counts for that many: a proxy may have swallowed it. */
const slowOpeningWeight = 4;

/** The longest delay of a timer. */
const maxDelayMs = 2 ** 31 - 1;

export interface ConnectionInput {
  /** Where the jitter starts from: the same seed gives the same delays. */
  jitterSeed: number;
}

export interface ConnectionContext {
  /** Attempts that failed since the connection was last steady. */
  failedAttempts: number;
  retryDelayMs: number;
  /** Until the next poll; until the next WebSocket while polling. */
  pollDelayMs: number;
  webSocketDelayMs: number;
  jitterState: number;
  /** WebSockets in a row that failed before they were live. */
  failedOpenings: number;
  /** True once a WebSocket was live: then no proxy blocks them. */
  wasWebSocketLive: boolean;
  /** True while the line in use, or the last one, is HTTP. */
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

/** The longest wait after that many failures; full jitter takes any delay from 0 up to it. */
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
    // All are given by the page; here they do nothing, so that the chart runs anywhere.
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
    // Given by the page as well.
    ping: () => {},
    askHttp: () => {},
  },
  guards: {
    closedForGood: ({ event }) => event.type === 'CLOSED' && !mayReconnect(event.code),
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
  description: "The browser's connection to an edge: it comes back by itself, and never all browsers at once.",
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
    HIDDEN: { actions: 'noteHidden', description: 'Nobody sees the page: polling may be slower.' },
    SHOWN: { actions: 'noteHidden', description: 'The page is seen again.' },
    HTTP_FAILED: {
      actions: 'noteHttpStatus',
      description: 'HTTP does not work either: the server or the network is down.',
    },
  },
  initial: 'attached',
  states: {
    attached: {
      description: 'A WebSocket exists. Leaving this state closes it, whatever the reason.',
      entry: 'useWebSocket',
      invoke: {
        id: 'socket',
        src: 'socket',
        onError: {
          target: 'gaveUp',
          actions: ['ruleOutWebSockets', 'askHttp'],
          description: 'The browser forbids WebSockets. HTTP may still work.',
        },
      },
      initial: 'connecting',
      on: {
        CLOSED: [
          {
            guard: 'closedForGood',
            target: 'gaveUp',
            description: 'The code says that coming back would only be refused again.',
          },
          { target: 'waiting', description: 'An edge that restarts, a lost network, a code of a proxy: comes back.' },
        ],
        OFFLINE: { target: 'offline', description: 'What is still open leads nowhere.' },
        REPLACED: {
          target: '.synchronising',
          reenter: true,
          description: 'A newer WebSocket, which carries the new session, takes over.',
        },
      },
      states: {
        connecting: {
          description: 'The WebSocket is being opened.',
          on: {
            OPENED: { target: 'synchronising', description: 'An edge, or a proxy before it, has answered.' },
            CLOSED: [
              {
                guard: 'closedForGood',
                target: '#connection.gaveUp',
                description: 'The code says that coming back would only be refused again.',
              },
              {
                target: '#connection.waiting',
                actions: ['countFailedOpening', 'askHttp'],
                description: 'The WebSocket never opened: no server, or a proxy that blocks WebSockets.',
              },
            ],
            HTTP_WORKS: {
              guard: 'webSocketFails',
              target: '#connection.polling',
              description: 'HTTP works while the WebSocket does not open: a proxy blocks WebSockets.',
            },
          },
          after: {
            slowOpening: { actions: ['countSlowOpening', 'askHttp'], description: 'Slow: does HTTP work?' },
            connectTimeout: {
              target: '#connection.waiting',
              actions: ['countFailedOpening', 'askHttp'],
              description: 'Nobody answered in time.',
            },
          },
        },
        synchronising: {
          description: 'CONNECT was sent with the last known position; what was missed is on its way.',
          on: {
            SYNCHRONISED: {
              target: 'live',
              actions: 'webSocketLive',
              description: 'Either VENUE_STATE, or all that was missed and an ACK.',
            },
            REFUSED: [
              {
                guard: 'refusedForGood',
                target: '#connection.gaveUp',
                description: 'The same CONNECT would be refused again.',
              },
              { target: '#connection.waiting', description: 'The edge is busy: later, perhaps at another.' },
            ],
          },
          after: {
            connectTimeout: {
              target: '#connection.waiting',
              actions: ['countFailedOpening', 'askHttp'],
              description: 'Open, but no message comes through.',
            },
          },
        },
        live: {
          description:
            'The page shows the truth and commands can be sent. Only a lasting connection resets the backoff.',
          after: {
            steadyAfter: { actions: 'resetBackoff', description: 'It lasts: the next failure is a first one.' },
          },
          on: {
            WOKE: {
              target: 'checking',
              description: 'The device slept: what the page shows may be old, and the line dead without a word.',
            },
          },
          initial: 'asked',
          states: {
            asked: {
              description: 'A PING is on its way: it tells how long the line is, and that there is one.',
              entry: 'ping',
              on: { ANSWERED: { target: 'heard', description: 'The edge is there.' } },
              after: {
                pingTimeout: {
                  target: '#connection.waiting',
                  description: 'A line that is cut without a word is silent; TCP alone would notice in minutes.',
                },
              },
            },
            heard: {
              description: 'The edge was there a moment ago.',
              after: { pingInterval: { target: 'asked', description: 'Is it still?' } },
            },
          },
        },
        checking: {
          description: 'The page has slept and does not believe what it shows until the edge has answered.',
          entry: 'ping',
          on: {
            ANSWERED: { target: 'live', description: 'The line held: all that was missed came before the answer.' },
          },
          after: {
            checkTimeout: { target: '#connection.waiting', description: 'The line did not survive the sleep.' },
          },
        },
      },
    },
    polling: {
      description:
        'WebSockets fail while HTTP works: the page asks for changes about once a second, and books over HTTP.',
      type: 'parallel',
      entry: 'usePolling',
      invoke: { id: 'poller', src: 'poller' },
      on: {
        CLOSED: {
          target: 'waiting',
          actions: 'noteHttpStatus',
          description: 'A poll failed, or was refused for some time.',
        },
        OFFLINE: { target: 'offline', description: 'The device has no network.' },
        REPLACED: { target: 'attached.synchronising', description: 'A WebSocket opened: it takes over.' },
      },
      states: {
        venue: {
          description: 'The changes, one poll after the other.',
          initial: 'synchronising',
          states: {
            synchronising: {
              description: 'The first request: the venue, or the changes since the last known position.',
              on: { SYNCHRONISED: { target: 'live', description: 'The page shows the truth of this moment.' } },
              after: { connectTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
            },
            live: {
              description: 'The page is at most one poll old, and commands can be sent.',
              on: {
                WOKE: { target: 'checking', description: 'The device slept: what the page shows may be old.' },
              },
              after: {
                steadyAfter: { actions: 'resetBackoff', description: 'It lasts: the next failure is a first one.' },
              },
              initial: 'resting',
              states: {
                asked: {
                  description: 'A poll is on its way.',
                  entry: 'ping',
                  on: { ANSWERED: { target: 'resting', description: 'All changes are here.' } },
                  after: { pollTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
                },
                resting: {
                  description: 'Until the next poll: a second with jitter, longer while the page is hidden.',
                  entry: 'drawPollDelay',
                  on: {
                    SHOWN: {
                      target: 'asked',
                      actions: 'noteHidden',
                      description: 'The page is seen again: what changed?',
                    },
                  },
                  after: { pollDelay: { target: 'asked', description: 'What changed?' } },
                },
              },
            },
            checking: {
              description: 'The page has slept and does not believe what it shows until a poll is answered.',
              entry: 'ping',
              on: { ANSWERED: { target: 'live', description: 'All that was missed is here.' } },
              after: { pollTimeout: { target: '#connection.waiting', description: 'No reply in time.' } },
            },
          },
        },
        webSocket: {
          description: 'Whether WebSockets work by now.',
          initial: 'blocked',
          states: {
            blocked: {
              description: 'Until the next try: a minute, or seconds where WebSockets worked before.',
              entry: 'drawWebSocketDelay',
              on: { ONLINE: { target: 'tried', description: 'Another network may let WebSockets through.' } },
              after: { webSocketDelay: { target: 'tried', description: 'Do they work by now?' } },
            },
            tried: {
              description: 'A WebSocket is being opened while polling goes on.',
              invoke: { id: 'successor', src: 'successor' },
              on: { BLOCKED: { target: 'blocked', description: 'They do not.' } },
              after: { connectTimeout: { target: 'blocked', description: 'It did not open in time.' } },
            },
          },
        },
      },
    },
    waiting: {
      description: 'The connection failed. Waits with exponential backoff and full jitter before the next attempt.',
      entry: 'drawRetryDelay',
      on: {
        RETRY: { target: 'attached', description: 'The user does not want to wait.' },
        ONLINE: { target: 'attached', description: 'The reason to wait is probably gone.' },
        OFFLINE: { target: 'offline', description: 'The next attempt would be in vain.' },
        HTTP_WORKS: {
          guard: 'webSocketFails',
          target: 'polling',
          description: 'HTTP works while WebSockets fail: a proxy blocks them, or no edge is there.',
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
      description: 'The device said that it has no network: trying is pointless until it says otherwise.',
      entry: 'resetBackoff',
      on: {
        ONLINE: { target: 'attached', description: 'There is a network again.' },
        RETRY: { target: 'attached', description: 'The user knows better: the server may be this very machine.' },
      },
    },
    gaveUp: {
      description: 'The server asked this page to stay away. Only the user can start again.',
      entry: 'resetBackoff',
      on: {
        RETRY: { target: 'attached', description: 'The user asks for another attempt.' },
        HTTP_WORKS: {
          guard: 'webSocketFails',
          target: 'polling',
          description: 'The browser forbids WebSockets while HTTP works.',
        },
      },
    },
  },
});
