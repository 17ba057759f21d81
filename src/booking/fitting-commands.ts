import { maxCommandsPerCall, maxSeatsPerCall, type SeatCommand } from '../store/seat-store.ts';

/** The number of waiting commands, in order, that fit into one call of the store. */
export function fittingCommands(commands: readonly SeatCommand[]): number {
  const seatIds = new Set<string>();
  const end = commands.findIndex((command, index) => {
    for (const id of command.seatIds) seatIds.add(id);
    return index === maxCommandsPerCall || seatIds.size > maxSeatsPerCall;
  });
  return end < 0 ? commands.length : end;
}
