import type { CommandAction } from '../protocol/command-routes.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import type { ServerMessage } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { commandMessage } from './command-message.ts';
import { applySeats, isWholeState } from './compact-seats.ts';
import type { ServerSettings } from './connection.ts';
import { EndWarnings } from './end-warnings.ts';
import { KeepOffer } from './keep-offer.ts';
import { type Offer, unavailableTopic } from './message-list.ts';
import { nearestFreeSeat } from './nearest-free-seat.ts';
import { type PendingRequest, PendingRequests } from './pending-requests.ts';
import type { SeatActionsOptions } from './seat-actions-options.ts';
import { isOwnHold } from './seat-appearance.ts';
import { secondsLeft } from './server-clock.ts';
import type { ShownHold } from './shown-hold.ts';
import { Venue } from './venue.ts';
import {
  abandonedText,
  bookedText,
  confirmationText,
  keepLabel,
  keepOfferText,
  listed,
  nearEndText,
  type Refused,
  refusalText,
  timeUpText,
  tryAgainLabel,
  unansweredText,
  withoutLabel,
} from './wording.ts';

/** The user's commands on seats, and their replies. Knows no DOM and no WebSocket. */
export class SeatActions {
  readonly venue: Venue;
  readonly #options: SeatActionsOptions;
  readonly #requests: PendingRequests;
  readonly #keepOffer = new KeepOffer();
  /** Runs once the request is done. */
  readonly #next = new Map<string, () => void>();
  /** Seats of holds that expired since the user last got one. */
  #expired: string[] = [];
  readonly #endWarnings = new EndWarnings();

