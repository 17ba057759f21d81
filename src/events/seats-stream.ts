import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { allSeatSubjects } from '../protocol/events.ts';

const mebibyte = 1024 ** 2;
export const seatsStream = { name: 'SEATS', leastBytes: 16 * mebibyte };
const { name, leastBytes } = seatsStream;
const wantedBytes = 1024 * mebibyte;
const duplicateWindowMs = 120_000;
const apiTimeoutMs = 1_000;
/** JetStream reserves `max_bytes`. These error codes mean that the disk, the account or the cluster has no room for it. */
const noRoomCodes = [10002, 10005, 10023, 10028, 10047, 10122];

/** Uses the existing stream, or creates one as large as there is room for. Rejects with the reason if there is no usable stream. */
export async function requireSeatsStream(nats: NatsConnection, logger: Logger, replicas: number): Promise<void> {
  const { streams } = await jetstreamManager(nats, { checkAPI: false, timeout: apiTimeoutMs });
  const found = await streams.info(name).catch((error: Error) => {
    if (isStreamNotFound(error)) return undefined;
    throw error;
  });
  if (found) {
    requireSubjects(found.config.subjects);
    const { num_replicas } = found.config;
    if (num_replicas < replicas) {
      logger.warn(
        { stream: name, num_replicas, wanted: replicas },
        'The JetStream stream has fewer replicas than NATS_STREAM_REPLICAS: an operator must change it',
      );
    }
    return;
  }
  for (let maxBytes = wantedBytes; ; maxBytes /= 2) {
    try {
      await streams.add({
        name,
        subjects: [allSeatSubjects],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        max_bytes: maxBytes,
        num_replicas: replicas,
        duplicate_window: duplicateWindowMs * 1e6,
      });
    } catch (error) {
      if (isNoRoom(error) && maxBytes > leastBytes) continue;
      throw error;
    }
    const size = { stream: name, maxMebibytes: maxBytes / mebibyte };
    if (maxBytes === wantedBytes) logger.info(size, 'Created the JetStream stream');
    else logger.warn(size, `Created a smaller JetStream stream: there is no room for ${wantedBytes / mebibyte} MiB`);
    return;
  }
}

/** An operator may have created the stream. */
function requireSubjects(taken: readonly string[] = []): void {
  if (taken.some((subject) => [allSeatSubjects, '>'].includes(subject))) return;
  throw new Error(`The stream ${name} takes ${JSON.stringify(taken)}, not ${allSeatSubjects}`);
}

export const isStreamNotFound = (error: unknown) =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
export const isNoRoom = (error: unknown) => error instanceof JetStreamApiError && noRoomCodes.includes(error.code);
