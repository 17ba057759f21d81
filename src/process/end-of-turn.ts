// Not the global: fake timers replace it, and actions that wait for a replaced one would wait for ever.
import { setImmediate } from 'node:timers';

let waiting: (() => void)[] = [];

/**
 * Runs `action` (must not throw) after `turns` turns of the event loop, so that requests that arrive together can share one
 * call. Actions run in the order in which they were added; actions added during the run join it.
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
  for (const action of waiting) action(); // includes the actions added meanwhile
  waiting = [];
}
