import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { childrenOf, initialOf, transitionsOf } from './chart-nodes.ts';

/** The chart as a Mermaid state diagram, for whatever renders Markdown. */
export function chartMermaid(machine: AnyStateMachine): string {
  return ['stateDiagram-v2', ...content(machine.root, '  '), ''].join('\n');
}

function content(node: AnyStateNode, indent: string): string[] {
  const isParallel = node.type === 'parallel';
  const initial = initialOf(node);
  const children = childrenOf(node).flatMap((child, index) => {
    const inner = [...declaration(child, indent), ...content(child, `${indent}  `)];
    const closed = childrenOf(child).length > 0 ? [...inner, `${indent}}`] : inner;
    return isParallel && index > 0 ? [`${indent}--`, ...closed] : closed;
  });
  return [
    ...(initial ? [`${indent}[*] --> ${name(initial)}`] : []),
    ...children,
    ...childrenOf(node).flatMap((child) => transitions(child, indent)),
  ];
}

function declaration(node: AnyStateNode, indent: string): string[] {
  return [`${indent}state "${node.key}" as ${name(node)}${childrenOf(node).length > 0 ? ' {' : ''}`];
}

function transitions(node: AnyStateNode, indent: string): string[] {
  const arrows = transitionsOf(node).map(({ target, event, guard, actions }) => {
    const label = [event, guard && `[${guard}]`, actions.length > 0 && `/ ${actions.join(', ')}`].filter(Boolean);
    return `${indent}${name(node)} --> ${name(target ?? node)}${label.length > 0 ? ` : ${label.join(' ')}` : ''}`;
  });
  return node.type === 'final' ? [...arrows, `${indent}${name(node)} --> [*]`] : arrows;
}

const name = (node: AnyStateNode): string => node.id.replaceAll('.', '_');
