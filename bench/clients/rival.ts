import type { SeatRequest } from '../audit/client-log.ts';
import type { CommandScript } from './command-conversation.ts';

/** A user who selects one seat again and again, in competition with others. */
export class Rival implements CommandScript {
  readonly first: SeatRequest;

  constructor(userId: string, seatId: string) {
    this.first = { action: 'select', seatIds: [seatId], userId };
  }

  next(): undefined {}
}
