import type { UserAction } from '../protocol/commands.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { type PendingRequest, PendingRequests } from './pending-requests.ts';
import { Selection } from './selection.ts';
import { type ServerClock, secondsLeft } from './server-clock.ts';
import { Venue } from './venue.ts';
import { abandonedText, confirmationText, refusalText, unansweredText } from './wording.ts';

export interface BookingOptions {
  userId: string;
  clock: ServerClock;
  isLive: () => boolean;
  send: (message: ClientMessage) => void;
  say: (text: string, tone: 'info' | 'success' | 'error') => void;
  /** The seat looks different now. */
  onSeatTouched: (seatId: string) => void;
}

const messageTypes = { select: 'SELECT_SEAT', book: 'BOOK_SEAT', release: 'RELEASE_SEAT' } as const;

/** What the user does with seats, and what the server says to that. Knows no DOM and no WebSocket. */
export class Booking {
  readonly venue: Venue;
  readonly #options: BookingOptions;
  readonly #requests: PendingRequests;
  readonly #selection = new Selection();

  constructor(options: BookingOptions) {
    this.#options = options;
    this.venue = new Venue((after, before) => this.#seatChanged(after, before));
    this.#requests = new PendingRequests(({ action, seatId }) => {
      options.say(unansweredText(action, seatId), 'error');
      options.onSeatTouched(seatId);
    });
  }

  /** The held seat that the panel shows. */
  get selectedHold(): Seat | undefined {
    return this.#selection.current(this.venue.holdsOf(this.#options.userId));
  }

  isPending(seatId: string): boolean {
    return this.#requests.forSeat(seatId) !== undefined;
  }

  clickSeat(seatId: string): void {
    const seat = this.venue.seat(seatId);
    if (!seat) return;
    const isMine = seat.held_by === this.#options.userId;
    if (seat.status === SeatStatus.available) this.#request('select', seatId);
    else if (!this.#options.isLive()) this.#refuseUnconnected();
    else if (seat.status === SeatStatus.held && isMine) this.#choose(seatId);
    else if (isMine) this.#options.say(`${seatId} is booked. It is yours.`, 'info');
    else
      this.#options.say(
        refusalText(seat.status === SeatStatus.held ? 'SEAT_HELD' : 'SEAT_BOOKED', 'select', seatId, ''),
        'info',
      );
  }

  book(seatId: string): void {
    this.#request('book', seatId);
  }

  release(seatId: string): void {
    this.#request('release', seatId);
  }

  receive(message: ServerMessage): void {
    switch (message.type) {
      case 'VENUE_STATE':
        this.#options.clock.set(message.data.server_time);
        this.venue.replace(message.data);
        break;
      case 'SEAT_UPDATE':
        this.#learnTime(message.data);
        this.venue.update(message.data);
        break;
      case 'ACK': {
        // The seat first: while the request is pending, what happens to its seat is left for the answer to tell.
        if (message.data.seat) {
          this.#learnTime(message.data.seat);
          this.venue.learn(message.data.seat);
        }
        const request = this.#settle(message.request_id);
        if (request) this.#confirm(request);
        break;
      }
      case 'ERROR': {
        const { code, message: text, seat } = message.data;
        if (seat) this.venue.learn(seat);
        const request = this.#settle(message.request_id);
        this.#options.say(request ? refusalText(code, request.action, request.seatId, text) : text, 'error');
        break;
      }
      // A type that a newer server knows is none of this page's business.
    }
  }

  /** Answers to what was sent over the old connection will not come. */
  connectionLost(): void {
    for (const { action, seatId } of this.#requests.abandonAll()) {
      this.#options.say(abandonedText(action, seatId), 'error');
      this.#options.onSeatTouched(seatId);
    }
  }

  #request(action: UserAction, seatId: string): void {
    if (!this.#options.isLive()) {
      this.#refuseUnconnected();
      return;
    }
    const request = this.#requests.open(action, seatId);
    if (!request) return;
    this.#options.send({ type: messageTypes[action], request_id: request.id, data: { seat_id: seatId } });
    this.#options.onSeatTouched(seatId);
  }

  #settle(requestId: string | number | undefined): PendingRequest | undefined {
    const request = this.#requests.settle(requestId);
    if (request) this.#options.onSeatTouched(request.seatId);
    return request;
  }

  #confirm({ action, seatId }: PendingRequest): void {
    if (action === 'select') this.#choose(seatId);
    const expiresAt = this.venue.seat(seatId)?.expires_at ?? 0;
    const left = secondsLeft(this.#options.clock.msUntil(expiresAt));
    this.#options.say(confirmationText(action, seatId, left), action === 'release' ? 'info' : 'success');
  }

  #choose(seatId: string): void {
    this.#selection.choose(seatId);
    this.#options.onSeatTouched(seatId);
  }

  #refuseUnconnected(): void {
    this.#options.say('Not connected. Seats can be chosen again once the connection is back.', 'error');
  }

  #seatChanged(after: Seat, before: Seat | undefined): void {
    const { userId, onSeatTouched } = this.#options;
    const wasHeldByMe = before?.status === SeatStatus.held && before.held_by === userId;
    if (wasHeldByMe && after.held_by !== userId && !this.isPending(after.id)) this.#tellHoldEnded(before);
    onSeatTouched(after.id);
  }

  /** A new hold tells the time at which it began. Those of a VENUE_STATE may be of a time with longer holds. */
  #learnTime({ expires_at }: Pick<Seat, 'expires_at'>): void {
    if (expires_at !== undefined) this.#options.clock.atLeast(expires_at - this.venue.holdSeconds);
  }

  #tellHoldEnded({ id, expires_at = 0 }: Seat): void {
    // Released long before its end: by the same user in another window.
    const wasReleased = this.#options.clock.msUntil(expires_at) > 1000;
    const text = wasReleased ? `${id} was released.` : `Time is up: you no longer hold ${id}.`;
    this.#options.say(text, wasReleased ? 'info' : 'error');
  }
}
