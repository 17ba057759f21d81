import { connect } from 'node:net';
import type { Attack } from './attack.ts';
import { pace } from './pace.ts';

const resp = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const asViewer = resp('AUTH', 'viewer', '-');
const wholeLog = resp('XRANGE', 'venue:events', '-', '+');

export const viewerAttacks = {
  'unread replies of Redis': {
    does: 'asks Redis for the whole log hundreds of times as its viewer, reads nothing, and comes back',
    port: 'redis',
    leftOut: { open: 'a viewer may ask for the whole log as often as it likes' },
    start({ redisPort }) {
      const open = () => {
        const socket = connect(redisPort, '127.0.0.1').pause();
        socket.on('error', () => {});
        // A socket that is not read detects its end only when it writes.
        const timer = setInterval(() => socket.write(resp('PING')), 100);
        socket.on('close', () => {
          clearInterval(timer);
          setTimeout(open, 100);
        });
        socket.write(asViewer + wholeLog.repeat(100));
      };
      for (let i = 0; i < 20; i++) open();
    },
  },
  'transactions of Redis': {
    does: 'has Redis read the whole log 500 times in one transaction, again and again, as its viewer',
    port: 'redis',
    start({ redisPort }, count) {
      const socket = connect(redisPort, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('data', ({ length }) => count('bytes', length));
      socket.write(asViewer);
      pace(2, () => socket.write(resp('MULTI') + wholeLog.repeat(500) + resp('EXEC')));
    },
  },
  'replies of NATS as events': {
    does: "has JetStream send its answers to the subjects of seats, as NATS's viewer",
    port: 'nats',
    leftOut: { open: 'NATS logs each refused publish of a viewer' },
    start({ natsPort }) {
      const socket = connect(natsPort, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write('CONNECT {"verbose":false}\r\n');
      const lastEvent = '{"last_by_subj":"seats.held"}';
      pace(1_000, () => {
        socket.write('PUB $JS.API.INFO seats.held 0\r\n\r\n');
        socket.write(`PUB $JS.API.STREAM.MSG.GET.SEATS seats.x ${lastEvent.length}\r\n${lastEvent}\r\n`);
      });
    },
  },
} satisfies Record<string, Attack>;
