import ElkConstructor, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { present } from '../process/present.ts';
import { stateClass, transitionClass } from './chart-class.ts';
import { type ChartTransition, childrenOf, entryActionsOf, initialOf, pathOf, transitionsOf } from './chart-nodes.ts';

export const nameFont = { sizePx: 14, charWidthPx: 8.4, lineHeightPx: 20 };
export const noteFont = { sizePx: 11, charWidthPx: 6.7, lineHeightPx: 14 };
const paddingPx = 12;
const initialDotPx = 10;
/** Longest text of a transition with its action on one line. */
const maxLineChars = 32;

const layoutOptions = {
  'elk.algorithm': 'layered',
  'elk.randomSeed': '1',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '14',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeLabel': '4',
  'elk.spacing.nodeNode': '34',
};

/** The text of one transition or entry action. */
export interface ChartText {
  lines: string[];
  /** Empty for an entry action. */
  cssClass: string;
  description: string;
}

export interface ChartNode extends ElkNode {
  kind: 'initial' | 'state' | 'compound' | 'region' | 'final';
  cssClass: string;
  title: string;
  description: string;
  /** Entry actions, internal transitions, and transitions that leave the parent state. */
  notes: ChartText[];
  children: ChartNode[];
  edges: ChartEdge[];
}

export interface ChartEdge extends ElkExtendedEdge {
  /** All transitions from this source to this target: they share an arrow. */
  transitions: ChartText[];
  /** Laid out from its target to its source. */
  isReversed: boolean;
  /** Only positions its nodes. */
  isHidden: boolean;
}

/** Positions everything in a chart, in pixels. The same machine always gives the same layout. */
export async function chartLayout(machine: AnyStateMachine): Promise<ChartNode> {
  const Elk = ElkConstructor as unknown as new () => { layout<Graph extends ElkNode>(graph: Graph): Promise<Graph> };
  const { children } = await new Elk().layout({
    id: 'chart',
    layoutOptions: { ...layoutOptions, 'elk.json.edgeCoords': 'ROOT' },
    children: [chartNode(machine.root)],
  });
  return present(children[0], 'the root of the chart');
}

function chartNode(node: AnyStateNode): ChartNode {
  const states = childrenOf(node);
  const notes: ChartText[] = entryActionsOf(node).map((action) => ({
    ...{ lines: [`entry / ${action}`], cssClass: '', description: '' },
  }));
  for (const transition of transitionsOf(node)) {
    if (!isDrawn(transition)) notes.push(textOf(transition, transition.target && ` → ${pathOf(transition.target)}`));
  }
  const title = sizeOf([node.key], nameFont);
  const noteBox = sizeOf(
    notes.flatMap(({ lines }) => lines),
    noteFont,
  );
  const isCompound = states.length > 0;
  const isRegion = node.parent?.type === 'parallel';
  const headPx = paddingPx + title.height + noteBox.height;
  const widthPx = Math.max(title.width, noteBox.width, 48) + 2 * paddingPx;
  return {
    id: node.id,
    kind: isRegion ? 'region' : isCompound ? 'compound' : node.type === 'final' ? 'final' : 'state',
    cssClass: stateClass(node.id),
    title: node.key,
    description: node.description ?? '',
    notes,
    ...contentOf(node),
    ...(isCompound
      ? {
          layoutOptions: {
            ...layoutOptions,
            'elk.direction': directionOf(node),
            'elk.padding': `[top=${headPx + 14},left=22,bottom=20,right=22]`,
            'elk.nodeSize.constraints': 'MINIMUM_SIZE',
            'elk.nodeSize.minimum': `(${widthPx}, ${headPx})`,
          },
        }
      : { width: widthPx, height: headPx + paddingPx - 4 }),
  };
}

/** A root with nested states is laid out to the right, and everything in it downwards: that uses a screen best. */
function directionOf(node: AnyStateNode): 'RIGHT' | 'DOWN' {
  return !node.parent && childrenOf(node).some((child) => childrenOf(child).length > 0) ? 'RIGHT' : 'DOWN';
}

/** Arrows across the borders of states make a nested chart unreadable: such a transition is a line in its source. */
const isDrawn = ({ source, target }: ChartTransition): boolean =>
  target !== undefined && source.parent === target.parent;

function contentOf(node: AnyStateNode): Pick<ChartNode, 'children' | 'edges'> {
  const states = childrenOf(node);
  const children = states.map(chartNode);
  const edges: ChartEdge[] = [];
  const connect = (source: string, target: string, more: Partial<ChartEdge> = {}) => {
    const id = `${node.id} edge ${edges.length}`;
    edges.push({
      id,
      sources: [source],
      targets: [target],
      transitions: [],
      isReversed: false,
      isHidden: false,
      ...more,
    });
  };
  if (node.type === 'parallel') {
    // One region below the other: side by side, a chart becomes too wide to read.
    for (const [index, below] of states.slice(1).entries())
      connect(states[index]?.id ?? '', below.id, { isHidden: true });
  }
  const initial = initialOf(node);
  if (initial) {
    const id = `${node.id}.initial`;
    children.unshift({
      ...{ id, kind: 'initial', cssClass: '', title: '', description: '', notes: [], children: [], edges: [] },
      ...{ width: initialDotPx, height: initialDotPx },
    });
    connect(id, initial.id);
  }
  for (const source of states) {
    const drawn = transitionsOf(source).filter(isDrawn);
    for (const target of new Set(drawn.flatMap(({ target }) => target ?? []))) {
      // A transition to an earlier state runs upwards: otherwise ELK turns the chart upside down.
      const isReversed = target.order < source.order;
      const [from, to] = isReversed ? [target.id, source.id] : [source.id, target.id];
      const texts = drawn.filter((transition) => transition.target === target).map((transition) => textOf(transition));
      const lines = texts.flatMap((text) => text.lines);
      const labels = lines.length > 0 ? [{ text: lines.join('\n'), ...sizeOf(lines, noteFont) }] : [];
      connect(from, to, { transitions: texts, isReversed, labels });
    }
  }
  return { children, edges };
}

function textOf(transition: ChartTransition, target = ''): ChartText {
  const { source, event, guard, actions, eventType, index, description } = transition;
  const cause = [event, guard && `[${guard}]`].filter(Boolean).join(' ') + target;
  const onOneLine = [cause, ...actions].join(' / ');
  const lines =
    actions.length < 2 && onOneLine.length <= maxLineChars ? [onOneLine] : [cause, ...actions.map(indented)];
  return {
    lines: lines.filter((line) => line !== ''),
    cssClass: transitionClass(source.id, eventType, index),
    description,
  };
}

/** No-break spaces, which SVG does not collapse. */
const indented = (action: string): string => `\u00a0\u00a0/ ${action}`;

/** Without a font to measure with, the text is monospaced: all characters have the same width. */
function sizeOf(lines: string[], font: typeof nameFont): { width: number; height: number } {
  const longest = Math.max(0, ...lines.map((line) => line.length));
  return { width: Math.ceil(longest * font.charWidthPx), height: lines.length * font.lineHeightPx };
}
