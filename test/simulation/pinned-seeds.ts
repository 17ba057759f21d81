/** Seeds whose histories broke a rule once, and why. */
export const pinnedSeeds: readonly { seed: number; why: string }[] = [];
