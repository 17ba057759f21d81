import { LogDestination } from '../process/log-destination.ts';

const terminal = new LogDestination(1, (lost) => print(`(${lost} messages were lost: they could not be written.)`));
process.on('exit', () => terminal.flush());

/** The launcher speaks to a person at a terminal, not to a log collector. */
export function print(text: string): void {
  terminal.write(`${text}\n`);
}
