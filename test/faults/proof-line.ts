/** One line of figures, the source of docs/proof.md: `proof: {"fault":…}`. */
export function proofLine(figures: Record<string, string | number | boolean>): void {
  const rounded = Object.entries(figures).map(([name, value]) => [
    name,
    typeof value === 'number' ? Math.round(value * 10) / 10 : value,
  ]);
  process.stdout.write(`proof: ${JSON.stringify(Object.fromEntries(rounded))}\n`);
}
