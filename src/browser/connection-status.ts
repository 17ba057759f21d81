import type { SessionRefusal } from './session.ts';

/** The state of the connection, as the page shows it. */
export type ConnectionPhase =
  | 'connecting'
  | 'synchronising'
  | 'live'
  | 'polling'
  | 'checking'
  | 'waiting'
  | 'offline'
  | 'gaveUp';

export interface ConnectionStatus {
  text: string;
  /** The part that changes every second: visible, but not announced. */
  countdown?: string;
  className: 'connected' | 'connecting' | 'disconnected';
  /** Whether an attempt by the user makes sense now. */
  mayRetry: boolean;
}

export interface StatusDetails {
  httpStatus?: number | undefined;
  /** False until the first WebSocket is live: a proxy may block WebSockets. */
  wasWebSocketLive?: boolean;
}

export function connectionStatus(
  phase: ConnectionPhase,
  retrySeconds: number,
  { httpStatus, wasWebSocketLive = false }: StatusDetails = {},
): ConnectionStatus {
  switch (phase) {
    case 'connecting':
    case 'synchronising':
      return { text: '● Connecting…', className: 'connecting', mayRetry: false };
    case 'live':
      return { text: '● Connected', className: 'connected', mayRetry: false };
    case 'polling': {
      const reason = wasWebSocketLive ? 'WebSocket unavailable' : 'WebSocket blocked';
      return { text: `● Live updates every second (${reason})`, className: 'connected', mayRetry: false };
    }
    case 'checking':
      return { text: '● Checking the connection…', className: 'connecting', mayRetry: false };
    case 'waiting': {
      const mayRetry = retrySeconds > 1 && httpStatus !== 429;
      if (httpStatus !== undefined) {
        return { ...refused(httpReason(httpStatus), retrySeconds), className: 'connecting', mayRetry };
      }
      const text = retrySeconds > 0 ? `● Reconnecting in ${retrySeconds} s` : '● Reconnecting…';
      return { text, className: 'connecting', mayRetry };
    }
    case 'offline':
      return { text: '● Offline', className: 'disconnected', mayRetry: true };
    case 'gaveUp':
      return { text: '● Disconnected', className: 'disconnected', mayRetry: true };
  }
}

/** The status if only the session is missing. */
export function sessionStatus({ status }: SessionRefusal, retrySeconds: number): ConnectionStatus {
  return {
    ...refused(sessionReason(status), retrySeconds),
    className: 'disconnected',
    mayRetry: status !== 429 && retrySeconds > 1,
  };
}

export function sessionReason(status: number | undefined): string {
  if (status === 429) return 'Too many visitors from your network.';
  if (status === 403) return 'This address is not allowed.';
  if (status === undefined) return 'The server cannot be reached to start your session.';
  return `The server cannot start your session (${status}).`;
}

function httpReason(status: number): string {
  return status === 429 ? 'Too many requests from your network.' : `The server is unavailable (${status}).`;
}

function refused(reason: string, retrySeconds: number): Pick<ConnectionStatus, 'text' | 'countdown'> {
  return { text: `● ${reason}`, countdown: nextTry(retrySeconds) };
}

export const nextTry = (seconds: number): string => (seconds > 0 ? `Next try in ${seconds} s.` : 'Trying again…');
