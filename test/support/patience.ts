/** What takes no time on a quiet machine may take seconds on one that is busy with other tests. For `vi.waitFor`; `expect.poll` has it as well. */
export const patience = { timeout: 30_000, interval: 20 };
