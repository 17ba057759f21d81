import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const defaultMaxBytes = 10 * 1024 ** 2;
/** Besides the current file; `x.log.1` is the newest. */
const keptFiles = 4;
const checkMs = 1_000;

/** Bounds the size of every log in the folder until the signal aborts. Never rejects. */
export async function rotateLogs(folder: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await rotateOnce(folder);
    await sleep(checkMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

export async function rotateOnce(folder: string, maxBytes = defaultMaxBytes): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith('.log')))
    await rotateIfLarge(join(folder, name), maxBytes).catch(() => {});
}

/**
 * Copies and truncates the file, like logrotate's `copytruncate`: processes keep their log open, and only nginx could be made
 * to reopen it. An entry that is written between the two steps is lost.
 */
async function rotateIfLarge(log: string, maxBytes: number): Promise<void> {
  const file = await open(log, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    if ((await file.stat()).size <= maxBytes) return;
    await copy(log).catch(() => rm(`${log}.1`, { force: true })); // on a full disk no copy is kept
    await file.truncate(0);
  } finally {
    await file.close();
  }
}

async function copy(log: string): Promise<void> {
  await rm(`${log}.${keptFiles}`, { force: true });
  for (let number = keptFiles; number > 1; number--)
    await rename(`${log}.${number - 1}`, `${log}.${number}`).catch(() => {});
  await pipeline(createReadStream(log), createWriteStream(`${log}.1`, { flags: 'wx', mode: 0o600 }));
}
