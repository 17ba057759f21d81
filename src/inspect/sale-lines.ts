import { setTimeout as delay } from 'node:timers/promises';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import { shownFact } from './projection.ts';
import type { SaleLog } from './sale-log.ts';

/** The minimum that the log keeps. */
const maxLines = 100_000;
/** Lines of one chunk: they block the event loop for a few milliseconds. */
const linesPerChunk = 256;
const newline = 10;

interface Chunk {
  firstSeq: number;
  count: number;
  bytes: Buffer;
}

/** The sale as lines of JSON. Reads and serialises each transition once, however often the history is requested. */
export class SaleLines {
  readonly #log: SaleLog;
  #epoch = '';
  /** The seq before the first line, and the seq of the last line. */
  #fromSeq = 0;
  #toSeq = 0;
  #chunks: Chunk[] = [];
  #reading: Promise<void> = Promise.resolve();

  constructor(log: SaleLog) {
    this.#log = log;
  }

  /** All transitions from the start of the log up to `newest`. Rejects if the store fails. */
  async upTo(newest: Position): Promise<{ fromSeq: number; lines: Buffer[] }> {
    const read = this.#reading.catch(() => {}).then(() => this.#read(newest));
    this.#reading = read;
    await read;
    const lines = this.#chunks.filter(({ firstSeq }) => firstSeq <= newest.seq).map((chunk) => cut(chunk, newest.seq));
    return { fromSeq: this.#fromSeq, lines };
  }

  async #read(newest: Position): Promise<void> {
    if (newest.epoch !== this.#epoch) {
      const fromSeq = await this.#log.beginning(newest);
      this.#epoch = newest.epoch;
      this.#fromSeq = fromSeq;
      this.#toSeq = fromSeq;
      this.#chunks = [];
    }
    let startedAtMs = performance.now();
    for await (const events of this.#log.pages(newest.epoch, this.#toSeq, newest.seq, linesPerChunk)) {
      this.#add(events);
      // Leaves at least half of the process to other work.
      await delay(performance.now() - startedAtMs);
      startedAtMs = performance.now();
    }
  }

  #add(events: readonly SeatEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    const lines = events.map((event) => `${JSON.stringify(shownFact(event))}\n`);
    const bytes = Buffer.from(lines.join(''));
    const newest = this.#chunks.at(-1);
    if (newest && newest.count < linesPerChunk) {
      newest.count += events.length;
      newest.bytes = Buffer.concat([newest.bytes, bytes]);
    } else {
      this.#chunks.push({ firstSeq: first.seq, count: events.length, bytes });
    }
    this.#toSeq = last.seq;
    for (let oldest = this.#chunks[0]; oldest && this.#toSeq - this.#fromSeq > maxLines; oldest = this.#chunks[0]) {
      this.#chunks.shift();
      this.#fromSeq += oldest.count;
    }
  }
}

/** The lines of a chunk up to a transition. */
function cut({ firstSeq, count, bytes }: Chunk, lastSeq: number): Buffer {
  let end = 0;
  if (firstSeq + count - 1 <= lastSeq) return bytes;
  for (let seq = firstSeq; seq <= lastSeq; seq++) end = bytes.indexOf(newline, end) + 1;
  return bytes.subarray(0, end);
}
