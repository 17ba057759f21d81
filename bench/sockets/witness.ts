import { type RawData, WebSocket } from 'ws';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { rateLimitRemedy } from '../audit/client-log.ts';
import { CannotAuditError } from '../audit/venue-truth.ts';
import type { ShowUnderLoad } from '../venue/show-under-load.ts';

const connectTimeoutMs = 10_000;

const webSocketUrl = (httpUrl: string): string => `${httpUrl.replace(/^http/, 'ws')}/ws`;

/** A client that watches a run. Its view of the seats comes only from the messages of its socket. */
export class Witness {
  readonly name: string;
  readonly seats = new Map<string, Seat>();
  readonly problems: string[] = [];
  epoch = '';
  seq = 0;
  updates = 0;
  readonly #ws: WebSocket;
  #isClosing = false;

  static async connect(httpUrl: string, show: ShowUnderLoad, name: string): Promise<Witness> {
    const ws = new WebSocket(webSocketUrl(httpUrl), [subprotocol], {
      handshakeTimeout: connectTimeoutMs,
      perMessageDeflate: false,
      maxPayload: 256 * 1024 * 1024,
    });
    const witness = new Witness(ws, show, name);
    await new Promise<void>((resolve, reject) => {
      ws.once('message', () => resolve());
      ws.once('error', (error) => {
        const isLimit = error.message.includes('429');
        reject(isLimit ? new CannotAuditError(`rate limits refused a socket. ${rateLimitRemedy}`) : error);
      });
      setTimeout(
        () => reject(new Error(`${httpUrl} sent no VENUE_STATE within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      ).unref();
    });
    return witness;
  }

  private constructor(ws: WebSocket, { id: venue }: ShowUnderLoad, name: string) {
    this.name = name;
    this.#ws = ws;
    ws.on('open', () => ws.send(JSON.stringify({ type: 'CONNECT', data: { venue } })));
    ws.on('message', (data: RawData) => this.#receive(JSON.parse(data.toString()) as ServerMessage));
    ws.on('error', () => {});
    ws.on('close', (code) => {
      if (!this.#isClosing) this.problems.push(`${name} was closed with ${code}`);
    });
  }

  /** Resolves when the view is at `seq`, or after the time-out. */
  async reaches(seq: number, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.seq < seq && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  close(): void {
    this.#isClosing = true;
    this.#ws.terminate();
  }

  #receive(message: ServerMessage): void {
    if (message.type === 'VENUE_STATE') {
      const { epoch, seq, seats } = message.data;
      if (epoch === this.epoch && seq < this.seq)
        this.problems.push(`${this.name} went back from seq ${this.seq} to ${seq}`);
      this.epoch = epoch;
      this.seq = seq;
      for (const seat of seats) this.seats.set(seat.id, seat);
    } else if (message.type === 'SEAT_UPDATE') {
      const { seat_id, ...update } = message.data;
      if (update.seq !== this.seq + 1) this.problems.push(`${this.name}: seq ${this.seq} is followed by ${update.seq}`);
      const seat = this.seats.get(seat_id);
      if (!seat)
        return void this.problems.push(
          `${this.name} received an update of ${seat_id}, which is not in its VENUE_STATE`,
        );
      this.seats.set(seat_id, { id: seat_id, row: seat.row, col: seat.col, ...update });
      this.seq = update.seq;
      this.updates++;
    }
  }
}
