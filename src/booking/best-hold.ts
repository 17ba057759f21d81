import { setImmediate } from 'node:timers/promises';
import { RefusedError } from '../http/refused-error.ts';
import type { BestSeats } from '../protocol/commands.ts';
import type { Refusal } from '../protocol/errors.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { bestSeats } from '../shows/best-seats.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { Answer } from '../store/seat-store.ts';
import type { ShowOnSale } from './shows-on-sale.ts';

const maxAttempts = 3;
/** After these refusals other seats may be free. */
const retried: readonly (Refusal | undefined)[] = ['SEATS_TAKEN', 'SEAT_HELD', 'SEAT_BOOKED', 'COOLDOWN'];

/** They take about two seconds in a large plan: edges wait no longer for a reply. */
const maxWaitingSearches = 1_000;

/** Pending while the last search waits for its turn of the event loop. */
let lastTurn: Promise<unknown> = Promise.resolve();
let waitingSearches = 0;

/** A search in a large plan takes milliseconds: in a rush, one search a turn lets replies of the store and other requests pass in between. */
async function ownTurn(): Promise<void> {
  if (waitingSearches >= maxWaitingSearches) {
    throw new RefusedError('BUSY', 'Too many requests wait for the best seats; try again');
  }
  waitingSearches++;
  lastTurn = lastTurn.then(() => setImmediate());
  await lastTurn;
  waitingSearches--;
}

/**
 * Holds the best free seats; if other users took them first, the next best. `hold` must send its command at once: seats in a
 * pending command are not offered again. Rejects with a `RefusedError` if there are none.
 */
export async function holdBest(
  { show: { plan }, rules: { maxHoldsPerUser }, service }: ShowOnSale,
  best: BestSeats,
  hold: (seatIds: readonly string[]) => Promise<Answer>,
): Promise<Answer> {
  requireKnownNames(plan, best);
  if (best.count > maxHoldsPerUser) {
    throw new RefusedError('HOLD_LIMIT', `You can hold at most ${maxHoldsPerUser} seats at once`);
  }
  const refused = new Set<string>();
  const isFree = (id: string) =>
    service.view.seat(id)?.status === SeatStatus.available && !refused.has(id) && !service.hasCommand(id);
  for (let attempt = 1; ; attempt++) {
    await service.confirm(); // others have taken seats, perhaps more than those that were refused
    await ownTurn();
    const offer = bestSeats(plan, isFree, best, Math.floor(Math.random() * 2 ** 32));
    if (!offer) throw new RefusedError('NOT_TOGETHER', notTogether(best));
    const answer = await hold(offer.seats);
    if (attempt === maxAttempts || !retried.includes(answer.refusal)) return answer;
    for (const id of answer.refused ?? []) refused.add(id);
  }
}

function requireKnownNames(plan: SeatingPlan, { category, section }: BestSeats): void {
  if (category !== undefined && !plan.categories.includes(category)) {
    throw new RefusedError('INVALID_REQUEST', `There is no category ${category}`);
  }
  if (section !== undefined && !plan.sections.some(({ name }) => name === section)) {
    throw new RefusedError('INVALID_REQUEST', `There is no section ${section}`);
  }
}

function notTogether({ count, category, section, accessible }: BestSeats): string {
  const where = [category && `in ${category}`, section && `in ${section}`].filter(Boolean).join(' ');
  const what = `${accessible ? 'accessible ' : ''}${count === 1 ? 'seat is' : 'seats are'} free${count === 1 ? '' : ' together'}`;
  return `No ${count === 1 ? '' : `${count} `}${what}${where && ` ${where}`}`;
}
