/** Where the connection stands, as far as the page cares. */
export type ConnectionPhase = 'connecting' | 'synchronising' | 'live' | 'checking' | 'waiting' | 'offline' | 'gaveUp';

export interface ConnectionStatus {
  text: string;
  className: 'connected' | 'connecting' | 'disconnected';
  /** True where the user can usefully ask for another attempt. */
  mayRetry: boolean;
}

export function connectionStatus(phase: ConnectionPhase, retrySeconds: number): ConnectionStatus {
  switch (phase) {
    case 'connecting':
    case 'synchronising':
      return { text: '● Connecting…', className: 'connecting', mayRetry: false };
    case 'live':
      return { text: '● Connected', className: 'connected', mayRetry: false };
    case 'checking':
      return { text: '● Checking the connection…', className: 'connecting', mayRetry: false };
    case 'waiting':
      return {
        text: retrySeconds > 0 ? `● Reconnecting in ${retrySeconds} s` : '● Reconnecting…',
        className: 'connecting',
        mayRetry: retrySeconds > 1,
      };
    case 'offline':
      return { text: '● Offline', className: 'disconnected', mayRetry: true };
    case 'gaveUp':
      return { text: '● Disconnected', className: 'disconnected', mayRetry: true };
  }
}
