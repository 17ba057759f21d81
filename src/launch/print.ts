/** The launcher speaks to a person at a terminal, not to a log collector. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
