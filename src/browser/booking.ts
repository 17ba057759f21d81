import type { UserAction } from '../protocol/commands.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { ServerSettings } from './connection.ts';
import type { MessageDetails, MessageTone, Offer } from './message-list.ts';
import { nearestFreeSeat } from './nearest-free-seat.ts';
import { type PendingRequest, PendingRequests, type RequestBatch } from './pending-requests.ts';
import { type ServerClock, secondsLeft } from './server-clock.ts';
import { Venue } from './venue.ts';
import {
  abandonedText,
  confirmationText,
  nearEndText,
  refusalText,
  timeUpText,
  tryAgainLabel,
  unansweredText,
} from './wording.ts';

const warnedMs = 10_000;

export interface BookingOptions {
  /** Of the session; '' until there is one. */
  userId: () => string;
  clock: ServerClock;
  /** Why no command can be sent now; undefined if one can. */
  whyNotLive: () => string | undefined;
  send: (message: ClientMessage) => void;
  say: (text: string, tone: MessageTone, details?: MessageDetails) => void;
  /** The seat looks different now. `byOthers`: it was never the user's, and is not now. */
  onSeatTouched: (seatId: string, byOthers: boolean) => void;
  /** The seat has another state: messages about it are out of date. */
  onSeatChanged: (seatId: string) => void;
  /** An offer of that seat was accepted: the focus belongs there. */
  onOffered: (seatId: string) => void;
  onWatching: (watching: number) => void;
  /** The server does not accept the page as this user. */
  onUserRefused: () => void;
}

const messageTypes = { select: 'SELECT_SEAT', book: 'BOOK_SEAT', release: 'RELEASE_SEAT' } as const;

/** What the user does with seats, and what the server says to that. Knows no DOM and no WebSocket. */
export class Booking {
  readonly venue: Venue;
  readonly #options: BookingOptions;
  readonly #requests: PendingRequests;
  /** Holds of the user that ran out since the last that was got. */
  #lost: string[] = [];
  /** Which holds the user was warned about: seat and transition. */
  readonly #warned = new Set<string>();

