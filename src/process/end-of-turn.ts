let waiting: (() => void)[] = [];

/**
 * Runs `action` (must not throw) after the current turn of the event loop, or after `turns` turns, so that requests that arrive together can share
 * one call. Actions run in the order in which they were added; those added meanwhile run in the same pass.
 */
export function endOfTurn(action: () => void, turns = 1): void {
  if (turns > 1) {
    setImmediate(() => endOfTurn(action, turns - 1));
    return;
  }
  if (waiting.length === 0) setImmediate(runAll);
  waiting.push(action);
}

function runAll(): void {
  for (let i = 0; i < waiting.length; i++) (waiting[i] as () => void)();
  waiting = [];
}
