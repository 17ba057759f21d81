let waiting: (() => void)[] = [];

/**
 * Runs `action`, which must not throw, when all that this turn of the event loop, or so many of them, has brought has been taken in: whatever
 * many requests ask for at once can then be asked for together. Actions run in the order in which they came, those that come meanwhile after them.
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
