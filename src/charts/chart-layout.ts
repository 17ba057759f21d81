import ElkConstructor, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { stateClass, transitionClass } from './chart-class.ts';
import { childrenOf, entryActionsOf, initialOf, transitionsOf } from './chart-nodes.ts';

export const nameFont = { sizePx: 14, charWidthPx: 8.4, lineHeightPx: 20 };
export const noteFont = { sizePx: 11, charWidthPx: 6.7, lineHeightPx: 14 };
const paddingPx = 12;
const initialDotPx = 10;

export interface ChartNode extends ElkNode {
  kind: 'initial' | 'state' | 'compound' | 'region' | 'final';
  cssClass: string;
  title: string;
  notes: string[];
  children: ChartNode[];
}

export interface ChartEdge extends ElkExtendedEdge {
  cssClass: string;
  /** Laid out from its target to its source. */
  isReversed: boolean;
  /** Only for the layout's sake. */
  isHidden: boolean;
}

export interface ChartLayout {
  root: ChartNode;
  edges: ChartEdge[];
}

/** Where everything of a chart is, in pixels. The same machine always gives the same layout. */
export async function chartLayout(machine: AnyStateMachine): Promise<ChartLayout> {
  const edges: ChartEdge[] = [];
  const root = chartNode(machine.root, edges);
  // Inside an anonymous graph: the root's own transitions start and end at its border.
  const Elk = ElkConstructor as unknown as new () => { layout(graph: ElkNode): Promise<ElkNode> };
  const laidOut = await new Elk().layout({
    id: 'chart',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.json.edgeCoords': 'ROOT',
      'elk.randomSeed': '1',
      'elk.layered.spacing.nodeNodeBetweenLayers': '34',
      'elk.layered.spacing.edgeNodeBetweenLayers': '16',
      'elk.layered.spacing.edgeEdgeBetweenLayers': '14',
      'elk.spacing.edgeNode': '18',
      'elk.spacing.edgeEdge': '14',
      'elk.spacing.edgeLabel': '4',
      'elk.spacing.nodeNode': '34',
    },
    children: [root],
    edges,
  });
  return {
    root: laidOut.children?.[0] as ChartNode,
    edges: (laidOut.edges as ChartEdge[]).filter(({ isHidden }) => !isHidden),
  };
}

function chartNode(node: AnyStateNode, edges: ChartEdge[]): ChartNode {
  const children = childrenOf(node).map((child) => chartNode(child, edges));
  if (node.type === 'parallel') {
    // One below the other: side by side, a chart is soon too wide to be read.
    for (const [index, below] of children.slice(1).entries()) {
      const above = children[index] as ChartNode;
      edges.push({ ...edgeOf(edges, above.id, below.id), isHidden: true });
    }
  }
  const initial = initialOf(node);
  if (initial) {
    const id = `${node.id}.initial`;
    children.unshift({
      ...{ id, kind: 'initial', cssClass: '', title: '', notes: [], children: [] },
      ...{ width: initialDotPx, height: initialDotPx },
    });
    edges.push(edgeOf(edges, id, initial.id));
  }
  for (const { target, event, guard, actions, eventType, index } of transitionsOf(node)) {
    const lines = [event, guard && `[${guard}]`, ...actions.map((action) => `/ ${action}`)].filter(isText);
    const to = target ?? node;
    // What leads back in the order of the machine runs upwards: ELK is not to turn the chart upside down for it.
    const isReversed = to.order < node.order;
    edges.push({
      ...edgeOf(edges, isReversed ? to.id : node.id, isReversed ? node.id : to.id),
      isReversed,
      cssClass: transitionClass(node.id, eventType, index),
      ...(lines.length > 0 && { labels: [{ text: lines.join('\n'), ...sizeOf(lines, noteFont) }] }),
    });
  }
  const notes = entryActionsOf(node).map((action) => `entry / ${action}`);
  const title = sizeOf([node.key], nameFont);
  const noteBox = sizeOf(notes, noteFont);
  const isCompound = children.length > 0;
  const isRegion = node.parent?.type === 'parallel';
  const headPx = paddingPx + title.height + noteBox.height;
  return {
    id: node.id,
    kind: isRegion ? 'region' : isCompound ? 'compound' : node.type === 'final' ? 'final' : 'state',
    cssClass: stateClass(node.id),
    title: node.key,
    notes,
    children,
    ...(isCompound
      ? {
          layoutOptions: {
            'elk.padding': `[top=${headPx + 14},left=22,bottom=20,right=22]`,
            'elk.nodeSize.constraints': 'MINIMUM_SIZE',
            'elk.nodeSize.minimum': `(${title.width + 2 * paddingPx}, ${headPx})`,
          },
        }
      : { width: Math.max(title.width, noteBox.width, 48) + 2 * paddingPx, height: headPx + paddingPx - 4 }),
  };
}

const edgeOf = (edges: readonly ChartEdge[], source: string, target: string): ChartEdge => ({
  id: `edge ${edges.length}`,
  sources: [source],
  targets: [target],
  cssClass: '',
  isReversed: false,
  isHidden: false,
});

/** There is no font to measure with: monospaced, every character is as wide as the next. */
function sizeOf(lines: string[], font: typeof nameFont): { width: number; height: number } {
  const longest = Math.max(0, ...lines.map((line) => line.length));
  return { width: Math.ceil(longest * font.charWidthPx), height: lines.length * font.lineHeightPx };
}

const isText = (line: string | undefined): line is string => line !== undefined && line !== '';
