import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createActor, type InspectionEvent } from 'xstate';
import { connectionMachine } from '../../machines/connection.ts';
import { orderMachine } from '../../machines/order.ts';
import { seatMachine } from '../../machines/seat.ts';
import { stateClass, transitionClass } from '../../src/charts/chart-class.ts';
import { chartFiles } from '../../src/charts/chart-files.ts';
import { chartSvg } from '../../src/charts/chart-svg.ts';
import { held, hydratedSeats } from '../machines/seat-fixture.ts';

test('[R166] docs/machines matches the code; `npm run machines` updates it', async () => {
  const files = await chartFiles();
  expect([...files.keys()]).toEqual([
    'seat.json',
    'seat.svg',
    'seat.mmd',
    'order.json',
    'order.svg',
    'order.mmd',
    'connection.json',
    'connection.svg',
    'connection.mmd',
  ]);
  for (const [name, text] of files) expect(readFileSync(`docs/machines/${name}`, 'utf8'), name).toBe(text);
});

test('[R166] the same machine gives the same bytes', async () => {
  expect(await chartSvg(seatMachine)).toBe(await chartSvg(seatMachine));
});

test.each([seatMachine, orderMachine, connectionMachine])(
  '[R167] each state and transition of $id can be highlighted, each by one name',
  async (machine) => {
    const svg = await chartSvg(machine as never);
    const classes = svg.match(/class="[^"]*"/g)?.join(' ') ?? '';
    const occurrences = (name: string) => classes.match(new RegExp(`(?<=[ "])${name}(?=[ "])`, 'g'))?.length ?? 0;
    for (const node of allNodes(machine.root as unknown as Node)) {
      expect(occurrences(stateClass(node.id)), node.id).toBe(1);
      for (const [eventType, transitions] of [...node.transitions, ['', node.always ?? []] as const]) {
        for (const index of transitions.keys()) {
          const arrowAndLabel = occurrences(transitionClass(node.id, eventType, index));
          expect(arrowAndLabel, `${node.id} on ${eventType}`).toBeGreaterThanOrEqual(1);
          expect(arrowAndLabel, `${node.id} on ${eventType}`).toBeLessThanOrEqual(2);
        }
      }
    }
  },
);

interface Node {
  id: string;
  states: Record<string, Node>;
  transitions: Map<string, readonly unknown[]>;
  always?: readonly unknown[];
}

const allNodes = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap(allNodes)];

test('[R167] XState and the chart use the same name for a transition', () => {
  const actor = createActor(seatMachine, { input: { seat: hydratedSeats.available, holdRemainingMs: 0 } });
  const taken: string[] = [];
  actor.system.inspect((event: InspectionEvent) => {
    if (event.type !== '@xstate.microstep') return;
    for (const { source, eventType } of event._transitions) taken.push(transitionClass(source.id, eventType, 0));
  });
  actor.start();
  actor.send(held(9, 'bob', 1_000));
  expect(taken).toContain('on-seat_available_HELD_0');
  expect(readFileSync('docs/machines/seat.svg', 'utf8')).toContain('on-seat_available_HELD_0');
});
