import { allSeatSubjects, subjectsOf } from '../protocol/events.ts';

export interface NatsUsersOptions {
  bookingPassword: string;
  edgePassword: string;
}

const stream = 'SEATS';
/** Subjects of replies to a client's own requests. */
const inbox = '_INBOX.>';
const streamApi = (...verbs: string[]) => verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`);

/**
 * The users of our NATS, as its configuration expects them: the booking service publishes and creates the stream, the edges
 * subscribe and publish presence, `viewer`, which needs no password, only subscribes.
 *
 * `viewer` may not even publish requests: JetStream replies to any subject that a request names, including trusted ones.
 */
export function natsUsers({ bookingPassword, edgePassword }: NatsUsersOptions): object {
  const scopes = [subjectsOf(), subjectsOf('*')]; // the default show, and any other
  const heartbeats = scopes.map(({ heartbeat }) => heartbeat);
  const presence = scopes.map((scope) => scope.presence);
  const live = [allSeatSubjects, ...heartbeats, ...presence];
  const transitions = scopes.flatMap((scope) => scope.transitions);
  const users = [
    {
      user: 'booking',
      password: bookingPassword,
      permissions: {
        publish: [...transitions, ...heartbeats, ...streamApi('INFO', 'CREATE')],
        subscribe: [...live, inbox],
      },
    },
    { user: 'edge', password: edgePassword, permissions: { publish: presence, subscribe: live } },
    {
      user: 'viewer',
      password: '',
      permissions: { publish: { deny: ['>'] }, subscribe: live },
    },
  ];
  return { authorization: { users }, no_auth_user: 'viewer' };
}
