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
} as const;

export interface ConnectionInput {
  /** Where the jitter starts from: the same seed gives the same delays. */
  jitterSeed: number;
}

export interface ConnectionContext {
  /** Attempts that failed since the connection was last steady. */
  failedAttempts: number;
  retryDelayMs: number;
  jitterState: number;
}

export type ConnectionEvent =
  | { type: 'OPENED' }
  | { type: 'SYNCHRONISED' }
  | { type: 'ANSWERED' }
  | { type: 'WOKE' }
  | { type: 'REFUSED'; retryable: boolean }
  | { type: 'CLOSED'; code: number }
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
    // Both are given by the page; here they do nothing, so that the chart runs anywhere.
    socket: fromCallback<ConnectionEvent>(() => {}),
    network: fromCallback<ConnectionEvent>(() => {}),
  },
  actions: {
    drawRetryDelay: assign(({ context }) => {
      const jitter = nextJitter(context.jitterState);
      return {
        jitterState: jitter.state,
        retryDelayMs: Math.round(jitter.fraction * backoffCeilingMs(context.failedAttempts)),
        failedAttempts: context.failedAttempts + 1,
      };
    }),
    resetBackoff: assign({ failedAttempts: 0 }),
    // Given by the page as well.
    ping: () => {},
  },
  guards: {
    closedForGood: ({ event }) => event.type === 'CLOSED' && !mayReconnect(event.code),
    refusedForGood: ({ event }) => event.type === 'REFUSED' && !event.retryable,
  },
  delays: {
    connectTimeout: connectionTimings.connectTimeoutMs,
    steadyAfter: connectionTimings.steadyAfterMs,
    pingInterval: connectionTimings.pingIntervalMs,
    pingTimeout: connectionTimings.pingTimeoutMs,
    checkTimeout: connectionTimings.checkTimeoutMs,
    retryDelay: ({ context }) => context.retryDelayMs,
  },
}).createMachine({
  id: 'connection',
  description: "The browser's connection to an edge: it comes back by itself, and never all browsers at once.",
  context: ({ input }) => ({ failedAttempts: 0, retryDelayMs: 0, jitterState: input.jitterSeed }),
  invoke: { id: 'network', src: 'network' },
  initial: 'attached',
  states: {
    attached: {
      description: 'A WebSocket exists. Leaving this state closes it, whatever the reason.',
      invoke: {
        id: 'socket',
        src: 'socket',
        onError: { target: 'gaveUp', description: 'The browser does not even let one be opened.' },
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
      },
      states: {
        connecting: {
          description: 'The WebSocket is being opened.',
          on: { OPENED: { target: 'synchronising', description: 'An edge, or a proxy before it, has answered.' } },
          after: { connectTimeout: { target: '#connection.waiting', description: 'Nobody answered in time.' } },
        },
        synchronising: {
          description: 'CONNECT was sent with the last known position; what was missed is on its way.',
          on: {
            SYNCHRONISED: { target: 'live', description: 'Either VENUE_STATE, or all that was missed and an ACK.' },
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
            connectTimeout: { target: '#connection.waiting', description: 'Open, but the edge says nothing.' },
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
    waiting: {
      description: 'The connection failed. Waits with exponential backoff and full jitter before the next attempt.',
      entry: 'drawRetryDelay',
      on: {
        RETRY: { target: 'attached', description: 'The user does not want to wait.' },
        ONLINE: { target: 'attached', description: 'The reason to wait is probably gone.' },
        OFFLINE: { target: 'offline', description: 'The next attempt would be in vain.' },
      },
      after: { retryDelay: { target: 'attached', description: 'The next attempt.' } },
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
      on: { RETRY: { target: 'attached', description: 'The user asks for another attempt.' } },
    },
  },
});
