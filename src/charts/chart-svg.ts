import type { AnyStateMachine } from 'xstate';
import { type ChartEdge, type ChartNode, type ChartText, chartLayout, nameFont, noteFont } from './chart-layout.ts';

const marginPx = 8;
const cornerPx = 7;

/** For the file by itself. A page that shows the chart live removes it and has its own colours. */
const style = `
  .chart { --ink: #1f2937; --quiet: #5b6474; --line: #8a93a5; --fill: #ffffff; --area: #f6f7fa; --edge: #dfe3ea }
  @media (prefers-color-scheme: dark) {
    .chart { --ink: #e8ecf4; --quiet: #a3acbd; --line: #76819a; --fill: #1d2431; --area: #151b26; --edge: #2c3444 }
  }
  .chart text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: var(--ink) }
  .chart .note, .chart .label { fill: var(--quiet) }
  .chart .box { fill: var(--fill); stroke: var(--line); stroke-width: 1.5 }
  .chart .compound > .box { fill: var(--area) }
  .chart .region > .box { fill: none; stroke-dasharray: 5 4 }
  .chart .root > .box { fill: none; stroke: var(--edge) }
  .chart .arrow { fill: none; stroke: var(--line); stroke-width: 1.5 }
  .chart .tip, .chart .dot { fill: var(--line) }
`;

/**
 * The chart as SVG. Every state and every transition has a class of its own (`chart-class.ts`), and its description as
 * its title.
 */
export async function chartSvg(machine: AnyStateMachine): Promise<string> {
  const root = await chartLayout(machine);
  const width = Math.ceil((root.width ?? 0) + 2 * marginPx);
  const height = Math.ceil((root.height ?? 0) + 2 * marginPx);
  const edges = edgesOf(root).filter(({ isHidden }) => !isHidden);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Statechart: ${escaped(machine.id)}">`,
    `<style>${style}</style>`,
    `<g transform="translate(${marginPx - (root.x ?? 0)} ${marginPx - (root.y ?? 0)})">`,
    ...boxes(root, 0, 0, 'root'),
    ...edges.map(arrow),
    ...edges.flatMap(labels),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

const edgesOf = ({ edges, children }: ChartNode): ChartEdge[] => [...edges, ...children.flatMap(edgesOf)];

function boxes(node: ChartNode, parentX: number, parentY: number, extra = ''): string[] {
  const x = parentX + (node.x ?? 0);
  const y = parentY + (node.y ?? 0);
  const { width = 0, height = 0 } = node;
  if (node.kind === 'initial') {
    return [`<circle class="dot" cx="${px(x + width / 2)}" cy="${px(y + height / 2)}" r="${px(width / 2)}"/>`];
  }
  const isCentred = node.children.length === 0;
  const titleX = isCentred ? x + width / 2 : x + 14;
  const anchor = isCentred ? ' text-anchor="middle"' : '';
  const notesX = isCentred && node.notes.length > 0 ? x + 12 : titleX;
  return [
    `<g class="${['state', node.kind, extra, node.cssClass].filter(Boolean).join(' ')}">`,
    title(node.description),
    box(x, y, width, height),
    ...(node.kind === 'final' ? [box(x + 3.5, y + 3.5, width - 7, height - 7)] : []),
    `<text class="name" x="${px(titleX)}" y="${px(y + 10 + nameFont.sizePx)}"${anchor} font-size="${nameFont.sizePx}" font-weight="600">${escaped(node.title)}</text>`,
    ...texts('note', node.notes, notesX, y + 10 + nameFont.lineHeightPx),
    '</g>',
    ...node.children.flatMap((child) => boxes(child, x, y)),
  ].filter((line) => line !== '');
}

const title = (description: string): string => (description ? `<title>${escaped(description)}</title>` : '');

const box = (x: number, y: number, width: number, height: number): string =>
  `<rect class="box" x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="9"/>`;

function arrow({ sections = [], transitions, isReversed }: ChartEdge): string {
  const drawn = sections.map(({ startPoint, bendPoints = [], endPoint }) => {
    const points = [startPoint, ...bendPoints, endPoint];
    if (isReversed) points.reverse();
    return `<path class="arrow" d="${rounded(points)}"/>${tip(points)}`;
  });
  const classes = ['transition', ...transitions.map(({ cssClass }) => cssClass)];
  // A labelled transition has its description at its label.
  const unlabelled = transitions.filter(({ lines }) => lines.length === 0).map(({ description }) => description);
  return `<g class="${classes.join(' ')}">${title(unlabelled.join(' '))}${drawn.join('')}</g>`;
}

interface Point {
  x: number;
  y: number;
}

/** Right angles with rounded corners; the shorter leg limits the radius. */
function rounded(points: Point[]): string {
  return points
    .map((point, i) => {
      const before = points[i - 1];
      const after = points[i + 1];
      if (!before) return `M${at(point)}`;
      if (!after) return `L${at(point)}`;
      const radius = Math.min(cornerPx, distance(before, point) / 2, distance(point, after) / 2);
      return `L${at(toward(point, before, radius))}Q${at(point)} ${at(toward(point, after, radius))}`;
    })
    .join('');
}

function tip(points: Point[]): string {
  const [from, end] = points.slice(-2);
  if (!from || !end) return '';
  const base = toward(end, from, 8);
  const [dx, dy] = [(end.y - base.y) / 2, (base.x - end.x) / 2];
  return `<path class="tip" d="M${at(end)}L${at({ x: base.x + dx, y: base.y + dy })}L${at({ x: base.x - dx, y: base.y - dy })}Z"/>`;
}

const labels = ({ labels: [label] = [], transitions }: ChartEdge): string[] =>
  label ? texts('label', transitions, label.x ?? 0, label.y ?? 0) : [];

/** Texts below each other, from `top` on. */
function texts(kind: 'note' | 'label', all: readonly ChartText[], x: number, top: number): string[] {
  let y = top - noteFont.lineHeightPx + noteFont.sizePx;
  return all
    .filter(({ lines }) => lines.length > 0)
    .map(({ lines, cssClass, description }) => {
      const spans = lines.map((line) => {
        y += noteFont.lineHeightPx;
        return `<tspan x="${px(x)}" y="${px(y)}">${escaped(line)}</tspan>`;
      });
      const classes = [kind, cssClass].filter(Boolean).join(' ');
      return `<text class="${classes}" font-size="${noteFont.sizePx}">${title(description)}${spans.join('')}</text>`;
    });
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

function toward(from: Point, to: Point, byPx: number): Point {
  const share = byPx / (distance(from, to) || 1);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

const at = ({ x, y }: Point): string => `${px(x)} ${px(y)}`;
const px = (value: number): string => String(Math.round(value * 10) / 10);
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
