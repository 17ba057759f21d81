import { applySeats, isWholeState } from '../../src/browser/compact-seats.ts';
import { Venue } from '../../src/browser/venue.ts';
import type { HubClient } from '../../src/edge/seat-stream.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import type { gridPlan } from '../../src/shows/default-show.ts';

/** The text messages in some unmasked frames. */
function messagesIn(frames: Buffer): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (let at = 0; at < frames.length; ) {
    const short = (frames[at + 1] as number) & 127;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126 ? short : short === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2));
    messages.push(JSON.parse(frames.toString('utf8', start, start + length)));
    at = start + length;
  }
  return messages;
}

/** A page without its DOM, connected to the stream of an edge. */
export class CompactPage implements HubClient {
  readonly isCompact = true;
  userId: string | undefined;
  readonly messages: ServerMessage[] = [];
  readonly drawn: string[] = [];
  readonly venue = new Venue(({ id }) => this.drawn.push(id));
  readonly #plan: ReturnType<typeof gridPlan>;
  /** While true, the edge skips it like a client that does not read. */
  isBehind = false;
  /** While true, its connection is lost after the first message of each write. */
  losesAfterFirst = false;
  /** Called when it has all of a state as of a position. */
  onPosition = () => {};

  constructor(userId: string | undefined, plan: ReturnType<typeof gridPlan>) {
    this.userId = userId;
    this.#plan = plan;
  }

  sendUpdates(frames: Buffer): void {
    if (this.isBehind) return;
    const messages = messagesIn(frames);
    for (const message of this.losesAfterFirst ? messages.slice(0, 1) : messages) this.receive(message);
  }

  sendState({ parts }: { parts: readonly Buffer[] }): void {
    if (!this.isBehind) this.sendUpdates(Buffer.concat(parts));
  }

  receive(message: ServerMessage): void {
    this.messages.push(message);
    if (message.type === 'STALE') this.venue.setStale(message.data.stale);
    if (message.type !== 'SEATS') return;
    const { data } = message;
    applySeats(this.venue, data, { plan: this.#plan, stateUserId: () => this.userId });
    if (isWholeState(data) || !data.own) this.onPosition();
  }

  ping(): void {}
  async leave(): Promise<void> {}
  terminate(): void {}
}
