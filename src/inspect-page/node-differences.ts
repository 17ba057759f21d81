import type { NodeStates } from '../inspect/feed.ts';

export interface Difference {
  seatId: string;
  /** Process → what its actor shows. */
  states: Map<string, string>;
}

/**
 * The seats of which two processes show something else. One that is only behind is so for a moment: a difference
 * counts when it was there the last time too, with the same transition.
 */
export class NodeDifferences {
  #lastTime = new Map<string, string>();

  compare(nodes: readonly NodeStates[]): Difference[] {
    const seen = new Map<string, string>();
    const differences: Difference[] = [];
    const answering = nodes.filter(({ seats }) => seats !== undefined);
    for (const seatId of Object.keys(answering[0]?.seats ?? {})) {
      const shown = answering.map(({ node, seats }) => ({
        node,
        ...(seats?.[seatId] ?? { state: 'missing', seq: -1 }),
      }));
      if (shown.every(({ state, seq }) => state === shown[0]?.state && seq === shown[0]?.seq)) continue;
      const asOne = JSON.stringify(shown);
      seen.set(seatId, asOne);
      if (this.#lastTime.get(seatId) !== asOne) continue;
      differences.push({ seatId, states: new Map(shown.map(({ node, state, seq }) => [node, `${state} · ${seq}`])) });
    }
    this.#lastTime = seen;
    return differences;
  }
}