  constructor(options: SeatActionsOptions) {
    this.#options = options;
    this.venue = new Venue((after, before) => this.#seatChanged(after, before));
    this.#requests = new PendingRequests((request) => this.#reportNoReply(request, unansweredText));
  }

  /** All seats that the user holds, except those of orders, in row-major order. */
  get holds(): ShownHold[] {
    const { clock, isOrdered, userId } = this.#options;
    const held = this.venue.holdsOf(userId()).filter(({ id }) => !isOrdered?.(id));
    return held.map((seat) => ({
      seat,
      // The clock may be late by the time that the state took to arrive: no hold is shown longer than it lasts.
      remainingMs: Math.min(clock.msUntil(seat.expires_at ?? 0), this.venue.holdSeconds * 1000),
      isBusy: this.isPending(seat.id),
    }));
  }

  /** All seats that the user has booked, in row-major order. */
  get bookedSeats(): Seat[] {
    return this.venue.bookedBy(this.#options.userId());
  }

  /** Held seats that the page offers to extend now, by one command. */
  get keepableIds(): string[] {
    return idsOf(this.#keepable(this.holds));
  }

  isPending(seatId: string): boolean {
    return this.#requests.isPending(seatId);
  }

  clickSeat(seatId: string): void {
    if (this.#isRefused()) return;
    const seat = this.venue.seat(seatId);
    if (!seat) return;
    const isMine = seat.held_by === this.#options.userId();
    if (seat.status === SeatStatus.available) this.#pick(seatId);
    else if (seat.status === SeatStatus.held && isMine) this.#request('release', [seatId]);
    else if (isMine) this.#options.report(`${this.#name(seatId)} is booked. It is yours.`, 'info');
    else this.#reportTaken(seat);
  }

  book(...seatIds: string[]): void {
    this.#request('book', seatIds);
  }

  release(...seatIds: string[]): void {
    this.#request('release', seatIds);
  }

  /** Holds some seats in place of others, which stay held if that is refused. */
  exchange(given: readonly string[], wanted: readonly string[]): void {
    const release = () => (given.length > 0 ? this.release(...given) : undefined);
    if (wanted.length === 0) release();
    else this.#request('select', wanted, release);
  }

  /** Releases the seats, then goes on. */
  releaseThen(seatIds: readonly string[], next: () => void): void {
    this.#request('release', seatIds, next);
  }

  /** Takes over seats of a reply. */
  learn(seats: readonly Seat[]): void {
    for (const seat of seats) this.venue.learn(seat);
  }

  /** Extends all holds that the page offers to extend. Does nothing without an offer. */
  keep(): void {
    if (this.keepableIds.length > 0) this.#request('extend', this.keepableIds);
  }

  /** Announces once for each hold that it can be extended, and warns once that it is about to end. Called as time passes. */
  announceEnds(): void {
    const { holds } = this;
    this.#announceOffer(holds);
    this.#warnOfEnds(holds);
  }

  receive(message: ServerMessage): void {
    switch (message.type) {
      case 'VENUE_STATE':
        this.#options.clock.set(message.data.server_time);
        this.venue.replace(message.data);
        break;
      case 'SEATS':
        if (isWholeState(message.data)) this.#options.clock.set(message.data.server_time);
        applySeats(this.venue, message.data, this.#options);
        break;
      case 'SEAT_UPDATE':
        this.venue.update(message.data);
        break;
      case 'STALE':
        this.venue.setStale(message.data.stale);
        break;
      case 'ACK': {
        // The seats first: while the request is pending, only its reply is reported.
        this.learn(seatsOf(message.data));
        const request = this.#settle(message.request_id);
        if (request) this.#done(request);
        break;
      }
      case 'ERROR': {
        const { code, message: serverText } = message.data;
        const reasons = seatsOf(message.data);
        this.learn(reasons);
        const request = this.#settle(message.request_id);
        if (request) this.#reportRefused(request, code, reasons, serverText);
        else this.#options.report(serverText, 'error');
        break;
      }
      case 'PRESENCE':
        this.#options.onWatching(message.data.watching);
        break;
      // A newer server may send types that this page does not know.
    }
  }

  /** The reply to a CONNECT or PING: the time, and the current settings. */
  learnSettings({ server_time, ...settings }: ServerSettings, roundTripMs: number): void {
    if (server_time !== undefined) this.#options.clock.sample(server_time, roundTripMs);
    this.venue.learnSettings(settings);
  }

  /** Commands that were sent over the lost connection get no reply. */
  connectionLost(): void {
    for (const request of this.#requests.abandonAll()) this.#reportNoReply(request, abandonedText);
  }

  #keepable(holds: readonly ShownHold[]): readonly ShownHold[] {
    const { holdExtensions, holdSeconds } = this.venue;
    return holdExtensions > 0 ? this.#keepOffer.offered(holds, holdSeconds) : [];
  }

  #announceOffer(holds: readonly ShownHold[]): void {
    const { holdSeconds } = this.venue;
    const keepable = this.#keepable(holds);
    const ending = this.#keepOffer.takeAnnouncement(keepable, holdSeconds);
    if (ending.length === 0) return;
    const left = secondsLeft(Math.min(...ending.map(({ remainingMs }) => remainingMs)));
    const button = keepLabel(keepable.length, holds.length);
    this.#options.announce(keepOfferText(this.#names(idsOf(ending)), left, { button, holdSeconds }));
  }

  #warnOfEnds(holds: readonly ShownHold[]): void {
    const ending = this.#endWarnings.takeEnding(holds, this.venue.holdSeconds);
    if (ending.length === 0) return;
    const left = secondsLeft(Math.min(...ending.map(({ remainingMs }) => remainingMs)));
    const seatIds = idsOf(ending);
    this.#options.report(nearEndText(this.#names(seatIds), left), 'warning', { topic: progressTopic(0), seatIds });
  }

  #request(action: CommandAction, seatIds: readonly string[], next?: () => void): void {
    if (this.#isRefused(action)) return;
    for (const request of this.#requests.open(action, seatIds)) {
      if (next) this.#next.set(request.id, next);
      this.#options.send(commandMessage(request));
      this.#touch(request);
    }
  }

  #names(seatIds: readonly string[]): readonly string[] {
    return this.#options.namesOf?.(seatIds) ?? seatIds;
  }

  #name(seatId: string): string {
    return this.#names([seatId]).join();
  }

  #done(request: PendingRequest): void {
    const next = this.#next.get(request.id);
    this.#reportDone(request);
    this.#next.delete(request.id);
    next?.();
  }

