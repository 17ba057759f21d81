import { connectionMachine } from '../../machines/connection.ts';
import { orderMachine } from '../../machines/order.ts';
import { seatMachine } from '../../machines/seat.ts';
import { chartDefinition } from './chart-definition.ts';
import { chartMermaid } from './chart-mermaid.ts';
import { chartSvg } from './chart-svg.ts';

/** The files of docs/machines: name and text of each. The same code always gives the same bytes. */
export async function chartFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const machine of [seatMachine, orderMachine, connectionMachine]) {
    files.set(`${machine.id}.json`, `${chartDefinition(machine, 2)}\n`);
    files.set(`${machine.id}.svg`, await chartSvg(machine));
    files.set(`${machine.id}.mmd`, chartMermaid(machine));
  }
  return files;
}
