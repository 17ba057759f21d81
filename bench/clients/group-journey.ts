import { randomInt } from 'node:crypto';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { SeatRequest } from '../audit/client-log.ts';
import { parseBody, seatsOf } from '../audit/reply-body.ts';
import type { AnswerKind } from '../http/seat-command.ts';
import type { CommandScript } from './command-conversation.ts';
import type { WantedSeats } from './wanted-seats.ts';

/** No more than a user may hold by default. */
const groupSize = { least: 2, most: 6 };
const extendedShare = 0.3;
const bookedShare = 0.2;
const leftToExpireShare = 0.02;

export interface GroupJourneyOptions {
  newUserId: () => string;
  wanted: WantedSeats;
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
    this.#request = isGranted ? this.#continue() : this.#begin();
    return this.#request;
  }

  #begin(): SeatRequest {
    const { wanted, newUserId } = this.#options;
    const size = randomInt(groupSize.least, groupSize.most + 1);
    return { action: 'select', seatIds: wanted.group(size), userId: newUserId() };
  }

  #continue(): SeatRequest {
    const { wanted, groups } = this.#options;
    const { action, seatIds } = this.#request;
    if (action === 'select' && Math.random() < extendedShare) return { ...this.#request, action: 'extend' };
    if (action === 'select' || action === 'extend') {
      const chance = Math.random();
      if (chance < bookedShare && wanted.canSell()) return { ...this.#request, action: 'book' };
      if (chance < 1 - leftToExpireShare) return { ...this.#request, action: 'release' };
    }
    if (action === 'book') wanted.booked(seatIds);
    groups.completed++;
    return this.#begin();
  }
}
