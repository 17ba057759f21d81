import type { CommandBody, HoldAction, HoldBody, UserAction } from './commands.ts';
import type { ClientMessage } from './messages.ts';

export type CommandMessage = Exclude<ClientMessage, { type: 'CONNECT' | 'subscribe' | 'PING' }>;
export type CommandAction = UserAction | HoldAction;

/** The path of a resource of a show. */
export const showPath = (show: string, path: string): string => `/api/shows/${show}${path}`;

/** The HTTP route of each command message, and the action that metrics count. */
const routes: Record<CommandMessage['type'], { action: CommandAction; path: string }> = {
  SELECT_SEAT: { action: 'select', path: '/seats/select' },
  BOOK_SEAT: { action: 'book', path: '/seats/book' },
  RELEASE_SEAT: { action: 'release', path: '/seats/release' },
  HOLD_SEATS: { action: 'select', path: '/holds' },
  HOLD_BEST: { action: 'select', path: '/holds' },
  EXTEND_HOLD: { action: 'extend', path: '/holds/extend' },
  BOOK_HOLD: { action: 'book', path: '/holds/book' },
  RELEASE_HOLD: { action: 'release', path: '/holds/release' },
};

export interface HttpCommand {
  action: CommandAction;
  path: string;
  body: CommandBody | HoldBody;
}

/** The HTTP request that a command message stands for. */
export function commandRequest(message: CommandMessage, show: string): HttpCommand {
  const { action, path } = routes[message.type];
  return { action, path: showPath(show, path), body: bodyOf(message) };
}

/** Only the fields of the protocol: an edge sends the commands of several clients in one body, which none of them may spoil. */
function bodyOf(message: CommandMessage): HttpCommand['body'] {
  const { user_id } = message.data;
  return { ...seatsOf(message), ...(user_id !== undefined && { user_id }) };
}

function seatsOf({ type, data }: CommandMessage): Omit<HttpCommand['body'], 'user_id'> {
  switch (type) {
    case 'SELECT_SEAT':
    case 'BOOK_SEAT':
    case 'RELEASE_SEAT':
      return { seat_id: data.seat_id };
    case 'HOLD_BEST': {
      const { count, category, section, accessible } = data;
      const wishes = {
        ...(category !== undefined && { category }),
        ...(section !== undefined && { section }),
        ...(accessible !== undefined && { accessible }),
      };
      return { best: { count, ...wishes } };
    }
    default:
      return { seats: data.seats };
  }
}
