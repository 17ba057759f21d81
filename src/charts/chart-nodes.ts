import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { isObject } from '../process/is-object.ts';

/** One transition of a chart. Without a target it is internal: the state stays active. */
export interface ChartTransition {
  source: AnyStateNode;
  target: AnyStateNode | undefined;
  eventType: string;
  /** Position among the transitions of the source for this event. */
  index: number;
  /** Readable name: `HELD`, `after retryExpiry`, `error of socket`; empty for an eventless transition. */
  event: string;
  guard: string | undefined;
  actions: string[];
  description: string;
}

/** The transitions of a state, in the order in which XState tries them. */
export function transitionsOf(source: AnyStateNode): ChartTransition[] {
  const byEvent: [string, readonly AnyTransitionDefinition[]][] = [...source.transitions];
  if (source.always) byEvent.push(['', source.always]);
  return byEvent.flatMap(([eventType, transitions]) =>
    transitions.map(({ target, guard, actions, description }, index) => ({
      source,
      target: target?.[0],
      eventType,
      index,
      event: readableEvent(source.machine, eventType),
      guard: guard && nameOf(guard),
      actions: actions.map(nameOf),
      description: description ?? '',
    })),
  );
}

export const childrenOf = (node: AnyStateNode): AnyStateNode[] => Object.values(node.states);

export const initialOf = (node: AnyStateNode): AnyStateNode | undefined =>
  node.type === 'compound' ? node.initial.target?.[0] : undefined;

/** The path below the root: `attached.live`. */
export const pathOf = (node: AnyStateNode): string => node.path.join('.');

/** Leaves out the actions with which XState starts its own timers. */
export const entryActionsOf = (node: AnyStateNode): string[] =>
  node.entry.map(nameOf).filter((name) => !name.startsWith('xstate.'));

function nameOf(implementation: unknown): string {
  if (typeof implementation === 'string') return implementation;
  if (typeof implementation !== 'function' && !isObject(implementation)) return '';
  // XState's own actions are functions with a type, such as `xstate.raise`.
  if ('type' in implementation && typeof implementation.type === 'string') return implementation.type;
  return String(implementation.name ?? '');
}

/** XState gives the events of timers and invoked actors long names: `xstate.after.retryExpiry.seat.expiring`. */
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