  #settle(requestId: string | number | undefined): PendingRequest | undefined {
    const request = this.#requests.settle(requestId);
    if (request) this.#touch(request);
    return request;
  }

  #touch({ seatIds }: PendingRequest): void {
    for (const seatId of seatIds) this.#options.onSeatTouched(seatId, false);
  }

  #reportDone({ action, seatIds, part }: PendingRequest): void {
    const { report, clock } = this.#options;
    const ends = seatIds.map((seatId) => clock.msUntil(this.venue.seat(seatId)?.expires_at ?? 0));
    // The estimate of the server's clock may be slightly behind.
    const remainingMs = Math.min(...ends, this.venue.holdSeconds * 1000);
    const spoken = confirmationText(action, this.#names(seatIds), secondsLeft(remainingMs));
    // The list of booked seats, beside the message, has their names.
    const text = action === 'book' ? bookedText(seatIds.length) : spoken;
    const isRelease = action === 'release';
    const offer = isRelease ? this.#offer('Undo', 'select', seatIds) : undefined;
    report(text, isRelease ? 'info' : 'success', { topic: progressTopic(part), seatIds, offer, spoken });
  }

  #reportNoReply(request: PendingRequest, textOf: typeof unansweredText): void {
    const { id, action, seatIds } = request;
    this.#next.delete(id);
    this.#touch(request);
    // Repeating a command is safe. A repeated extension may count twice, which costs one of several.
    const offer = this.#offer(tryAgainLabel(this.#names(seatIds)), action, seatIds);
    this.#options.report(textOf(action, this.#names(seatIds)), 'error', { seatIds, offer });
  }

  #reportRefused(request: PendingRequest, code: ErrorCode, reasons: readonly Seat[], serverText: string): void {
    if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') this.#options.onUserRefused();
    const { id, action, seatIds } = request;
    this.#next.delete(id);
    // A reason that is no seat concerns all seats of the command.
    const reasonIds = reasons.length > 0 ? reasons.map(({ id }) => id) : seatIds;
    if (code === 'EXTENSION_LIMIT') for (const seatId of reasonIds) this.#keepOffer.exhaust(seatId);
    const restIds = seatIds.filter((seatId) => !reasonIds.includes(seatId) && this.#isOpenTo(action, seatId));
    const userId = this.#options.userId();
    const areOwn = reasonIds.every((seatId) => this.venue.seat(seatId)?.held_by === userId);
    const named = { reasonIds: this.#names(reasonIds), restIds: this.#names(restIds) };
    this.#options.report(refusalText({ code, action, ...named, areOwn, serverText }), 'error', {
      ...topicOfRefusal(code),
      // The limit is not about a seat: it lasts while the state of these seats changes.
      seatIds: code === 'HOLD_LIMIT' ? [] : reasonIds,
      offer: this.#offerAfterRefusal(request, { code, reasonIds, restIds }),
    });
  }

  #offerAfterRefusal(
    { action, seatIds }: PendingRequest,
    { code, reasonIds, restIds }: Pick<Refused, 'code' | 'reasonIds' | 'restIds'>,
  ): Offer | undefined {
    if (code === 'HOLD_LIMIT') return undefined;
    if (code === 'SINGLE_SEAT') return this.#offerWithoutSingle(seatIds);
    if (restIds.length > 0) {
      const label = withoutLabel(action, this.#names(restIds), this.#names(reasonIds));
      return this.#offer(label, action, restIds);
    }
    if (action === 'select' && (isTaken(code) || code === 'COOLDOWN')) return this.#offerNearest(reasonIds[0]);
    return errorCodes[code]?.retryable ? this.#offer(tryAgainLabel(this.#names(seatIds)), action, seatIds) : undefined;
  }

  /** Whether the command can succeed on the seat, as far as the page knows. */
  #isOpenTo(action: CommandAction, seatId: string): boolean {
    const seat = this.venue.seat(seatId);
    if (!seat) return false;
    return action === 'select' ? seat.status === SeatStatus.available : isOwnHold(seat, this.#options.userId());
  }

  #reportTaken({ id, status }: Seat): void {
    const code = status === SeatStatus.held ? 'SEAT_HELD' : 'SEAT_BOOKED';
    const reasonIds = this.#names([id]);
    const refused = { code, action: 'select', reasonIds, restIds: [], areOwn: false, serverText: '' } as const;
    const details = { ...topicOfRefusal(code), seatIds: [id], offer: this.#offerNearest(id) };
    this.#options.report(refusalText(refused), 'info', details);
  }

  #offerNearest(seatId: string | undefined): Offer | undefined {
    const lost = this.venue.seat(seatId ?? '');
    const nearestFree = this.#options.nearestFree ?? ((to: Seat) => nearestFreeSeat(this.venue.seats, to));
    const nearest = lost && nearestFree(lost);
    if (!nearest) return undefined;
    const accept = () => {
      this.#options.onOffered(nearest.id);
      this.clickSeat(nearest.id);
    };
    return { label: `Take ${this.#name(nearest.id)} instead`, accept };
  }

  #offerWithoutSingle(seatIds: readonly string[]): Offer | undefined {
    const heldIds = idsOf(this.holds);
    const better = this.#options.withoutSingle?.(seatIds);
    const wanted = better?.filter((id) => !heldIds.includes(id)) ?? [];
    const [first] = wanted;
    if (!better || first === undefined) return undefined;
    const given = heldIds.filter((id) => !better.includes(id));
    const accept = () => {
      this.#options.onOffered(first);
      this.exchange(given, wanted);
    };
    return { label: `Take ${listed(this.#names(wanted))} instead`, accept };
  }

  #offer(label: string, action: CommandAction, seatIds: readonly string[]): Offer {
    const accept = () => {
      const [first] = seatIds;
      if (first !== undefined) this.#options.onOffered(first);
      this.#request(action, seatIds);
    };
    return { label, accept };
  }

  /** Holds a free seat; one that is meant for other people only if the user accepts the offer. */
  #pick(seatId: string): void {
    const caution = this.#options.cautionOf?.(seatId);
    if (caution === undefined) return void this.#request('select', [seatId]);
    if (this.#isRefused('select')) return;
    const offer = this.#offer(`Hold ${this.#name(seatId)}`, 'select', [seatId]);
    this.#options.report(`${this.#name(seatId)} is ${caution}`, 'info', { topic: 'caution', seatIds: [seatId], offer });
  }

  /** True if the command cannot be sent now; the reason is reported. */
  #isRefused(action?: CommandAction): boolean {
    const { unavailableReason, closedReason, report } = this.#options;
    const reason = unavailableReason() ?? (action === 'select' ? closedReason?.() : undefined);
    if (reason !== undefined) report(reason, 'error', { topic: unavailableTopic });
    return reason !== undefined;
  }

  #seatChanged(after: Seat, before: Seat | undefined): void {
    const { onSeatTouched, onSeatChanged } = this.#options;
    const userId = this.#options.userId();
    const isMine = after.held_by === userId;
    const wasMine = before?.held_by === userId;
    const isHeldByMe = isOwnHold(after, userId);
    const wasHeldByMe = before !== undefined && isOwnHold(before, userId);
    if (isHeldByMe && !wasHeldByMe) this.#expired = [];
    if (!isHeldByMe) this.#keepOffer.forget(after.id);
    // A hold that another user extends is the same to everybody else.
    const isUnchangedToMe = !isMine && before?.status === after.status && before.held_by === after.held_by;
    if (!isUnchangedToMe) onSeatChanged(after.id);
    if (wasHeldByMe && !isMine && !this.isPending(after.id)) this.#reportHoldEnded(before);
    onSeatTouched(after.id, before !== undefined && !wasMine && !isMine && !isUnchangedToMe);
  }

  #reportHoldEnded({ id, expires_at = 0 }: Seat): void {
    // A release long before the end was by the same user in another window.
    const wasReleased = this.#options.clock.msUntil(expires_at) > 1000;
    if (wasReleased) {
      this.#options.report(`${this.#name(id)} was released.`, 'info', { seatIds: [id] });
      return;
    }
    this.#expired.push(id);
    const expired = this.#expired;
    const offer = this.#offer(tryAgainLabel(this.#names(expired)), 'select', expired);
    this.#options.report(timeUpText(this.#names(expired)), 'error', { urgent: true, topic: 'time-up', offer });
  }
}

const idsOf = (holds: readonly ShownHold[]): string[] => holds.map(({ seat }) => seat.id);

function seatsOf({ seat, seats = [] }: { seat?: Seat; seats?: Seat[] }): Seat[] {
  return seat ? [seat] : seats;
}

const isTaken = (code: ErrorCode): boolean => code === 'SEAT_HELD' || code === 'SEAT_BOOKED' || code === 'SEATS_TAKEN';

/** A newer message of the topic replaces the older one. Other refusals are about their seats only. */
function topicOfRefusal(code: ErrorCode): { topic?: string } {
  if (isTaken(code)) return { topic: 'taken' };
  return code === 'HOLD_LIMIT' ? { topic: code } : {};
}

/** The parts of one press do not replace each other's messages. */
const progressTopic = (part: number): string => `progress-${part}`;
