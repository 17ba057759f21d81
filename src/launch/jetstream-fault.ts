import { statfs } from 'node:fs/promises';
import { loopback } from './ports.ts';

const replyTimeoutMs = 5_000;
/** JetStream takes this part of the free space, when it starts, for its limit. */
const takenShare = 0.75;
/** With this limit there is room for the whole stream. */
const enoughBytes = 1024 ** 3;
/** Below this a restart would not help. */
const usefulBytes = 32 * 1024 ** 2;

interface JetStreamInfo {
  disabled?: boolean;
  config: { max_storage: number };
}

/**
 * Why NATS has to be started again for its JetStream to work. A full disk makes JetStream hang, or turn itself off; one
 * that started on a full disk keeps the small limit that it took then.
 */
export async function jetStreamFault(monitorPort: number, dir: string): Promise<string | undefined> {
  let info: JetStreamInfo;
  try {
    info = await jetStreamInfo(monitorPort);
  } catch (error) {
    return `JetStream does not reply (${(error as Error).message})`;
  }
  const limit = info.disabled ? 0 : info.config.max_storage;
  const possible = await freeBytes(dir);
  if (limit >= enoughBytes || possible < usefulBytes || possible < 2 * limit) return undefined;
  return `JetStream has ${megabytes(limit)} of the disk, and could have ${megabytes(possible)}`;
}

async function jetStreamInfo(monitorPort: number): Promise<JetStreamInfo> {
  const signal = AbortSignal.timeout(replyTimeoutMs);
  const response = await fetch(`http://${loopback}:${monitorPort}/jsz`, { signal });
  return (await response.json()) as JetStreamInfo;
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize * takenShare;
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
