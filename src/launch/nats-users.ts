import { subjects } from '../protocol/events.ts';

export interface NatsUsersOptions {
  bookingPassword: string;
  edgePassword: string;
}

const stream = 'SEATS';
/** Where the replies to one's own requests arrive. */
const inbox = '_INBOX.>';
const streamApi = (...verbs: string[]) => verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`);

/**
 * The users of our NATS, in the form of its configuration: the booking service publishes and makes the stream, the
 * edges subscribe and publish how many browsers they have, `viewer`, who needs no password, subscribes.
 *
 * `viewer` publishes nothing at all: JetStream replies to whatever subject a request names, also to one that others trust.
 */
export function natsUsers({ bookingPassword, edgePassword }: NatsUsersOptions): object {
  const news = [subjects.allSeats, subjects.heartbeat, subjects.presence];
  const transitions = (['held', 'released', 'booked'] as const).map((type) => subjects.of({ type }));
  const users = [
    {
      user: 'booking',
      password: bookingPassword,
      permissions: {
        publish: [...transitions, subjects.heartbeat, ...streamApi('INFO', 'CREATE')],
        subscribe: [...news, inbox],
      },
    },
    { user: 'edge', password: edgePassword, permissions: { publish: [subjects.presence], subscribe: news } },
    {
      user: 'viewer',
      password: '',
      permissions: { publish: { deny: ['>'] }, subscribe: news },
    },
  ];
  return { authorization: { users }, no_auth_user: 'viewer' };
}
