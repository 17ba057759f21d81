import type { HoldAction, UserAction } from './commands.ts';
import type { ClientMessage } from './messages.ts';

export type CommandMessage = Exclude<ClientMessage, { type: 'CONNECT' | 'subscribe' | 'PING' }>;
export type CommandAction = UserAction | HoldAction;

/** The HTTP route of each command message, and the action that metrics count. */
const routes: Record<CommandMessage['type'], { action: CommandAction; path: (show: string) => string }> = {
  SELECT_SEAT: { action: 'select', path: () => '/api/seats/select' },
  BOOK_SEAT: { action: 'book', path: () => '/api/seats/book' },
  RELEASE_SEAT: { action: 'release', path: () => '/api/seats/release' },
  HOLD_SEATS: { action: 'select', path: (show) => `/api/shows/${show}/holds` },
  EXTEND_HOLD: { action: 'extend', path: (show) => `/api/shows/${show}/holds/extend` },
  BOOK_HOLD: { action: 'book', path: (show) => `/api/shows/${show}/holds/book` },
  RELEASE_HOLD: { action: 'release', path: (show) => `/api/shows/${show}/holds/release` },
};

export function commandRoute({ type }: CommandMessage, show: string): { action: CommandAction; path: string } {
  const { action, path } = routes[type];
  return { action, path: path(show) };
}
