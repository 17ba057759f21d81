/** Resolves when all work that waits only for promises is done. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
