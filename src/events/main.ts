import { join } from 'node:path';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { Type } from 'typebox';
import { load } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { messageOf } from '../process/error-facts.ts';
import { recordedAddress } from '../process/recorded-address.ts';
import { withoutCredentials } from '../process/setting-problem.ts';
import { allSeatSubjects, subjectsOf } from '../protocol/events.ts';
import { natsLogin } from './nats-address.ts';

const usage = `npm run events [-- subject …]

Prints the messages of NATS, one line per message: the subject and the JSON. Ctrl-C ends it.
Subjects: ${allSeatSubjects} (the default), ${subjectsOf().heartbeat}, ${subjectsOf().presence};
of another show: seats.<show>.*, venue.<show>.heartbeat, presence.<show>.edges

NATS_URL   address of NATS; without it, the NATS that ./start.sh started with the same DATA_DIR
DATA_DIR   data folder of ./start.sh (.data)`;

const connectTimeoutMs = 4_000;

const Settings = Type.Object({
  NATS_URL: Type.Optional(Type.String({ minLength: 1, must: 'a URL that begins with nats:// or tls://, or unset' })),
  DATA_DIR: Type.String({ default: '.data', minLength: 1 }),
});

/** Standard output has the messages only, so that it can be piped. */
const note = (text: string): void => void process.stderr.write(`${text}\n`);

function fail(message: string): never {
  note(message);
  process.exit(1);
}

function addressOf(env: NodeJS.ProcessEnv): string {
  const { NATS_URL, DATA_DIR } = load(Settings, env);
  return NATS_URL ?? recordedAddress(join(DATA_DIR, 'nats')) ?? 'nats://127.0.0.1:4222';
}

async function open(url: string): Promise<NatsConnection> {
  const options = { ...natsLogin(url), name: 'events', timeout: connectTimeoutMs, maxReconnectAttempts: -1 };
  try {
    return await connect(options);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new ConfigError(
      `NATS_URL=${JSON.stringify(withoutCredentials(url))}: NATS does not answer (${reason}). Start the system, or set NATS_URL or DATA_DIR to those of the running one. SERVERS=embedded has no NATS.`,
      { cause },
    );
  }
}

/** As JSON, so that no control character of a message reaches the terminal. */
function lineOf({ subject, ...message }: Pick<Msg, 'subject'> & { text: string }): string {
  try {
    return `${subject} ${JSON.stringify(JSON.parse(message.text))}\n`;
  } catch {
    return `${subject} ${JSON.stringify(message.text)}\n`;
  }
}

async function tail(url: string, wanted: readonly string[]): Promise<void> {
  const nats = await open(url);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void nats.close());
  process.stdout.on('error', () => void nats.close()); // the reader of the pipe has ended
  for (const subject of wanted) {
    nats.subscribe(subject, {
      callback: (error, message) => {
        if (error) fail(`${subject}: ${error.message}`);
        process.stdout.write(lineOf({ subject: message.subject, text: message.string() }));
      },
    });
  }
  await nats.flush();
  note(`${wanted.join(', ')} at ${withoutCredentials(url)}. Ctrl-C ends it.`);
  void nats.closed().then((error) => {
    if (error) fail(error.message);
  });
  for await (const { type } of nats.status()) {
    if (type === 'disconnect') note('NATS is unavailable. Messages are missing until it is available again.');
    if (type === 'reconnect') note('NATS is available again.');
  }
}

const args = process.argv.slice(2);
if (args.includes('--help')) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
if (args.some((arg) => arg.startsWith('-'))) {
  note(usage);
  process.exit(2);
}
await tail(addressOf(process.env), args.length > 0 ? args : [allSeatSubjects]).catch((error: Error) =>
  fail(error instanceof ConfigError ? error.message : String(error.stack)),
);
