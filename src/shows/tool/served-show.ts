import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { messageOf } from '../../process/error-facts.ts';
import { Seat } from '../../protocol/seat.ts';
import { SeatStatus } from '../../protocol/seat-status.ts';
import { ShowDetails } from '../../protocol/show.ts';
import { utcOffsetsOf } from '../local-time.ts';
import { planConflict } from '../plan-conflict.ts';
import { PlanDocument } from '../plan-document.ts';
import { SeatingPlan } from '../seating-plan.ts';
import type { Show } from '../show.ts';
import { showChanges } from '../show-changes.ts';
import { ShowFileError } from '../show-file-error.ts';
import { changesText } from './changes-text.ts';
import { plural } from './summary.ts';

const timeoutMs = 10_000;
const details = Compile(ShowDetails);
const planDocument = Compile(PlanDocument);
const seatList = Compile(Type.Array(Seat));

/**
 * The changes that the file of a show would make at a running server. `server`: the URL of a booking process or of nginx. Rejects with a
 * `ShowFileError` if the server would refuse the change, or cannot be reached; `texts` then come before the reason.
 */
export async function comparedWithServer(show: Show, server: string, texts: readonly string[]): Promise<string> {
  const root = `${server.replace(/\/+$/, '')}/api/shows/${show.id}`;
  const found = await read(root, details);
  if (found === undefined) return `Compared with ${server}: it does not have the show ${show.id} yet\n`;
  const plan = await read(`${root}/plan/${found.plan}`, planDocument);
  const seats = await read(`${root}/seats`, seatList);
  if (!plan || !seats) throw new ShowFileError(`${root}: the plan has changed meanwhile; try again`);
  const before = servedShow(found, new SeatingPlan(plan), show);
  const taken = seats.filter(({ status }) => status !== SeatStatus.available);
  const held = taken.filter(({ status }) => status === SeatStatus.held).length;
  const text = [
    `Compared with ${server}, where ${plural(held, 'seat')} ${held === 1 ? 'is' : 'are'} held and ${taken.length - held} booked now:`,
    `${changesText(showChanges(before, show))}\n`,
  ].join('\n');
  const conflict = planConflict(before.plan, show.plan, taken);
  if (conflict === undefined) return text;
  throw new ShowFileError(
    [...texts, text, `${show.id}: the server would refuse this change now: ${conflict}`].join('\n'),
  );
}

/** Undefined: 404. */
async function read<T extends TSchema>(url: string, validator: ReturnType<typeof Compile<T>>) {
  try {
    const reply = await fetch(url, { headers: { 'x-venue-stale': 'refuse' }, signal: AbortSignal.timeout(timeoutMs) });
    if (reply.status === 404) return undefined;
    if (!reply.ok) throw new Error(`the reply is ${reply.status}`);
    return validator.Parse(await reply.json());
  } catch (error) {
    const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : '';
    throw new ShowFileError(`${url}: cannot be read: ${messageOf(error)}${cause}`, { cause: error });
  }
}

/** The show as the server has it. A limit that the file leaves to the settings is not compared. */
function servedShow(found: ShowDetails, plan: SeatingPlan, file: Show): Show {
  const timeOf = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));
  const { currency, ticket_types: ticketTypes } = found;
  const prices = found.categories.map(({ name, prices: own = {} }) => [name, new Map(Object.entries(own))] as const);
  return {
    id: found.id,
    name: found.name,
    startsAtMs: timeOf(found.starts_at),
    saleOpensAtMs: timeOf(found.sale_opens_at),
    saleClosesAtMs: timeOf(found.sale_closes_at),
    utcOffsets: utcOffsetsOf(found),
    categories: found.categories,
    pricing: currency && ticketTypes ? { currency, ticketTypes, prices: new Map(prices) } : undefined,
    maxHolds: file.maxHolds && found.max_holds,
    holdTtlMs: file.holdTtlMs && found.hold_seconds * 1000,
    singleSeats: found.single_seats,
    plan,
  };
}
