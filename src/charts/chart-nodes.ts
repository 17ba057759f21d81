import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** One arrow of a chart. Without a target the state stays as it is. */
export interface ChartTransition {
  source: AnyStateNode;
  target: AnyStateNode | undefined;
  eventType: string;
  /** Among the transitions of the source for this event. */
  index: number;
  /** What a person reads: `HELD`, `after retryExpiry`, `error of socket`; empty for one that is taken at once. */
  event: string;
  guard: string | undefined;
  actions: string[];
}

/** Those that start at this state, in the order in which they are tried. */
export function transitionsOf(source: AnyStateNode): ChartTransition[] {
  const byEvent: [string, readonly AnyTransitionDefinition[]][] = [...source.transitions];
  if (source.always) byEvent.push(['', source.always]);
  return byEvent.flatMap(([eventType, transitions]) =>
    transitions.map(({ target, guard, actions }, index) => ({
      source,
      target: target?.[0],
      eventType,
      index,
      event: readableEvent(source.machine, eventType),
      guard: guard && nameOf(guard),
      actions: actions.map(nameOf),
    })),
  );
}

export const childrenOf = (node: AnyStateNode): AnyStateNode[] => Object.values(node.states);

export const initialOf = (node: AnyStateNode): AnyStateNode | undefined =>
  node.type === 'compound' ? node.initial.target?.[0] : undefined;

/** Without those by which XState arms its own timers. */
export const entryActionsOf = (node: AnyStateNode): string[] =>
  node.entry.map(nameOf).filter((name) => !name.startsWith('xstate.'));

function nameOf(implementation: unknown): string {
  if (typeof implementation === 'string') return implementation;
  const named = implementation as { type?: string; name?: string };
  return named.type ?? named.name ?? '';
}

/** XState gives timers and invoked actors events of long names: `xstate.after.retryExpiry.seat.expiring`. */
function readableEvent(machine: AnyStateMachine, eventType: string): string {
  const [, kind, name, ...rest] = eventType.split('.');
  if (!eventType.startsWith('xstate.') || !kind || !name) return eventType;
  if (kind === 'after') {
    const delay: unknown = machine.implementations.delays[name];
    return typeof delay === 'number' ? `after ${name} (${seconds(delay)})` : `after ${name}`;
  }
  return `${kind} of ${rest.join('.')}`;
}

const seconds = (ms: number): string => `${ms / 1000} s`;
