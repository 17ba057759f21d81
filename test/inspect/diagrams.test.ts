import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AnyStateMachine, createMachine } from 'xstate';
import { connectionMachine } from '../../machines/connection.ts';
import { seatMachine } from '../../machines/seat.ts';
import { type ChartNode, chartLayout } from '../../src/charts/chart-layout.ts';
import { chartMermaid } from '../../src/charts/chart-mermaid.ts';
import { useBrowser } from '../support/browser.ts';

const require = createRequire(import.meta.url);

let page: Page;

beforeAll(async () => {
  page = await (await useBrowser()).newPage();
  await page.addScriptTag({ path: require.resolve('@mermaid-js/tiny') });
});
afterAll(() => page?.close());

interface Mermaid {
  initialize(config: object): void;
  render(id: string, text: string): Promise<{ svg: string }>;
}

/** The diagram as Mermaid draws it, or the reason why it cannot. */
const rendered = (text: string): Promise<string> =>
  page.evaluate(async (source) => {
    const { mermaid } = globalThis as unknown as { mermaid: Mermaid };
    mermaid.initialize({ startOnLoad: false });
    return mermaid.render('diagram', source).then(
      ({ svg }) => svg,
      (error) => `failed: ${error}`,
    );
  }, text);

/** All diagrams of the documents, by file and number. */
function diagrams(): [name: string, text: string][] {
  const inDocs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
  const files = [...readdirSync('.'), ...inDocs].filter((name) => /\.(md|mmd)$/.test(name));
  return files.flatMap((name): [string, string][] => {
    const text = readFileSync(name, 'utf8');
    if (name.endsWith('.mmd')) return [[name, text]];
    return [...text.matchAll(/^```mermaid\n(.*?)^```/gms)].map(([, diagram = ''], index) => [
      `${name}, ${index + 1}`,
      diagram,
    ]);
  });
}

test('[R420] all files with diagrams are found', () => {
  const names = diagrams().map(([name]) => name);
  expect(names).toEqual(expect.arrayContaining(['docs/machines/seat.mmd', 'docs/architecture.md, 1']));
});

test.each(diagrams())('[R420] Mermaid renders %s', async (_name, text) => {
  expect(await rendered(text)).toMatch(/^<svg.*<\/svg>$/s);
});

test('[R420] a machine whose root is parallel is a valid diagram, too', async () => {
  const machine = createMachine({
    id: 'both',
    type: 'parallel',
    states: {
      left: { initial: 'a', states: { a: { on: { NEXT: 'b' } }, b: { type: 'final' } } },
      right: { initial: 'c', states: { c: {} } },
    },
  });
  const svg = await rendered(chartMermaid(machine));
  for (const name of ['left', 'right', 'a', 'b', 'c']) expect(svg).toContain(`>${name}<`);
});

interface Box {
  name: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const boxOf = (name: string, { x = 0, y = 0, width = 0, height = 0 }): Box => ({
  ...{ name, left: x, top: y, right: x + width, bottom: y + height },
});

/** The boxes that text occupies: states without nested states, and labels of arrows. Coordinates are those of the chart. */
function textBoxes(node: ChartNode, parent = { x: 0, y: 0 }): Box[] {
  const x = parent.x + (node.x ?? 0);
  const y = parent.y + (node.y ?? 0);
  const labels = node.edges.flatMap(({ id, labels: all = [] }) => all.map((label) => boxOf(id, label)));
  const own = node.children.length === 0 ? [boxOf(node.id, { ...node, x, y })] : [];
  return [...own, ...labels, ...node.children.flatMap((child) => textBoxes(child, { x, y }))];
}

const doOverlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

test.each([
  ['seat', seatMachine, 700, 800],
  ['connection', connectionMachine, 1_800, 1_300],
] as [string, AnyStateMachine, number, number][])(
  '[R421] the chart %s is readable',
  async (_id, machine, width, height) => {
    const root = await chartLayout(machine);
    expect(root.width).toBeLessThan(width);
    expect(root.height).toBeLessThan(height);
    const boxes = textBoxes(root);
    const overlaps = boxes.flatMap((a, index) =>
      boxes.slice(index + 1).flatMap((b) => (doOverlap(a, b) ? [`${a.name} and ${b.name}`] : [])),
    );
    expect(overlaps).toEqual([]);
    for (const { left, top, right, bottom } of boxes) {
      expect(left).toBeGreaterThanOrEqual(root.x ?? 0);
      expect(top).toBeGreaterThanOrEqual(root.y ?? 0);
      expect(right).toBeLessThanOrEqual((root.x ?? 0) + (root.width ?? 0));
      expect(bottom).toBeLessThanOrEqual((root.y ?? 0) + (root.height ?? 0));
    }
  },
);
