import type { Refusal } from '../../src/protocol/errors.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { KnownPosition, SeatCommand, SeatStore } from '../../src/store/seat-store.ts';

/** A command on one seat, which `on` names. */
export type OneSeatCommand = SeatCommand extends infer Command
  ? Command extends SeatCommand
    ? Omit<Command, 'seatIds'>
    : never
  : never;

export const on = (seatId: string, command: OneSeatCommand): SeatCommand => ({ ...command, seatIds: [seatId] });

/** Commands on one seat in one call. Each answer is about that seat. */
export async function decideOn(
  store: SeatStore,
  seatId: string,
  commands: readonly OneSeatCommand[],
  { seatSeq, ...known }: Omit<KnownPosition, 'seatSeq'> & { seatSeq?: number },
): Promise<{ nowMs: number; events: SeatEvent[]; answers: { seat: Seat; refusal?: Refusal }[] }> {
  const { answers, ...rest } = await store.decide(
    commands.map((command) => on(seatId, command)),
    { ...known, ...(seatSeq !== undefined && { seatSeq: () => seatSeq }) },
  );
  return {
    ...rest,
    answers: answers.map(({ seats: [seat], refusal }) => ({ seat: seat as Seat, ...(refusal && { refusal }) })),
  };
}
