import { LogDestination } from '../process/log-destination.ts';

const terminal = new LogDestination(1, (lost) => print(`(${lost} messages were lost: they could not be written.)`));
process.on('exit', () => terminal.flush());

/** Prints plain text: the output of the launcher is for a person at a terminal, not for a log collector. */
export function print(text: string): void {
  terminal.write(`${text}\n`);
}
