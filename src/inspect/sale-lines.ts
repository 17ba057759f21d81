import { setTimeout as delay } from 'node:timers/promises';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import type { HistoryEvent } from './feed.ts';
import { shownFact } from './projection.ts';
import type { SaleLog } from './sale-log.ts';

/** As many as the log keeps for sure. */
const maxLines = 100_000;
/** Of one piece of work: some milliseconds, during which nothing else is done. */
const linesPerChunk = 256;
const newline = 10;

interface Chunk {
  firstSeq: number;
  count: number;
  bytes: Buffer;
}

/** The sale as lines of JSON. Each transition is read from the log and written once, however often the history is asked for. */
export class SaleLines {
  readonly #log: SaleLog;
  #epoch = '';
  /** The seq before the first line, and that of the last. */
  #fromSeq = 0;
  #toSeq = 0;
  #chunks: Chunk[] = [];
  #reading: Promise<void> = Promise.resolve();

  constructor(log: SaleLog) {
    this.#log = log;
  }

  /** Everything since the log begins, up to a transition. Rejects as the store does. */
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
      // Others have at least as much of the process as this.
      await delay(performance.now() - startedAtMs);
      startedAtMs = performance.now();
    }
  }

  #add(events: readonly SeatEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    const lines = events.map((event) => `${JSON.stringify(shownFact(event) as unknown as HistoryEvent)}\n`);
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

/** Without the lines that follow a transition. */
function cut({ firstSeq, count, bytes }: Chunk, lastSeq: number): Buffer {
  let end = 0;
  if (firstSeq + count - 1 <= lastSeq) return bytes;
  for (let seq = firstSeq; seq <= lastSeq; seq++) end = bytes.indexOf(newline, end) + 1;
  return bytes.subarray(0, end);
}
