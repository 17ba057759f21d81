import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { WaitingBytes } from './client-buffers.ts';
import type { EdgeMetrics } from './metrics.ts';
import type { VenueStateFrame } from './venue-state-frames.ts';

interface ClientOutputOptions {
  ws: WebSocket;
  /** The socket of `ws`. Complete frames are written to it directly, as `ws` does itself without compression. */
  socket: Duplex;
  /** Buffer limit, not counting the newest VENUE_STATE. */
  limitBytes: number;
  metrics: EdgeMetrics;
}

/** Writes frames to one client and measures how much of them the client has yet to read. */
export class ClientOutput {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #limitBytes: number;
  readonly #metrics: EdgeMetrics;
  /** The newest VENUE_STATE, and the number of bytes written after it. */
  #state: VenueStateFrame | undefined;
  #bytesAfterState = 0;
  #stateAllowanceBytes = 0;
  #bytesWritten = 0;
  #bytesWrittenAtCheck = 0;

  constructor({ ws, socket, limitBytes, metrics }: ClientOutputOptions) {
    this.#ws = ws;
    this.#socket = socket;
    this.#limitBytes = limitBytes;
    this.#metrics = metrics;
  }

  get isOverLimit(): boolean {
    return this.#socket.writableLength > this.#limitBytes + this.#stateAllowanceBytes;
  }

  /** The unread part of the newest VENUE_STATE. */
  get waitingStateBytes(): number {
    return Math.min(this.#state?.bytes ?? 0, Math.max(0, this.#socket.writableLength - this.#bytesAfterState));
  }

  write(frames: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return; // nothing may follow a close frame
    this.#metrics.frameBytes.inc(frames.length);
    this.#bytesWritten += frames.length;
    this.#bytesAfterState += frames.length;
    this.#socket.write(frames);
  }

  /** One system call for all that `write` writes. */
  together(write: () => void): void {
    this.#socket.cork();
    try {
      write();
    } finally {
      this.#socket.uncork();
    }
  }

  writeState(frame: VenueStateFrame): void {
    this.#stateAllowanceBytes = frame.bytes; // a large venue is no sign of a slow client
    this.together(() => {
      for (const part of frame.parts) this.write(part);
    });
    this.#state = frame;
    this.#bytesAfterState = 0;
  }

  waiting(): WaitingBytes {
    const bytes = this.#socket.writableLength;
    const stalledBytes = Math.max(0, bytes - (this.#bytesWritten - this.#bytesWrittenAtCheck));
    this.#bytesWrittenAtCheck = this.#bytesWritten;
    const stateBytes = this.waitingStateBytes;
    if (stateBytes === 0) this.#state = undefined;
    return { bytes, stalledBytes, stateBytes, stateParts: this.#state?.parts ?? [] };
  }
}
