/** A condition that is immediate on a quiet machine may take seconds on a busy one. For `vi.waitFor`; `expect.poll` uses it by default. */
export const patience = { timeout: 30_000, interval: 20 };
