import type { NodeStates } from '../inspect/feed.ts';

export interface Difference {
  seatId: string;
  /** Process → state of its actor. */
  states: Map<string, string>;
}

/**
 * Finds seats whose state differs between processes. A process may lag for a moment, so a difference counts only if
 * the previous comparison found the same one.
 */
export class NodeDifferences {
  #lastTime = new Map<string, string>();

  compare(nodes: readonly NodeStates[]): Difference[] {
    const seen = new Map<string, string>();
    const differences: Difference[] = [];
    const answering = nodes.filter(({ seats }) => seats !== undefined);
    const changed = new Set(answering.flatMap(({ seats }) => Object.keys(seats ?? {})));
    for (const seatId of changed) {
      const shown = answering.map(({ node, seats }) => ({
        node,
        // A process sends no seats that never changed.
        ...(seats?.[seatId] ?? { state: 'available', seq: 0 }),
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
