import { BookingService } from '../../src/booking/booking-service.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import {
  type Answer,
  type Decision,
  type SeatCommand,
  StoreTimeoutError,
  type UserCommand,
} from '../../src/store/seat-store.ts';

type Decide = MemorySeatStore['decide'];
type Command = BookingService['command'];

/** Controls: the real store and service, each with one flaw. Each replaces the method that it calls. */

const { decide } = MemorySeatStore.prototype;
const { command: ask } = BookingService.prototype;

const oneByOne = <C extends SeatCommand>(command: C): C[] =>
  command.seatIds.map((id) => ({ ...command, seatIds: [id] }));

function together(answers: readonly Answer[]): Answer {
  const refused = answers.filter(({ refusal }) => refusal !== undefined);
  const { refusal } = refused[0] ?? {};
  return {
    seats: answers.flatMap(({ seats }) => seats),
    ...(refusal && { refusal, refused: refused.flatMap((answer) => answer.refused ?? []) }),
  };
}

/** A store that applies a group seat by seat, and leaves half of it if a seat refuses. */
export async function decideSeatBySeat(
  this: MemorySeatStore,
  ...[commands, known]: Parameters<Decide>
): Promise<Decision> {
  const { answers, ...decision } = await decide.call(this, commands.flatMap(oneByOne), known);
  const left = [...answers];
  return { ...decision, answers: commands.map(({ seatIds }) => together(left.splice(0, seatIds.length))) };
}

/** A store that does not remember which commands it has executed. */
export function decideEachAttempt(this: MemorySeatStore, ...[commands, known]: Parameters<Decide>): Promise<Decision> {
  return decide.call(
    this,
    commands.map((command) => ({ ...command, request: undefined })),
    known,
  );
}

/** A store that extends a hold whether or not it has ended. */
export async function decideWithRevival(
  this: MemorySeatStore,
  ...[commands, known]: Parameters<Decide>
): Promise<Decision> {
  const decision = await decide.call(this, commands, known);
  const [command] = commands;
  const isEnded = decision.answers[0]?.seats.every(({ status }) => status === SeatStatus.available);
  if (commands.length > 1 || command?.action !== 'extend' || !isEnded) return decision;
  const { answers, events } = await decide.call(this, [{ ...command, action: 'select', request: undefined }], known);
  const extended = events.map((event) => ({ ...event, reason: 'extended' as const }));
  return { ...decision, answers, events: [...decision.events, ...extended] };
}

/** A service that sends a group to the store seat by seat. */
export async function commandSeatBySeat(this: BookingService, command: UserCommand): ReturnType<Command> {
  const answers: Awaited<ReturnType<Command>>[] = [];
  for (const one of oneByOne(command)) answers.push(await ask.call(this, one));
  return together(answers);
}

/** A service that fails when half of a group is done: a retry finds that half done. */
export async function commandHalfAtFirst(this: BookingService, command: UserCommand): ReturnType<Command> {
  const { seatIds, request } = command;
  if (seatIds.length === 1 || request?.isRepeat) return ask.call(this, command);
  await ask.call(this, { ...command, seatIds: seatIds.slice(1), request: undefined });
  throw new StoreTimeoutError('the other half was not answered');
}
