import type { SpanContext } from '@opentelemetry/api';
import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { type CountedAddress, type CountedRequest, countedAddress } from '../identity/counted-address.ts';
import type { BestSeats, CommandReply, ErrorReply, HoldReply } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { maxGroupSize } from '../protocol/max-group-size.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { type Show, saleState } from '../shows/show.ts';
import { leavesSingleSeat } from '../shows/single-seats.ts';
import { hallTimeText } from '../shows/time-text.ts';
import type { Answer, RequestKey, UserCommand } from '../store/seat-store.ts';
import type { BookingAppOptions } from './app-options.ts';
import { holdBest } from './best-hold.ts';
import type { BookingService } from './booking-service.ts';
import type { Guard } from './guard.ts';
import { HoldAllowance } from './hold-allowance.ts';
import { failureDetail } from './refusals.ts';
import { retryAfterSeconds } from './retry-after.ts';
import type { ShowOnSale } from './shows-on-sale.ts';

/** Error codes of every route that takes commands. */
export const commandRefusals: readonly ErrorCode[] = [
  ...(['INVALID_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'UNKNOWN_SEAT', 'TOO_LARGE'] as const),
  ...(['STORE_UNAVAILABLE', 'BUSY', 'TIMEOUT'] as const),
];

/** Of the commands that hold seats. */
export const selectRefusals: readonly ErrorCode[] = ['SALE_CLOSED', 'SINGLE_SEAT'];

export const CommandHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,64}$',
      description: 'One key for all attempts of a command, which then takes effect at most once. Kept for 15 s.',
    }),
  ),
  'x-attempt': Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,3}$',
      description: 'Number of this attempt. From 2 on, the reply is that of an earlier attempt if there was one.',
    }),
  ),
});
export type CommandHeaders = Static<typeof CommandHeaders>;

/** The request that a command came with. */
export interface Requester extends CountedRequest {
  readonly id: string;
  readonly trace?: SpanContext | undefined;
}

export interface RequestedCommand {
  /** Absent: the default show. */
  show: string | undefined;
  action: UserCommand['action'];
  /** Ids of seats, or what the server must choose. Absent: all seats that the user holds. */
  seats: readonly string[] | BestSeats | undefined;
  /** The user that the body names. */
  claimed: string | undefined;
  headers: CommandHeaders;
}

interface Decided {
  answer: Answer;
  retrySeconds: number | undefined;
}

/** The common part of the routes of seats and holds: the acting user, the limit per address, the decision, its count and its log line. */
export class CommandHandler {
  readonly #options: BookingAppOptions;
  readonly #guard: Guard;
  /** By id of the show. */
  readonly #allowances = new Map<string, HoldAllowance>();
  readonly #addressOf: CountedAddress;
  readonly #counts = new Map<string, { count: number }>();

  constructor(options: BookingAppOptions, guard: Guard) {
    this.#options = options;
    this.#guard = guard;
    this.#addressOf = countedAddress(options.access);
  }

  /** `retrySeconds`: present if a refusal is worth a retry. Rejects with the errors of `BookingService.command`, or with a `RefusedError`. */
  async decide(request: Requester, requested: RequestedCommand): Promise<Decided> {
    const { action } = requested;
    const { shows, logger } = this.#options;
    try {
      const sale = shows.get(requested.show);
      const userId = await this.#guard.identifyUser(request, requested.claimed);
      const answer = await this.#answer(request, sale, userId, requested);
      const { refusal, seats } = answer;
      this.#count(action, refusal ?? 'OK');
      const [seatIds, seqs] = [seats.map(({ id }) => id), seats.map(({ seq }) => seq)];
      logger.debug({ reqId: request.id, show: sale.show.id, action, seatIds, userId, refusal, seqs }, 'Decided');
      const retrySeconds = refusal && retryAfterSeconds(refusal, userId, sale);
      return { answer, retrySeconds };
    } catch (error) {
      this.#count(action, failureDetail(error)?.code ?? 'INTERNAL');
      throw error;
    }
  }

