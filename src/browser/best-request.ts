import type { BestSeats } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import type { MessageDetails, MessageTone, Offer } from './message-list.ts';
import { replyTimeoutMs } from './pending-requests.ts';

export interface BestRequestOptions {
  send: (message: ClientMessage) => void;
  report: (text: string, tone: MessageTone, details?: MessageDetails) => void;
  /** Takes over the seats of a reply. */
  learn: (seats: readonly Seat[]) => void;
  /** These seats are held for the user now. */
  onHeld: (seats: readonly Seat[]) => void;
  /** The request is sent, or has ended. */
  onChange: () => void;
  /** The next step if the user would hold too many seats. */
  offerAtLimit: (wish: BestSeats) => Offer | undefined;
  /** Text about seats that are held. */
  heldText: (seats: readonly Seat[]) => string;
}

/** The request for the best block of free seats: one at a time. */
export class BestRequest {
  readonly #options: BestRequestOptions;
  #pending: { id: string; wish: BestSeats; timer: ReturnType<typeof setTimeout> } | undefined;
  #sent = 0;

  constructor(options: BestRequestOptions) {
    this.#options = options;
  }

  /** The wish that has no reply yet. */
  get pending(): BestSeats | undefined {
    return this.#pending?.wish;
  }

  hold(wish: BestSeats): void {
    if (this.#pending) return;
    const id = `best-${++this.#sent}`;
    const timer = setTimeout(
      () => this.#fail(`No reply to your request within ${replyTimeoutMs / 1000} s.`),
      replyTimeoutMs,
    );
    this.#pending = { id, wish, timer };
    this.#options.send({ type: 'HOLD_BEST', request_id: id, data: wish });
    this.#options.onChange();
  }

  /** True if the message is the reply to the request. */
  receive(message: ServerMessage): boolean {
    if (message.type !== 'ACK' && message.type !== 'ERROR') return false;
    const pending = this.#pending;
    if (!pending || message.request_id !== pending.id) return false;
    const { seats = [] } = message.data;
    this.#options.learn(seats);
    this.#end();
    if (message.type === 'ACK') {
      this.#options.report(this.#options.heldText(seats), 'success', { topic, seatIds: seats.map(({ id }) => id) });
      this.#options.onHeld(seats);
    } else {
      const { code, message: serverText } = message.data;
      const offer = this.#nextStep(code, pending.wish, message.data.retryable);
      this.#options.report(refusalText(code, pending.wish, serverText), 'error', { topic, offer });
    }
    return true;
  }

  /** A request that was sent over the lost connection gets no reply. */
  connectionLost(): void {
    this.#fail('The connection broke while the best seats were being found.');
  }

  #fail(text: string): void {
    const wish = this.pending;
    if (!wish) return;
    this.#end();
    this.#options.report(`${text} Check your selection, then try again.`, 'error', { topic });
  }

  #end(): void {
    clearTimeout(this.#pending?.timer);
    this.#pending = undefined;
    this.#options.onChange();
  }

  #nextStep(code: ErrorCode, wish: BestSeats, retryable: boolean): Offer | undefined {
    if (code === 'HOLD_LIMIT') return this.#options.offerAtLimit(wish);
    // Repeating the request at once would find no more.
    if (code === 'NOT_TOGETHER') return this.#offerAnywhere(wish);
    return retryable ? this.#offer('Try again', wish) : undefined;
  }

  #offer(label: string, wish: BestSeats) {
    return { label, accept: () => this.hold(wish) };
  }

  /** The next step if the filters left nothing. */
  #offerAnywhere({ count, category, section, ...rest }: BestSeats) {
    if (category === undefined && section === undefined) return undefined;
    return this.#offer('Search all sections', { count, ...rest });
  }
}

const topic = 'best';

function refusalText(code: ErrorCode, { count, category, section, accessible }: BestSeats, serverText: string): string {
  const seats = `${count} ${count === 1 ? 'seat' : 'seats'}`;
  const where = [category, section].filter((name) => name !== undefined).join(', ');
  switch (code) {
    case 'NOT_TOGETHER': {
      const together = count === 1 ? '' : ' together';
      const kind = accessible ? ' with a wheelchair space' : '';
      return `No ${seats}${together}${kind} ${count === 1 ? 'is' : 'are'} free${where ? ` in ${where}` : ''}. Try fewer seats.`;
    }
    case 'SEATS_TAKEN':
      return `Others were faster: the ${seats} found for you are taken.`;
    case 'HOLD_LIMIT':
      return `With ${seats} more you would hold too many. Release some first.`;
    case 'SALE_CLOSED':
      return 'Seats are not on sale now.';
    default:
      return `${serverText.replace(/\.$/, '')}.`;
  }
}
