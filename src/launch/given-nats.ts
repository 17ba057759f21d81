import { connect as connectTcp } from 'node:net';
import { JetStreamApiCodes, JetStreamApiError, jetstreamManager, PubHeaders, StorageType } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import { natsLogin } from '../events/nats-address.ts';
import { isNoRoom, isStreamNotFound, seatsStream } from '../events/seats-stream.ts';
import { ConfigError } from '../process/config-error.ts';
import { errorOf, messageOf } from '../process/error-facts.ts';
import { allSeatSubjects, subjectsOf } from '../protocol/events.ts';
import { certificateProblem, noAnswer, parseAddress, redacted } from './given-address.ts';
import { GivenServerError } from './given-server-error.ts';
import { tooOld } from './server-versions.ts';

const setting = 'NATS_URL';
/** Error message of the client, which requires TLS if the address begins with tls://. */
const noTls = "server does not support 'tls'";
/** The smallest stream that works. */
const trial = { name: `${seatsStream.name}_TRIAL`, subjects: ['seats_trial'], max_bytes: seatsStream.leastBytes };

/** Returns warnings; throws a GivenServerError if this NATS cannot be used. */
export async function judgeNats(addresses: string, { timeoutMs }: { timeoutMs: number }): Promise<string[]> {
  const urls = addresses.split(',').map((address) => parseAddress(setting, address));
  const nats = await connected(addresses, urls, timeoutMs / 2);
  try {
    const reason = tooOld('nats-server', nats.info?.version ?? '') ?? (await missingRight(nats));
    if (reason) throw problem(addresses, `cannot be used. ${reason}`);
    return (await streamWarnings(nats, timeoutMs / 2)).map((text) => `${setting}=${redacted(addresses)}: ${text}`);
  } catch (cause) {
    if (cause instanceof GivenServerError) throw cause;
    throw noAnswer(setting, addresses, messageOf(cause));
  } finally {
    await nats.close();
  }
}

const problem = (addresses: string, text: string) => new GivenServerError(`${setting}=${redacted(addresses)} ${text}`);

async function connected(addresses: string, urls: URL[], timeoutMs: number): Promise<NatsConnection> {
  try {
    return await connect({ ...natsLogin(addresses), timeout: timeoutMs, reconnect: false, noEcho: true });
  } catch (error) {
    if (error instanceof ConfigError) throw new GivenServerError(error.message);
    const failure = errorOf(error);
    const { message, name, cause } = failure;
    if (message === noTls)
      throw problem(addresses, 'cannot be used. It has no TLS. Set up TLS there, or begin the address with nats://.');
    if (name === 'AuthorizationError')
      throw problem(addresses, 'refuses the login. Correct the user and the password, or the token, in the address.');
    const badCertificate = certificateProblem(setting, addresses, failure);
    if (badCertificate) throw badCertificate;
    const speaker = name === 'TimeoutError' && urls[0] ? await serverAt(urls[0], timeoutMs / 2) : undefined;
    if (speaker) throw problem(addresses, `is not a NATS server: ${speaker} answers there. Correct the address.`);
    throw noAnswer(setting, addresses, cause instanceof Error ? cause.message : message);
  }
}

/** Identifies the server at an address. NATS sends first; Redis and HTTP servers wait for a request. */
function serverAt({ hostname, port }: URL, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connectTcp({ host, port: Number(port) || 4222, timeout: timeoutMs }, () =>
      socket.write('PING\r\n\r\n'),
    );
    socket.once('data', (data) => {
      const first = data.toString('latin1');
      resolve(/^[+-]/.test(first) ? 'a Redis server' : first.startsWith('HTTP') ? 'an HTTP server' : 'another server');
      socket.destroy();
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(undefined));
  });
}

/** Tests the rights by using them. Subscribers drop the empty messages, and the expected-stream header keeps JetStream from storing them. */
async function missingRight(nats: NatsConnection): Promise<string | undefined> {
  const denied = new Set<string>();
  void (async () => {
    for await (const status of nats.status())
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        denied.add(`${status.error.operation} ${status.error.subject}`);
  })();
  // Those of the default show, and of any other.
  const scopes = [subjectsOf(), subjectsOf('trial')];
  const live = scopes.flatMap(({ heartbeat, presence }) => [heartbeat, presence]);
  for (const subject of [allSeatSubjects, ...live]) nats.subscribe(subject, { callback: () => {} });
  const notStored = headers();
  notStored.set(PubHeaders.ExpectedStreamHdr, 'none');
  const transitions = scopes.flatMap((scope) => scope.transitions);
  for (const subject of [...transitions, ...live]) nats.publish(subject, '', { headers: notStored });
  await nats.flush();
  await nats.flush(); // after the second flush the loop above has processed all refusals
  if (denied.size === 0) return undefined;
  return `Its user lacks rights that are needed: ${[...denied].join(', ')}. Grant the rights listed in docs/operations.md.`;
}

/** Live updates need no stream: without one, a booking process publishes missed events from the log in Redis. */
async function streamWarnings(nats: NatsConnection, timeoutMs: number): Promise<string[]> {
  const { streams } = await jetstreamManager(nats, { checkAPI: false, timeout: timeoutMs });
  const problemOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: Error) => error,
    );
  const unknown = await problemOf(streams.info(seatsStream.name));
  if (!unknown) return [];
  if (unknown.name === 'JetStreamNotEnabled' || isNotEnabledForAccount(unknown))
    return ['It has no JetStream, which keeps events for other subscribers; live updates work. Start it with -js.'];
  if (!isStreamNotFound(unknown)) return [`JetStream does not reply (${unknown.message}); live updates work.`];

  // A booking process creates the stream. Only creating one shows whether there is room, so this creates and deletes a trial one.
  const mayDelete = isStreamNotFound(await problemOf(streams.delete(trial.name)));
  if (!mayDelete) return [];
  const refusal = await problemOf(streams.add({ ...trial, storage: StorageType.File }));
  if (!refusal) await streams.delete(trial.name);
  if (!(refusal instanceof JetStreamApiError)) return [];
  if (!isNoRoom(refusal)) return [`JetStream cannot create a stream (${refusal.message}); live updates work.`];
  return [
    `JetStream has no room for the stream (${refusal.message}), which keeps events for other subscribers; live updates work. Give it ${trial.max_bytes / 1024 ** 2} MiB of storage or more.`,
  ];
}

const isNotEnabledForAccount = (error: Error) =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.JetStreamNotEnabledForAccount;
