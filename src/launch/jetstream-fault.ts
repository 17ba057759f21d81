import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { messageOf } from '../process/error-facts.ts';
import { isObject } from '../process/is-object.ts';
import { loopback } from './ports.ts';

const replyTimeoutMs = 5_000;
/** At start, JetStream sets its limit to this part of the free space. */
const takenShare = 0.75;
/** With this limit the whole stream fits. */
const enoughBytes = 1024 ** 3;
/** With less free space a restart would not help. */
const usefulBytes = 32 * 1024 ** 2;

/**
 * The reason why NATS must be restarted for its JetStream to work. On a full disk JetStream hangs or turns itself off; if it
 * was started on a full disk, it keeps its small limit.
 */
export async function jetStreamFault(monitorPort: number, dir: string): Promise<string | undefined> {
  let limit: number;
  try {
    limit = await jetStreamLimitBytes(monitorPort);
  } catch (error) {
    return `JetStream does not reply (${messageOf(error)})`;
  }
  const possible = await freeBytes(dir);
  if (limit >= enoughBytes || possible < usefulBytes || possible < 2 * limit) return undefined;
  return `JetStream is limited to ${megabytes(limit)} of the disk, but could use ${megabytes(possible)}`;
}

async function jetStreamLimitBytes(monitorPort: number): Promise<number> {
  const signal = AbortSignal.timeout(replyTimeoutMs);
  const response = await fetch(`http://${loopback}:${monitorPort}/jsz`, { signal });
  const info: unknown = await response.json();
  assert(isObject(info), 'the reply is not a JSON object');
  if (info.disabled === true) return 0;
  assert(isObject(info.config) && typeof info.config.max_storage === 'number', 'the reply contains no max_storage');
  return info.config.max_storage;
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize * takenShare;
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
