import type { FreeSeats } from './free-seats.ts';

/** How well a block suits a group with one wheelchair user. Smaller is better. */
export interface Party {
  /** 1 if two or more sit there, and no companion seat is next to the accessible one. */
  lacksCompanion: number;
  /** Companion seats that others may need. */
  spareCompanions: number;
}

/** Of a block for a group that needs no accessible seat. */
export const ordinaryParty: Party = { lacksCompanion: 0, spareCompanions: 0 };

/** undefined if the block does not have exactly one accessible seat. */
export function partyIn(start: number, end: number, free: FreeSeats): Party | undefined {
  let [accessible, companions] = [-1, 0];
  for (let index = start; index < end; index++) {
    if (free.is('companion', index)) companions++;
    if (!free.is('accessible', index)) continue;
    if (accessible >= 0) return undefined;
    accessible = index;
  }
  if (accessible < 0) return undefined;
  const isCompanion = (index: number) => index >= start && index < end && free.is('companion', index);
  const hasCompanion = isCompanion(accessible - 1) || isCompanion(accessible + 1);
  return {
    lacksCompanion: end - start > 1 && !hasCompanion ? 1 : 0,
    spareCompanions: Math.max(0, companions - 1),
  };
}