  async #answer(
    request: Requester,
    sale: ShowOnSale,
    userId: string,
    { action, seats, headers }: RequestedCommand,
  ): Promise<Answer> {
    const { show, service } = sale;
    const best = seats && 'count' in seats ? seats : undefined;
    const named = best ? undefined : (seats as readonly string[] | undefined);
    const unknown = named?.find((id) => show.plan.indexOf(id) === undefined);
    if (unknown !== undefined) await service.requirePlan(); // another process may have a newer plan
    if (unknown !== undefined) throw new RefusedError('UNKNOWN_SEAT', `There is no seat ${unknown}`);
    const key = requestKey(headers);
    // nginx gives every command a key. A retry may mean other seats than the earlier attempt.
    if (!named && key?.isRepeat) {
      throw new RefusedError('TIMEOUT', 'An earlier attempt may have taken effect: read your seats and name them');
    }
    if (action === 'book' && show.pricing && this.#options.checkout) {
      throw new RefusedError('PAYMENT_REQUIRED', 'The seats of this show are sold by orders');
    }
    if (action === 'select' || action === 'extend') {
      if (!service.isOpen) await service.confirm(); // until then the time of Redis is unknown
      requireOpenSale(show, service.storeClock.nowMs());
    }
    const decide = (seatIds: readonly string[]) =>
      this.#limited(request, sale, { action, seatIds, userId, request: key, trace: request.trace });
    if (best) {
      await this.#guard.countCommand(request, userId, best.count);
      return holdBest(sale, best, decide);
    }
    const seatIds = named ?? (await heldBy(service, userId));
    await this.#guard.countCommand(request, userId, seatIds.length);
    if (action === 'select' && show.singleSeats === 'refuse') requireNoSingleSeat(sale, userId, seatIds);
    return decide(seatIds);
  }

  #limited(request: CountedRequest, sale: ShowOnSale, command: UserCommand): Promise<Answer> {
    const decide = () => sale.service.command(command);
    const allowance = command.action === 'select' ? this.#allowanceOf(sale) : undefined;
    if (!allowance) return decide();
    const { seatIds, userId } = command;
    return allowance.spend({ address: this.#addressOf(request), seatIds, userId }, decide);
  }

  #allowanceOf({ show: { id }, service }: ShowOnSale): HoldAllowance | undefined {
    const { rateLimits } = this.#options.access;
    const known = this.#allowances.get(id);
    if (known || !rateLimits) return known;
    const created = new HoldAllowance(rateLimits.holdsPerAddress, service);
    this.#allowances.set(id, created);
    return created;
  }

  #count(action: UserCommand['action'], outcome: ErrorCode | 'OK'): void {
    const name = `${action} ${outcome}`;
    const counted = this.#counts.get(name) ?? this.#options.metrics.commandCount(action, outcome);
    counted.count++;
    this.#counts.set(name, counted);
  }
}

async function heldBy(service: BookingService, userId: string): Promise<string[]> {
  await service.confirm();
  const held = service.view.holdsOf(userId);
  if (held.length === 0) throw new RefusedError('NOT_HOLDER', 'You do not hold any seat');
  if (held.length > maxGroupSize) {
    throw new RefusedError(
      'INVALID_REQUEST',
      `You hold more than ${maxGroupSize} seats: the request must name its seats`,
    );
  }
  return held.map(({ id }) => id);
}

/** Judged by the view, so it is best effort: two simultaneous commands may together leave a single seat. */
function requireNoSingleSeat(
  { show: { plan }, service: { view } }: ShowOnSale,
  userId: string,
  seatIds: readonly string[],
): void {
  const own = view.holdsOf(userId).map(({ id }) => id);
  const isFree = (id: string) => view.seat(id)?.status === SeatStatus.available;
  const single = leavesSingleSeat(plan, isFree, [...new Set([...own, ...seatIds])]);
  if (!single?.instead) return;
  throw new RefusedError(
    'SINGLE_SEAT',
    `This would leave ${single.left.join(', ')} alone; take ${single.instead.join(', ')} instead`,
  );
}

/** Holds that exist when the sale closes can still be booked or released. */
function requireOpenSale(show: Show, nowMs: number): void {
  const state = saleState(show, nowMs);
  if (state === 'open') return;
  const opens = hallTimeText(show.saleOpensAtMs ?? 0, show.utcOffsets?.sale_opens_at);
  throw new RefusedError('SALE_CLOSED', state === 'closed' ? 'The sale is closed' : `The sale opens on ${opens}`);
}

function requestKey({ 'idempotency-key': key, 'x-attempt': attempt }: CommandHeaders): RequestKey | undefined {
  return key === undefined ? undefined : { key, isRepeat: Number(attempt) > 1 };
}

export interface ReplyText {
  httpStatus: number;
  json: string;
  /** For `Retry-After`. */
  retrySeconds?: number | undefined;
}

export const replyText = (httpStatus: number, body: CommandReply | HoldReply | ErrorReply): ReplyText => ({
  httpStatus,
  json: JSON.stringify(body),
});

export function sendText(reply: FastifyReply, { httpStatus, json, retrySeconds }: ReplyText): FastifyReply {
  if (retrySeconds !== undefined) reply.header('retry-after', retrySeconds);
  return reply
    .status(httpStatus)
    .type(jsonType)
    .send(json as never); // already serialised to match the schema
}
