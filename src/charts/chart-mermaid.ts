import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { childrenOf, initialOf, transitionsOf } from './chart-nodes.ts';

/** The chart as a Mermaid state diagram, for Markdown renderers. */
export function chartMermaid(machine: AnyStateMachine): string {
  const { root } = machine;
  // Mermaid allows parallel regions (`--`) only inside a state.
  const lines = root.type === 'parallel' ? declared(root, '  ') : content(root, '  ');
  return ['stateDiagram-v2', ...lines, ''].join('\n');
}

function content(node: AnyStateNode, indent: string): string[] {
  const initial = initialOf(node);
  const regions = childrenOf(node).map((child) => declared(child, indent));
  return [
    ...(initial ? [`${indent}[*] --> ${name(initial)}`] : []),
    ...regions.flatMap((lines, index) => (node.type === 'parallel' && index > 0 ? [`${indent}--`, ...lines] : lines)),
    ...childrenOf(node).flatMap((child) => transitions(child, indent)),
  ];
}

/** A state with everything in it. */
function declared(node: AnyStateNode, indent: string): string[] {
  const head = `${indent}state "${node.key}" as ${name(node)}`;
  return childrenOf(node).length > 0 ? [`${head} {`, ...content(node, `${indent}  `), `${indent}}`] : [head];
}

function transitions(node: AnyStateNode, indent: string): string[] {
  const arrows = transitionsOf(node).map(({ target, event, guard, actions }) => {
    const label = [event, guard && `[${guard}]`, actions.length > 0 && `/ ${actions.join(', ')}`].filter(Boolean);
    return `${indent}${name(node)} --> ${name(target ?? node)}${label.length > 0 ? ` : ${label.join(' ')}` : ''}`;
  });
  return node.type === 'final' ? [...arrows, `${indent}${name(node)} --> [*]`] : arrows;
}

const name = (node: AnyStateNode): string => node.id.replaceAll('.', '_');
