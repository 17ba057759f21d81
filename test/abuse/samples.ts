/**
 * `command`: until the reply. `update`: until every watching socket shows it. `arrival`: a page on new connections, until it
 * is live. `inspection`: until the inspector's feed begins.
 */
export const sampleKinds = ['command', 'update', 'arrival', 'inspection'] as const;
export type SampleKind = (typeof sampleKinds)[number];

export interface Sample {
  kind: SampleKind;
  /** On the clock of the measuring process. */
  startMs: number;
  latencyMs: number;
  failure?: string;
}
