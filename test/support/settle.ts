/** Resolves when what waits for nothing but promises is done. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
