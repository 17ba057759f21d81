import { endOfTurn } from './end-of-turn.ts';

/** Time and timers, real or simulated. Also serves as XState's clock. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes backwards. */
  nowMs(): number;
  /** A delay of more than 24.8 days ends early, so callbacks must check whether they are due. */
  // biome-ignore lint/suspicious/noExplicitAny: as XState declares it
  setTimeout(fn: (...args: any[]) => void, timeoutMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Runs `action` (must not throw) once pending I/O is processed, after `turns` turns of the event loop. */
  endOfTurn(action: () => void, turns?: number): void;
}

/** Longest delay of a timer in Node.js and browsers: a longer one would fire immediately, in a loop. */
const maxTimerMs = 2 ** 31 - 1;

export const hostClock: Clock = {
  nowMs: () => performance.now(),
  setTimeout: (fn, timeoutMs) => setTimeout(fn, Math.min(timeoutMs, maxTimerMs)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  endOfTurn,
};
