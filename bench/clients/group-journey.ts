import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { SeatRequest } from '../audit/client-log.ts';
import { parseBody, seatsOf } from '../audit/reply-body.ts';
import type { AnswerKind } from '../http/seat-command.ts';
import type { CommandScript } from './command-conversation.ts';
import type { WantedSeats } from './wanted-seats.ts';

const extendedShare = 0.3;
const bookedShare = 0.2;

export interface GroupJourneyOptions {
  newUserId: () => string;
  /** The request of the next user; default: a group of the wanted seats. */
  wish?: () => Pick<SeatRequest, 'seatIds' | 'best'>;
  wanted: WantedSeats;
  leftToExpireShare?: number;
  groups: { completed: number };
}

/** One user after another: each holds seats together, may extend the hold, then books, releases or leaves all of them. */
export class GroupJourney implements CommandScript {
  readonly first: SeatRequest;
  readonly #options: GroupJourneyOptions;
  #request: SeatRequest;

  constructor(options: GroupJourneyOptions) {
    this.#options = options;
    this.first = this.#begin();
    this.#request = this.first;
  }

  next(kind: AnswerKind, body: string): SeatRequest {
    const isGranted = kind === 'ok';
    if (!isGranted) {
      const booked = seatsOf(parseBody(body)).filter(({ status }) => status === SeatStatus.booked);
      this.#options.wanted.booked(booked.map(({ id }) => id));
    }
    this.#request = isGranted ? this.#continue(body) : this.#begin();
    return this.#request;
  }

  #begin(): SeatRequest {
    const { wanted, newUserId, wish = () => ({ seatIds: wanted.group() }) } = this.#options;
    return { action: 'select', ...wish(), userId: newUserId() };
  }

  #continue(body: string): SeatRequest {
    const { wanted, groups, leftToExpireShare = 0.02 } = this.#options;
    const { action, userId, best } = this.#request;
    const seatIds = best ? seatsOf(parseBody(body)).map(({ id }) => id) : this.#request.seatIds;
    if (action === 'select' && Math.random() < extendedShare) return { action: 'extend', seatIds, userId };
    if (action === 'select' || action === 'extend') {
      const chance = Math.random();
      if (chance < bookedShare && wanted.canSell()) return { action: 'book', seatIds, userId };
      if (chance < 1 - leftToExpireShare) return { action: 'release', seatIds, userId };
    }
    if (action === 'book') wanted.booked(seatIds);
    groups.completed++;
    return this.#begin();
  }
}
