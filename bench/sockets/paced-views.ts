import { isWholeState } from '../../src/browser/compact-seats.ts';
import type { CompactState, SeatChanges } from '../../src/protocol/venue.ts';

/** Every 16th socket parses its messages; all others must get the same bytes. */
const readEvery = 16;

interface Flush {
  bytes: Buffer;
  /** The seq of the flush before it. */
  after: number;
}

/** The messages that one edge sent to all its sockets. */
interface EdgeFlushes {
  bySeq: Map<number, Flush>;
  lastSeq: number;
}

/** Judges the SEATS of all sockets: none skips a flush, goes back or gets other bytes than the others, and all end in the true state. */
export class PacedViews {
  readonly #flushes = new Map<string, EdgeFlushes>();
  /** By socket: a character per seat. */
  readonly #views = new Map<number, Buffer>();
  readonly counts = { skipped: 0, outOfOrder: 0, different: 0 };

  /** Changes that follow a state or others. `from`: the seq at which the socket was. */
  flushed(url: string, from: number, seq: number, bytes: Buffer): void {
    const ofEdge = this.#flushes.get(url) ?? { bySeq: new Map<number, Flush>(), lastSeq: 0 };
    this.#flushes.set(url, ofEdge);
    const known = ofEdge.bySeq.get(seq);
    if (!known) {
      if (seq < ofEdge.lastSeq) this.counts.skipped++; // by the socket that got the later flush first
      ofEdge.bySeq.set(seq, { bytes: Buffer.from(bytes), after: ofEdge.lastSeq });
      ofEdge.lastSeq = Math.max(ofEdge.lastSeq, seq);
    } else if (!known.bytes.equals(bytes)) this.counts.different++;
    if (seq < from) this.counts.outOfOrder++;
    if (known && from < known.after) this.counts.skipped++;
  }

  /** Any SEATS of a socket, in order. */
  received(socket: number, bytes: Buffer): void {
    if (socket % readEvery !== 0) return;
    const { data } = JSON.parse(bytes.toString()) as { data: CompactState | SeatChanges };
    if (isWholeState(data)) {
      this.#views.set(socket, Buffer.from(data.statuses));
      return;
    }
    const view = this.#views.get(socket);
    for (const [status, indexes] of [data.available, data.held, data.booked].entries()) {
      for (const index of indexes ?? []) view?.writeUInt8('0'.charCodeAt(0) + status, index);
    }
  }

  /** Number of sockets whose view is not `statuses`, a character per seat. */
  wrong(statuses: string): number {
    const truth = Buffer.from(statuses);
    return [...this.#views.values()].filter((view) => !view.equals(truth)).length;
  }
}
