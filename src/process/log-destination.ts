import { write as writeFile } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DestinationStream } from 'pino';

const maxQueuedChars = 256 * 1024;
/** Between a failed write and the next attempt. */
const retryMs = 100;
/** A write that takes longer is blocked by a reader that does not read. */
const blockedAfterMs = 1_000;
const settlePollMs = 20;

type Write = (fd: number, data: Buffer, done: (error: Error | null, written: number) => void) => void;

/**
 * Writes log entries to a file descriptor; never throws and never blocks the process. If the disk is full or the reader does
 * not read, entries wait in a bounded queue; those that do not fit are dropped and counted.
 *
 * pino's own destination throws on the second failed write, and loops in process.exit() while the disk is full.
 */
export class LogDestination implements DestinationStream {
  readonly #fd: number;
  readonly #onLoss: (lost: number, cause: string) => void;
  readonly #write: Write;
  #queue: string[] = [];
  #queuedChars = 0;
  /** The part of the current batch that is not written yet. */
  #unwritten: Buffer | undefined;
  #writingSinceMs: number | undefined;
  #lost = 0;
  #lastError: Error | undefined;

  /** `onLoss` is called when writing works again. */
  constructor(fd: number, onLoss: (lost: number, cause: string) => void, write: Write = writeFile) {
    this.#fd = fd;
    this.#onLoss = onLoss;
    this.#write = write;
  }

  /** True while a thread waits for a reader, which keeps process.exit() from returning. */
  get isBlocked(): boolean {
    return this.#writingSinceMs !== undefined && performance.now() - this.#writingSinceMs > blockedAfterMs;
  }

  /** For the end of the process: waits until the current write is done or known to be blocked. */
  async settle(): Promise<void> {
    while (this.#writingSinceMs !== undefined && !this.isBlocked) await sleep(settlePollMs);
  }

  write(entry: string): void {
    if (this.#queuedChars + entry.length > maxQueuedChars) {
      this.#lost++;
      return;
    }
    this.#queue.push(entry);
    this.#queuedChars += entry.length;
    if (!this.#unwritten) this.#writeQueue();
  }

  /** For the exit of the process: hands over all entries without waiting. process.exit() completes writes that have begun. */
  flush(): void {
    const queued = Buffer.from(this.#takeQueue());
    const isWriting = this.#writingSinceMs !== undefined;
    const rest = isWriting || !this.#unwritten ? queued : Buffer.concat([this.#unwritten, queued]);
    if (rest.length > 0) this.#write(this.#fd, rest, () => {});
  }

  #takeQueue(): string {
    const entries = this.#queue.join('');
    this.#queue = [];
    this.#queuedChars = 0;
    return entries;
  }

  #writeQueue(): void {
    if (this.#queue.length === 0) return;
    this.#writeRest(Buffer.from(this.#takeQueue()));
  }

  #writeRest(rest: Buffer): void {
    this.#unwritten = rest;
    this.#writingSinceMs = performance.now();
    this.#write(this.#fd, rest, (error, written) => {
      this.#writingSinceMs = undefined;
      if (error) {
        this.#lastError = error;
        setTimeout(() => this.#writeRest(rest), retryMs).unref();
      } else if (written < rest.length) {
        this.#writeRest(rest.subarray(written));
      } else {
        this.#unwritten = undefined;
        if (this.#queue.length > 0) this.#writeQueue();
        else this.#reportLoss(); // into a full queue the report itself would be lost
      }
    });
  }

  #reportLoss(): void {
    const [lost, cause] = [this.#lost, this.#lastError?.message ?? 'the reader of the log is too slow'];
    this.#lost = 0;
    this.#lastError = undefined;
    if (lost > 0) this.#onLoss(lost, cause);
  }
}
