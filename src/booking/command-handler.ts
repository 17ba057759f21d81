import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { countedAddress } from '../identity/counted-address.ts';
import type { CommandReply, ErrorReply, HoldReply } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { maxGroupSize } from '../protocol/max-group-size.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Answer, RequestKey, UserCommand } from '../store/seat-store.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { Guard } from './guard.ts';
import { HoldAllowance } from './hold-allowance.ts';
import { failureDetail } from './refusals.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** Error codes of every route that takes commands. */
export const commandRefusals: readonly ErrorCode[] = [
  ...(['INVALID_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'UNKNOWN_SEAT', 'TOO_LARGE'] as const),
  ...(['STORE_UNAVAILABLE', 'BUSY', 'TIMEOUT'] as const),
];

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

export interface RequestedCommand {
  action: UserCommand['action'];
  /** Absent: all seats that the user holds. */
  seatIds: readonly string[] | undefined;
  /** The user that the body names. */
  claimed: string | undefined;
  headers: CommandHeaders;
}

/** The common part of the routes of seats and holds: the acting user, the limit per address, the decision, its count and its log line. */
export class CommandHandler {
  readonly #options: BookingAppOptions;
  readonly #guard: Guard;
  readonly #allowance: HoldAllowance | undefined;
  readonly #addressOf: (request: FastifyRequest) => string | undefined;
  readonly #counts = new Map<string, { count: number }>();

  constructor(options: BookingAppOptions, guard: Guard) {
    const { service, access } = options;
    this.#options = options;
    this.#guard = guard;
    this.#allowance = access.rateLimits && new HoldAllowance(access.rateLimits.holdsPerAddress, service);
    this.#addressOf = countedAddress(access);
  }

  /** Sets `Retry-After` if a refusal is worth a retry. Rejects with the errors of `BookingService.command`, or with a `RefusedError`. */
  async decide(request: FastifyRequest, reply: FastifyReply, requested: RequestedCommand): Promise<Answer> {
    const { action } = requested;
    const { service, logger, venue } = this.#options;
    try {
      const command = await this.#command(request, requested);
      const { seatIds, userId } = command;
      const answer = await this.#limited(request, command);
      const { refusal, seats } = answer;
      this.#count(action, refusal ?? 'OK');
      const seqs = seats.map(({ seq }) => seq);
      logger.debug({ reqId: request.id, action, seatIds, userId, refusal, seqs }, 'Decided');
      const retrySeconds = refusal && retryAfterSeconds(refusal, userId, { service, venue });
      if (retrySeconds !== undefined) reply.header('retry-after', retrySeconds);
      return answer;
    } catch (error) {
      this.#count(action, failureDetail(error)?.code ?? 'INTERNAL');
      throw error;
    }
  }

  async #command(
    request: FastifyRequest,
    { action, seatIds, claimed, headers }: RequestedCommand,
  ): Promise<UserCommand> {
    const { service } = this.#options;
    const unknown = service.isOpen ? seatIds?.find((id) => !service.hasSeat(id)) : undefined;
    if (unknown !== undefined) throw new RefusedError('UNKNOWN_SEAT', `There is no seat ${unknown}`);
    const userId = await this.#guard.identifyUser(request, claimed);
    const key = requestKey(headers);
    if (!seatIds && key) {
      throw new RefusedError('INVALID_REQUEST', 'A request with an Idempotency-Key must name its seats');
    }
    const ids = seatIds ?? (await this.#heldBy(userId));
    await this.#guard.countCommand(request, userId, ids.length);
    return { action, seatIds: ids, userId, request: key };
  }

  #limited(request: FastifyRequest, command: UserCommand): Promise<Answer> {
    const decide = () => this.#options.service.command(command);
    if (!this.#allowance || command.action !== 'select') return decide();
    const { seatIds, userId } = command;
    return this.#allowance.spend({ address: this.#addressOf(request), seatIds, userId }, decide);
  }

  async #heldBy(userId: string): Promise<string[]> {
    const { service } = this.#options;
    await service.confirm();
    const held = [...service.view.seats].filter(
      ({ held_by, status }) => held_by === userId && status === SeatStatus.held,
    );
    if (held.length === 0) throw new RefusedError('NOT_HOLDER', 'You do not hold any seat');
    if (held.length > maxGroupSize) {
      throw new RefusedError(
        'INVALID_REQUEST',
        `You hold more than ${maxGroupSize} seats: the request must name its seats`,
      );
    }
    return held.map(({ id }) => id);
  }

  #count(action: UserCommand['action'], outcome: ErrorCode | 'OK'): void {
    const name = `${action} ${outcome}`;
    const counted = this.#counts.get(name) ?? this.#options.metrics.commandCount(action, outcome);
    counted.count++;
    this.#counts.set(name, counted);
  }
}

function requestKey({ 'idempotency-key': key, 'x-attempt': attempt }: CommandHeaders): RequestKey | undefined {
  return key === undefined ? undefined : { key, isRepeat: Number(attempt) > 1 };
}

export interface ReplyText {
  httpStatus: number;
  json: string;
}

export const replyText = (httpStatus: number, body: CommandReply | HoldReply | ErrorReply): ReplyText => ({
  httpStatus,
  json: JSON.stringify(body),
});

export function sendText(reply: FastifyReply, { httpStatus, json }: ReplyText): FastifyReply {
  return reply
    .status(httpStatus)
    .type(jsonType)
    .send(json as never); // already serialised to match the schema
}
