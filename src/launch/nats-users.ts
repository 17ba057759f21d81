import { subjects } from '../protocol/events.ts';

export interface NatsUsersOptions {
  bookingPassword: string;
  edgePassword: string;
}

const stream = 'SEATS';
/** Where the answers to one's own requests come. */
const inbox = '_INBOX.>';
const streamApi = (...verbs: string[]) => verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`);

/**
 * The users of our NATS, in the form of its configuration: the booking service publishes and makes the stream, the
 * edges listen and say how many browsers they have, whoever has no password may listen and look into the stream.
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
      permissions: {
        publish: ['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', ...streamApi('INFO', 'MSG.GET')],
        subscribe: [...news, inbox],
      },
    },
  ];
  return { authorization: { users }, no_auth_user: 'viewer' };
}
