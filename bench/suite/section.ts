import type { Verdict } from '../audit/audit.ts';
import type { Plot, Table } from '../scenarios/scenario.ts';
import type { CommitBuild } from './commit-build.ts';

/** One part of docs/performance.md that `npm run bench` measures. */
export interface Section {
  /** Names its place in the document. */
  name: string;
  tables: Table[];
  /** Becomes docs/performance-<name>.svg. */
  plot?: Plot;
  /** Bounds of the figures, and whether they are met. */
  targets: Target[];
  /** Violations that the audit found. With any of them, the figures do not count. */
  violations: string[];
}

export interface Target {
  text: string;
  value: number;
  isMet: boolean;
}

export interface SuiteContext {
  isQuick: boolean;
  /** An older commit, measured beside the tree. */
  older?: CommitBuild | undefined;
  signal: AbortSignal;
  onProgress: (doing: string) => void;
}

/** The findings of an audit as text. A measurement without an audit does not count either. */
export const problemsOf = ({ checks, notAudited }: Verdict): string[] => [
  ...(notAudited === undefined ? [] : [`could not audit: ${notAudited}`]),
  ...checks.flatMap(({ examples }) => examples),
];

export const atLeast = (text: string, bound: number, value: number): Target => ({
  text: `${text} ≥ ${bound}`,
  value,
  isMet: value >= bound,
});

export const atMost = (text: string, bound: number, value: number): Target => ({
  text: `${text} ≤ ${bound}`,
  value,
  isMet: value <= bound,
});
