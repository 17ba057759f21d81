import { subjects } from '../protocol/events.ts';

const stream = 'SEATS';
const inbox = '_INBOX.>';

/**
 * The users of our NATS, in the form of its configuration: the booking service publishes and keeps the stream, the
 * edges listen and say how many they are, whoever has no password may listen.
 */
export function natsUsers({
  bookingPassword,
  edgePassword,
}: {
  bookingPassword: string;
  edgePassword: string;
}): string {
  const user = (name: string, password: string, publish: string[], subscribe: string[]) => ({
    user: name,
    password,
    permissions: { publish: { allow: publish }, subscribe: { allow: [...subscribe, inbox] } },
  });
  const streamApi = (verbs: string[]) => verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`);
  const news = [subjects.allSeats, subjects.heartbeat, subjects.presence];
  return JSON.stringify(
    {
      authorization: {
        users: [
          user(
            'booking',
            bookingPassword,
            [subjects.allSeats, subjects.heartbeat, ...streamApi(['INFO', 'CREATE'])],
            news,
          ),
          user('edge', edgePassword, [subjects.presence], news),
          user(
            'viewer',
            '',
            ['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', ...streamApi(['INFO', 'MSG.GET'])],
            news,
          ),
        ],
      },
      no_auth_user: 'viewer',
    },
    undefined,
    2,
  );
}
