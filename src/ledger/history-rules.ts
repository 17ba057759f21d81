import { ok as assert } from 'node:assert/strict';
import { HistoryGapError } from './ledger-errors.ts';
import type { LedgerEvent } from './seat-history.ts';

interface EpochPosition {
  epoch: string;
  projectedSeq: number;
}

interface NewEvents {
  events: readonly LedgerEvent[];
  /** The lost seqs before the first event. */
  gap?: { firstSeq: number; lastSeq: number };
}

/**
 * The events that the history does not have. `epochs`: those of the history, oldest first. Rejects with a `HistoryGapError` if
 * transitions before the first event are missing, unless `mayHaveGap`.
 */
export function newEvents(
  events: readonly LedgerEvent[],
  epochs: readonly EpochPosition[],
  mayHaveGap: boolean,
): NewEvents {
  const isConsecutive = events.every(({ seq }, i) => i === 0 || seq === (events[i - 1]?.seq ?? 0) + 1);
  assert(isConsecutive, 'the seqs of a batch must be consecutive');
  const projected = new Map(epochs.map(({ epoch, projectedSeq }) => [epoch, projectedSeq]));
  const first = events.findIndex(({ epoch, seq }) => seq > (projected.get(epoch) ?? 0));
  const event = events[first];
  if (!event) return { events: [] };
  // A new epoch continues the log of the one before, of which the store may have lost the end.
  const before = projected.get(event.epoch) ?? epochs.at(-1)?.projectedSeq ?? 0;
  const missing = events.slice(first);
  if (event.seq <= before + 1) return { events: missing };
  const gap = { firstSeq: before + 1, lastSeq: event.seq - 1 };
  if (!mayHaveGap) throw new HistoryGapError(`The transitions ${gap.firstSeq} to ${gap.lastSeq} are missing`);
  return { events: missing, gap };
}