  constructor(options: BookingOptions) {
    this.#options = options;
    this.venue = new Venue((after, before) => this.#seatChanged(after, before));
    this.#requests = new PendingRequests(({ seatId, batch }) => {
      options.onSeatTouched(seatId, false);
      this.#conclude(batch, unansweredText);
    });
  }

  /** All that the user holds, in row-major order. */
  get holds(): Seat[] {
    return this.venue.holdsOf(this.#options.userId());
  }

  /** All that the user has booked, in row-major order. */
  get bookedSeats(): Seat[] {
    return this.venue.bookedBy(this.#options.userId());
  }

  isPending(seatId: string): boolean {
    return this.#requests.forSeat(seatId) !== undefined;
  }

  clickSeat(seatId: string): void {
    if (this.#refuseUnconnected()) return;
    const seat = this.venue.seat(seatId);
    if (!seat) return;
    const isMine = seat.held_by === this.#options.userId();
    if (seat.status === SeatStatus.available) this.#request('select', [seatId]);
    else if (seat.status === SeatStatus.held && isMine) this.#request('release', [seatId]);
    else if (isMine) this.#options.say(`${seatId} is booked. It is yours.`, 'info');
    else this.#tellTaken(seat.status === SeatStatus.held ? 'SEAT_HELD' : 'SEAT_BOOKED', seatId, 'info');
  }

  book(...seatIds: string[]): void {
    this.#request('book', seatIds);
  }

  release(...seatIds: string[]): void {
    this.#request('release', seatIds);
  }

  /** Says once of each hold that it is about to end. To be called while time passes. */
  warnOfEnds(): void {
    const { clock, say } = this.#options;
    // Of a hold that is short from its beginning a warning has to wait for its last third.
    const warnAtMs = Math.min(warnedMs, (this.venue.holdSeconds * 1000) / 3);
    const ending = this.holds
      .map(({ id, seq, expires_at = 0 }) => ({ id, key: `${id}:${seq}`, leftMs: clock.msUntil(expires_at) }))
      .filter(({ key, leftMs }) => leftMs > 0 && leftMs <= warnAtMs && !this.#warned.has(key));
    if (ending.length === 0) return;
    for (const { key } of ending) this.#warned.add(key);
    const left = secondsLeft(Math.min(...ending.map(({ leftMs }) => leftMs)));
    say(
      nearEndText(
        ending.map(({ id }) => id),
        left,
      ),
      'warning',
      { topic: 'progress', seatIds: ending.map(({ id }) => id) },
    );
  }

  receive(message: ServerMessage): void {
    switch (message.type) {
      case 'VENUE_STATE':
        this.#options.clock.set(message.data.server_time);
        this.venue.replace(message.data);
        break;
      case 'SEAT_UPDATE':
        this.venue.update(message.data);
        break;
      case 'ACK': {
        // The seat first: while the request is pending, what happens to its seat is left for the answer to tell.
        if (message.data.seat) this.venue.learn(message.data.seat);
        const request = this.#settle(message.request_id);
        if (request) this.#confirm(request);
        break;
      }
      case 'ERROR': {
        const { code, message: text, seat } = message.data;
        if (seat) this.venue.learn(seat);
        const request = this.#settle(message.request_id);
        if (request) this.#tellRefused(code, request, text);
        else this.#options.say(text, 'error');
        break;
      }
      case 'PRESENCE':
        this.#options.onWatching(message.data.watching);
        break;
      // A type that a newer server knows is none of this page's business.
    }
  }

  /** The answer to a CONNECT or PING: the time, and the settings as they are now. */
  learnSettings({ server_time, ...settings }: ServerSettings, roundTripMs: number): void {
    if (server_time !== undefined) this.#options.clock.sample(server_time, roundTripMs);
    this.venue.learnSettings(settings);
  }

  /** Answers to what was sent over the old connection will not come. */
  connectionLost(): void {
    for (const { seatId, batch } of this.#requests.abandonAll()) {
      this.#options.onSeatTouched(seatId, false);
      this.#conclude(batch, abandonedText);
    }
  }

  #request(action: UserAction, seatIds: readonly string[]): void {
    if (this.#refuseUnconnected()) return;
    for (const { id, seatId } of this.#requests.open(action, seatIds)) {
      this.#options.send({ type: messageTypes[action], request_id: id, data: { seat_id: seatId } });
      this.#options.onSeatTouched(seatId, false);
    }
  }

  #settle(requestId: string | number | undefined): PendingRequest | undefined {
    const request = this.#requests.settle(requestId);
    if (request) this.#options.onSeatTouched(request.seatId, false);
    return request;
  }

  #confirm({ seatId, batch }: PendingRequest): void {
    batch.done.push(seatId);
    this.#conclude(batch, unansweredText);
  }

  /** Once nothing of a batch is open any more: tells what was done, and what was not answered. */
  #conclude({ action, open, done, unanswered }: RequestBatch, failureText: typeof unansweredText): void {
    if (open > 0) return;
    const { say, clock } = this.#options;
    if (done.length > 0) {
      const ends = done.map((seatId) => clock.msUntil(this.venue.seat(seatId)?.expires_at ?? 0));
      const text = confirmationText(action, done, secondsLeft(Math.min(...ends)));
      const offer = action === 'release' ? this.#offerUndo(done) : undefined;
      say(text, action === 'release' ? 'info' : 'success', { topic: 'progress', seatIds: done, offer });
    }
    if (unanswered.length > 0) {
      // Repeating a command is always safe.
      const offer = this.#offerAgain(action, unanswered);
      say(failureText(action, unanswered), 'error', { seatIds: unanswered, offer });
    }
  }

  #tellRefused(code: ErrorCode, { action, seatId, batch }: PendingRequest, text: string): void {
    if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') this.#options.onUserRefused();
    if (action === 'select' && (code === 'SEAT_HELD' || code === 'SEAT_BOOKED')) this.#tellTaken(code, seatId, 'error');
    else {
      const mayHelp = code !== 'HOLD_LIMIT' && errorCodes[code]?.retryable;
      const again = () => (code === 'COOLDOWN' ? this.#offerNearest(seatId) : this.#offerAgain(action, [seatId]));
      const offer = mayHelp ? again() : undefined;
      // Several seats may be one too many; that is said once.
      const details = code === 'HOLD_LIMIT' ? { topic: code } : { seatIds: [seatId], offer };
      this.#options.say(refusalText(code, action, seatId, text), 'error', details);
    }
    this.#conclude(batch, unansweredText);
  }

  #tellTaken(code: 'SEAT_HELD' | 'SEAT_BOOKED', seatId: string, tone: MessageTone): void {
    this.#options.say(refusalText(code, 'select', seatId, ''), tone, {
      topic: 'taken',
      seatIds: [seatId],
      offer: this.#offerNearest(seatId),
    });
  }

  #offerNearest(seatId: string): Offer | undefined {
    const lost = this.venue.seat(seatId);
    const nearest = lost && nearestFreeSeat(this.venue.seats, lost);
    if (!nearest) return undefined;
    const accept = () => {
      this.#options.onOffered(nearest.id);
      this.clickSeat(nearest.id);
    };
    return { label: `Take ${nearest.id} instead`, accept };
  }

  #offerAgain(action: UserAction, seatIds: readonly string[]): Offer {
    const accept = () => {
      const [first] = seatIds;
      if (first !== undefined) this.#options.onOffered(first);
      this.#request(action, seatIds);
    };
    return { label: tryAgainLabel(seatIds), accept };
  }

  #offerUndo(seatIds: readonly string[]): Offer {
    const accept = () => {
      const [first] = seatIds;
      if (first !== undefined) this.#options.onOffered(first);
      this.#request('select', seatIds);
    };
    return { label: 'Undo', accept };
  }

  /** True if no command can be sent now; the user then reads why. */
  #refuseUnconnected(): boolean {
    const reason = this.#options.whyNotLive();
    if (reason !== undefined) this.#options.say(reason, 'error', { topic: 'unavailable' });
    return reason !== undefined;
  }

  #seatChanged(after: Seat, before: Seat | undefined): void {
    const { onSeatTouched, onSeatChanged } = this.#options;
    onSeatChanged(after.id);
    const userId = this.#options.userId();
    const isHeldByMe = after.status === SeatStatus.held && after.held_by === userId;
    const wasHeldByMe = before?.status === SeatStatus.held && before.held_by === userId;
    if (isHeldByMe && !wasHeldByMe) this.#lost = [];
    if (wasHeldByMe && after.held_by !== userId && !this.isPending(after.id)) this.#tellHoldEnded(before);
    onSeatTouched(after.id, before !== undefined && before.held_by !== userId && after.held_by !== userId);
  }

  #tellHoldEnded({ id, expires_at = 0 }: Seat): void {
    // Released long before its end: by the same user in another window.
    const wasReleased = this.#options.clock.msUntil(expires_at) > 1000;
    if (wasReleased) {
      this.#options.say(`${id} was released.`, 'info', { seatIds: [id] });
      return;
    }
    this.#lost.push(id);
    const lost = this.#lost;
    const offer = this.#offerAgain('select', lost);
    this.#options.say(timeUpText(lost), 'error', { urgent: true, topic: 'time-up', offer });
  }
}
