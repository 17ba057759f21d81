import { isWholeState } from '../../src/browser/compact-seats.ts';
import type { CompactState, SeatChanges } from '../../src/protocol/venue.ts';

/** Every 16th socket keeps a view of the seats; all others must get the same bytes. */
const viewedEvery = 16;

interface Flush {
  seq: number;
  bytes: Buffer;
  changes: SeatChanges;
  /** The seq of the flush before it. */
  after: number;
}

/** The messages that one edge sent to all its sockets. */
interface EdgeFlushes {
  bySeq: Map<number, Flush>;
  latest: Flush | undefined;
}

/** Judges the SEATS of all sockets: none skips a flush, goes back or gets other bytes than the others, and all end in the true state. */
export class PacedViews {
  readonly #flushes = new Map<string, EdgeFlushes>();
  /** By socket: a character per seat. */
  readonly #views = new Map<number, Buffer>();
  readonly counts = { skipped: 0, outOfOrder: 0, different: 0 };

  /**
   * The seq after a message that is byte by byte the latest flush of the edge, for a socket that was at the flush before it.
   * Undefined: another message, for `received` and `flushed`. Most messages end here, so it costs one comparison.
   */
  latest(url: string, socket: number, from: number, bytes: Buffer, start: number, end: number): number | undefined {
    const latest = this.#flushes.get(url)?.latest;
    if (latest?.after !== from) return undefined;
    if (bytes.compare(latest.bytes, 0, latest.bytes.length, start, end) !== 0) return undefined;
    if (socket % viewedEvery === 0) this.#change(socket, latest.changes);
    return latest.seq;
  }

  /** Changes that follow a state or others. `from`: the seq at which the socket was. */
  flushed(url: string, from: number, seq: number, bytes: Buffer): void {
    const ofEdge = this.#flushes.get(url) ?? { bySeq: new Map<number, Flush>(), latest: undefined };
    this.#flushes.set(url, ofEdge);
    const known = ofEdge.bySeq.get(seq);
    if (!known) {
      const { latest } = ofEdge;
      if (latest && seq < latest.seq) this.counts.skipped++; // by the socket that got the later flush first
      const flush = { seq, bytes: Buffer.from(bytes), changes: dataOf(bytes), after: latest?.seq ?? 0 };
      ofEdge.bySeq.set(seq, flush);
      if (!latest || seq > latest.seq) ofEdge.latest = flush;
    } else if (!known.bytes.equals(bytes)) this.counts.different++;
    if (seq < from) this.counts.outOfOrder++;
    if (known && from < known.after) this.counts.skipped++;
  }

  /** Any SEATS of a socket, in order. */
  received(socket: number, bytes: Buffer): void {
    if (socket % viewedEvery !== 0) return;
    const data: CompactState | SeatChanges = dataOf(bytes);
    if (isWholeState(data)) this.#views.set(socket, Buffer.from(data.statuses));
    else this.#change(socket, data);
  }

  /** Number of sockets whose view is not `statuses`, a character per seat. */
  wrong(statuses: string): number {
    const truth = Buffer.from(statuses);
    return [...this.#views.values()].filter((view) => !view.equals(truth)).length;
  }

  #change(socket: number, { available, held, booked }: SeatChanges): void {
    const view = this.#views.get(socket);
    for (const [status, indexes] of [available, held, booked].entries()) {
      for (const index of indexes ?? []) view?.writeUInt8('0'.charCodeAt(0) + status, index);
    }
  }
}

const dataOf = (bytes: Buffer) => JSON.parse(bytes.toString()).data;
